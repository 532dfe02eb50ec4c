import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

export type Runtime = 'node' | 'deno'

const commandOf = (runtime: Runtime): readonly string[] =>
  runtime === 'node' ? ['node_modules/.bin/node', '--'] : ['node_modules/.bin/deno', 'run', '-A', '--quiet']

const start = (
  runtime: Runtime,
  parameters: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): ChildProcess => {
  const [program = '', ...rest] = commandOf(runtime)
  return spawn(program, [...rest, 'cli/main.ts', ...parameters], {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
}

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export interface RunningCommand {
  readonly write: (text: string) => void
  readonly kill: (signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL') => void
  readonly endInput: () => void
  /** What it has written, once it has ended. */
  readonly ended: Promise<Ended>
}

/** Starts a command that reads what the test writes. */
export const startCommand = (
  parameters: readonly string[],
  runtime: Runtime = 'node',
  environment: Readonly<Record<string, string>> = {},
): RunningCommand => {
  const child = start(runtime, parameters, environment)
  const [out, err] = [collect(child.stdout), collect(child.stderr)]
  const ended = once(child, 'close').then(([code]) => ({
    code: typeof code === 'number' ? code : null,
    out: out(),
    err: err(),
  }))
  return {
    write: text => child.stdin?.write(text),
    kill: signal => child.kill(signal),
    endInput: () => child.stdin?.end(),
    ended,
  }
}

/** Runs a command of the command line to its end. */
export const runCommand = (
  parameters: readonly string[],
  input = '',
  runtime: Runtime = 'node',
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> => {
  const command = startCommand(parameters, runtime, environment)
  command.write(input)
  command.endInput()
  return command.ended
}

const collect = (stream: NodeJS.ReadableStream | null): (() => string) => {
  let text = ''
  stream?.on('data', chunk => {
    text += String(chunk)
  })
  return () => text
}

export interface RunningHub extends RunningProcess {
  readonly url: string
}

export interface RunningProcess {
  /** What it has written to its log so far. */
  readonly log: () => string
  readonly pid: number
  readonly kill: (signal: 'SIGTERM' | 'SIGKILL') => Promise<number | null>
  /** It stops where it is, until `thaw`. */
  readonly freeze: () => void
  readonly thaw: () => void
}

/** Starts a command that runs until it is ended; gives its first line as well. */
export const startProcess = async (
  parameters: readonly string[],
  runtime: Runtime = 'node',
  environment: Readonly<Record<string, string>> = {},
): Promise<RunningProcess & { readonly firstLine: string }> => {
  const child = start(runtime, parameters, environment)
  const log = collect(child.stderr)
  const lines = createInterface({ input: child.stdout ?? process.stdin })
  const ended = once(child, 'exit')
  const first = await Promise.race([once(lines, 'line'), ended])
  if (typeof first[0] !== 'string' || child.exitCode !== null) throw new Error(`it did not start: ${log()}`)
  return {
    firstLine: first[0],
    log,
    pid: child.pid ?? 0,
    kill: async signal => {
      child.kill(signal)
      const [code] = await ended
      return typeof code === 'number' ? code : null
    },
    freeze: () => {
      child.kill('SIGSTOP')
    },
    thaw: () => {
      child.kill('SIGCONT')
    },
  }
}

/** Starts a hub in a process of its own; it is there when its first line says so. */
export const startHubProcess = async (
  dataDir: string,
  runtime: Runtime = 'node',
  environment: Readonly<Record<string, string>> = {},
  command = 'serve',
  more: readonly string[] = [],
): Promise<RunningHub> => {
  const parameters = [command, '--data-dir', dataDir, '--port', environment.PORT ?? '0', ...more]
  const started = await startProcess(parameters, runtime, environment)
  const url = /^listening on (\S+)$/.exec(started.firstLine)?.[1]
  if (url === undefined) throw new Error(`the hub did not start: ${started.log()}`)
  return { ...started, url }
}

/** Asked more often, a hub would be busy with its answers instead. */
const readyMilliseconds = 20

/** Waits until the hub has read its log. */
export const untilReady = async ({ url }: Pick<RunningHub, 'url'>): Promise<void> => {
  while ((await fetch(`${url}/readyz`)).status !== 200) await pause(readyMilliseconds)
}
