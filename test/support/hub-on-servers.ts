import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { basic, type Client, clientOf } from './client.ts'
import { startEventStore } from './eventstoredb/target.ts'
import { temporaryFolder } from './folder.ts'
import { databaseUrl, type MongoServer, startMongoServer } from './mongodb.ts'
import {
  type RunningHub,
  type RunningProcess,
  runCommand,
  startHubProcess,
  startProcess,
  untilReady,
} from './process.ts'
import type { ServerProcess } from './server-process.ts'

/** A hub whose event store and MongoDB are processes of their own that a test may stop, silence and kill. */
export interface HubOnServers {
  readonly events: ServerProcess
  readonly mongo: MongoServer
  readonly hub: RunningHub
  /** The projector beside the hub, if it has one of its own. */
  readonly projector: RunningProcess | undefined
  readonly root: Client
  readonly serve: (more?: readonly string[]) => Promise<RunningHub>
  readonly project: () => ReturnType<typeof startProcess>
  readonly rebuild: () => ReturnType<typeof runCommand>
  readonly stop: () => Promise<void>
}

export const rootOf = ({ url }: Pick<RunningHub, 'url'>): Client => clientOf(url, basic('ROOT', 'freedom'))

/** With a root. */
export const startHubOnServers = async (
  projecting: 'projects' | 'follows others' = 'projects',
): Promise<HubOnServers> => {
  const folder = temporaryFolder()
  const [events, mongo] = await Promise.all([startEventStore(), startMongoServer()])
  const settings = {
    EVENTSTORE_URL: events.url,
    MONGODB_URL: databaseUrl(mongo.url, `hub_${randomUUID()}`),
    MASTER_KEY_FILE: join(folder.path, 'master.key'),
  }
  const at = ['--data-dir', folder.path]
  const register = ['person', 'register', 'ROOT', '--roles', 'root', '--password-stdin', ...at]
  await runCommand(register, 'freedom', 'node', settings)
  const serve = (more: readonly string[] = []) =>
    startHubProcess(folder.path, 'node', settings, 'serve', more)
  const project = () => startProcess(['project', ...at], 'node', settings)
  const projector = projecting === 'projects' ? undefined : await project()
  const hub = await serve(projecting === 'projects' ? [] : ['--no-projector'])
  await untilReady(hub)
  const root = rootOf(hub)
  return {
    events,
    mongo,
    hub,
    projector,
    root,
    serve,
    project,
    rebuild: () => runCommand(['rebuild', ...at], '', 'node', settings),
    stop: async () => {
      await hub.kill('SIGTERM')
      await projector?.kill('SIGTERM')
      await Promise.all([events.remove(), mongo.remove()])
      folder.remove()
    },
  }
}
