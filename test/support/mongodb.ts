import { type ServerProcess, startServer } from './server-process.ts'

/** A MongoDB server that tests may store in; `run` is there only where the tests started it themselves. */
export interface MongoServer {
  readonly url: string
  readonly run?: ServerProcess
  readonly remove: () => Promise<void>
}

/** Why there is no server to test with; undefined when there is one. */
export const noMongoServer = (): string | undefined =>
  process.env.TEST_MONGODB_URL || process.env.TEST_MONGODB_SERVER
    ? undefined
    : 'neither TEST_MONGODB_URL nor TEST_MONGODB_SERVER is set'

/** Why there is no server that tests may stop; undefined when there is one. */
export const noMongoProcess = (): string | undefined =>
  process.env.TEST_MONGODB_URL ? 'the server of TEST_MONGODB_URL cannot be stopped' : noMongoServer()

/**
 * The server that TEST_MONGODB_URL names, or one started from the program that TEST_MONGODB_SERVER names (it takes
 * `--dbpath DIR --port N` and prints `ready mongodb://…`) in a folder of its own.
 */
export const startMongoServer = async (): Promise<MongoServer> => {
  const { TEST_MONGODB_URL, TEST_MONGODB_SERVER } = process.env
  if (TEST_MONGODB_URL) return { url: TEST_MONGODB_URL, remove: async () => {} }
  if (!TEST_MONGODB_SERVER) throw new Error(noMongoServer())
  const run = await startServer({
    command: [TEST_MONGODB_SERVER],
    flags: folder => ['--dbpath', folder],
  })
  return { url: run.url, run, remove: run.remove }
}

/** The same server's URL with this database as its path. */
export const databaseUrl = (url: string, database: string): string =>
  url.replace(/^(mongodb(?:\+srv)?:\/\/[^/?]+)(?:\/[^?]*)?/, `$1/${database}`)
