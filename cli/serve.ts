import { errorSummary } from '../api/error-summary.ts'
import type { Config } from '../config.ts'
import {
  type Hub,
  makeLogger,
  openCore,
  type Projecting,
  type Running,
  startHub,
  startProjecting,
} from '../main.ts'
import type { ExitCode } from './main.ts'

/** Until the process is asked to end: Ctrl-C, or SIGTERM from a supervisor. */
export const untilAsked = (): Promise<void> =>
  new Promise(resolve => {
    process.once('SIGINT', () => resolve())
    process.once('SIGTERM', () => resolve())
  })

const portOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && (error.code === 'EADDRINUSE' || error.code === 'EACCES')
    ? error.code
    : undefined

/** What an operator can do about a hub that does not start. */
export const startProblem = (config: Config, error: unknown): string => {
  const code = portOf(error)
  if (code === 'EADDRINUSE') return `Port ${config.port} is in use: choose another one with --port.`
  if (code === 'EACCES')
    return `Port ${config.port} may not be used by this user: choose one above 1023 with --port.`
  if (error instanceof Error && error.message === 'MoveUnfinished')
    return 'The hub cannot start on EVENTSTORE_URL: its log is being moved there and is not whole yet. Run `move` again, with the same options as before, until it says that all is moved.'
  if (error instanceof Error && error.message === 'CredentialsOfAnotherLog')
    return `The hub cannot start on ${config.mongoUrl === undefined ? config.dataDir : 'MONGODB_URL'}: the credentials there are those of another log. Name another database or folder, or set EVENTSTORE_URL and STREAM_PREFIX to where their log is.`
  const server = serverOf(config, error)
  const [where, reason, check] =
    server === undefined
      ? [
          config.dataDir,
          error instanceof Error ? error.message : 'unknown reason',
          'the folder can be written and the disk has room',
        ]
      : [
          server,
          String(errorSummary(error).cause),
          'the server runs, can be reached from here and knows this user',
        ]
  return `The hub cannot start on ${where}: ${reason}. Check that ${check}.`
}

/** The setting of the server whose client failed so; undefined where it is not a server's. */
const serverOf = ({ eventStore, mongoUrl }: Config, error: unknown): string | undefined => {
  const isMongo = error instanceof Error && error.name.startsWith('Mongo')
  if (mongoUrl !== undefined && (isMongo || eventStore === undefined)) return 'MONGODB_URL'
  return eventStore === undefined ? undefined : 'EVENTSTORE_URL'
}

/** Starts what a command runs, until it is asked to end; what cannot start says why. */
const run = async <A extends Running>(
  config: Config,
  start: () => Promise<A>,
  started: (running: A) => string,
): Promise<ExitCode> => {
  const asked = untilAsked()
  let running: A
  try {
    running = await start()
  } catch (error) {
    process.stderr.write(`${startProblem(config, error)}\n`)
    return 1
  }
  process.stdout.write(`${started(running)}\n`)
  await asked
  await running.close()
  return 0
}

/** Runs the hub until it is asked to end. */
export const serve = (config: Config, projecting: Projecting): Promise<ExitCode> => {
  const logger = makeLogger(config.logLevel)
  return run<Hub>(
    config,
    async () => startHub(await openCore(config, logger), logger, projecting),
    ({ url }) => `listening on ${url}`,
  )
}

/** Runs only the projector until it is asked to end. */
export const project = (config: Config): Promise<ExitCode> => {
  const logger = makeLogger(config.logLevel)
  return run(
    config,
    async () => startProjecting(await openCore(config, logger), logger),
    () => 'projecting',
  )
}
