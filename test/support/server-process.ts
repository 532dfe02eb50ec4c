import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setImmediate as immediate } from 'node:timers/promises'
import { temporaryFolder } from './folder.ts'

/** A server's process, and what happens to one. */
export interface ServerProcess {
  readonly url: string
  readonly stop: () => Promise<void>
  /** As a power cut of the process: SIGKILL. */
  readonly kill: () => Promise<void>
  /** It falls silent, its connections open, until `thaw`. */
  readonly freeze: () => Promise<void>
  readonly thaw: () => void
  /** Starts it again after `stop` or `kill`, on the same folder and port. */
  readonly restart: () => Promise<void>
  /** Ends it and removes its folder. */
  readonly remove: () => Promise<void>
}

interface Started {
  readonly pid: number
  readonly ended: Promise<unknown>
  readonly url: string
}

/** A program, and the flags in front of `--port N` with which it keeps things in a folder. */
export interface ServerProgram {
  readonly command: readonly string[]
  readonly flags: (folder: string) => readonly string[]
}

const spawnServer = async (
  { command, flags }: ServerProgram,
  folder: string,
  port: number,
): Promise<Started> => {
  const [program = '', ...first] = command
  const parameters = [...first, ...flags(folder), '--port', String(port)]
  const child = spawn(program, parameters, { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })
  const ended = once(child, 'exit')
  const line = await Promise.race([once(lines, 'line'), ended])
  const url = /^ready (\S+)/.exec(String(line[0]))?.[1]
  if (url === undefined) throw new Error(`${program} did not start: ${String(line[0])}`)
  return { pid: child.pid ?? 0, ended, url }
}

/** Whether every thread of a process has stopped: the signal takes a moment. Taken for true where Linux's /proc is not. */
export const isStopped = (pid: number): boolean => {
  const threads = `/proc/${pid}/task`
  return (
    !existsSync(threads) ||
    readdirSync(threads).every(thread => / T \d/.test(readFileSync(`${threads}/${thread}/stat`, 'utf8')))
  )
}

/** Starts a program that prints `ready URL` when it answers, in a folder of its own; port 0 takes a free one. */
export const startServer = async (program: ServerProgram, port = 0): Promise<ServerProcess> => {
  const folder = temporaryFolder()
  let started = await spawnServer(program, folder.path, port)
  let isRunning = true
  const { url } = started

  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    if (isRunning) {
      isRunning = false
      process.kill(started.pid, 'SIGCONT')
      process.kill(started.pid, signal)
    }
    await started.ended
  }
  return {
    url,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    freeze: async () => {
      process.kill(started.pid, 'SIGSTOP')
      while (!isStopped(started.pid)) await immediate()
    },
    thaw: () => {
      process.kill(started.pid, 'SIGCONT')
    },
    restart: async () => {
      started = await spawnServer(program, folder.path, Number(/:(\d+)/.exec(url)?.[1] ?? port))
      isRunning = true
    },
    remove: async () => {
      await end('SIGTERM')
      folder.remove()
    },
  }
}
