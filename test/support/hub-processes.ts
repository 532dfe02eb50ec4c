import pino from 'pino'
import { type Core, openCore } from '../../core.ts'
import { basic, type Client, clientOf } from './client.ts'
import { type Combination, type Engines, embedded, startEngines } from './engines.ts'
import { temporaryFolder } from './folder.ts'
import { testConfig } from './hub.ts'
import {
  type Ended,
  type RunningHub,
  type RunningProcess,
  type Runtime,
  runCommand,
  startHubProcess,
  startProcess,
  untilReady,
} from './process.ts'

/** The processes of one hub: all on the same stores, with a root. */
export interface HubProcesses {
  readonly path: string
  /** Its stores, as another process opens them; to be closed. */
  readonly open: () => Promise<Core>
  /** Starts a process that answers requests; settles when it is ready. */
  readonly serve: (more?: readonly string[]) => Promise<RunningHub>
  readonly project: () => Promise<RunningProcess>
  readonly command: (parameters: readonly string[]) => Promise<Ended>
  /** Ends those that still run, and the stores with them. */
  readonly stop: () => Promise<void>
}

export const asRoot = ({ url }: Pick<RunningHub, 'url'>): Client => clientOf(url, basic('ROOT', 'freedom'))

export const startHubProcesses = async (
  settings: Readonly<Record<string, string>> = {},
  runtime: Runtime = 'node',
  combination: Combination = embedded,
): Promise<HubProcesses> => {
  const folder = temporaryFolder()
  const engines: Engines = await startEngines(combination)
  const environment = { ...engines.settings, ...settings }
  const at = ['--data-dir', folder.path]
  const running: RunningProcess[] = []
  const started = <P extends RunningProcess>(process: P): P => {
    running.push(process)
    return process
  }
  const register = ['person', 'register', 'ROOT', '--roles', 'root', '--password-stdin', ...at]
  await runCommand(register, 'freedom', runtime, environment)
  return {
    path: folder.path,
    open: () => openCore(testConfig(folder.path, environment), pino({ level: 'silent' })),
    serve: async (more = []) => {
      const hub = started(await startHubProcess(folder.path, runtime, environment, 'serve', more))
      await untilReady(hub)
      return hub
    },
    project: async () => started(await startProcess(['project', ...at], runtime, environment)),
    command: parameters => runCommand([...parameters, ...at], '', runtime, environment),
    stop: async () => {
      for (const one of running) one.thaw()
      await Promise.all(running.map(one => one.kill('SIGTERM')))
      await engines.stop()
      folder.remove()
    },
  }
}
