import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setImmediate as immediate } from 'node:timers/promises'
import { temporaryFolder } from './folder.ts'

/** A MongoDB server that tests may store in; `run` is there only where the tests started it themselves. */
export interface MongoServer {
  readonly url: string
  readonly run?: MongoProcess
  readonly remove: () => Promise<void>
}

/** Does to a server's process what happens to one. */
export interface MongoProcess {
  readonly stop: () => Promise<void>
  /** As a power cut of the process: SIGKILL. */
  readonly kill: () => Promise<void>
  /** It falls silent, its connections open, until `thaw`. */
  readonly freeze: () => Promise<void>
  readonly thaw: () => void
  /** Starts it again after `stop` or `kill`, on the same folder and port. */
  readonly restart: () => Promise<void>
}

/** Why there is no server to test with; undefined when there is one. */
export const noMongoServer = (): string | undefined =>
  process.env.TEST_MONGODB_URL || process.env.TEST_MONGODB_SERVER
    ? undefined
    : 'neither TEST_MONGODB_URL nor TEST_MONGODB_SERVER is set'

interface Started {
  readonly pid: number
  readonly ended: Promise<unknown>
  readonly url: string
}

const spawnServer = async (program: string, folder: string, port: string): Promise<Started> => {
  const child = spawn(program, ['--dbpath', folder, '--port', port], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })
  const ended = once(child, 'exit')
  const first = await Promise.race([once(lines, 'line'), ended])
  const url = /^ready (mongodb:\/\/\S+)/.exec(String(first[0]))?.[1]
  if (url === undefined) throw new Error(`${program} did not start: ${String(first[0])}`)
  return { pid: child.pid ?? 0, ended, url }
}

/** Whether every thread of a process has stopped: the signal takes a moment. Taken for true where Linux's /proc is not. */
const isStopped = (pid: number): boolean => {
  const threads = `/proc/${pid}/task`
  return (
    !existsSync(threads) ||
    readdirSync(threads).every(thread => / T \d/.test(readFileSync(`${threads}/${thread}/stat`, 'utf8')))
  )
}

/**
 * The server that TEST_MONGODB_URL names, or one started from the program that TEST_MONGODB_SERVER names (it takes
 * `--dbpath DIR --port N` and prints `ready mongodb://…`) in a folder of its own.
 */
export const startMongoServer = async (): Promise<MongoServer> => {
  const { TEST_MONGODB_URL, TEST_MONGODB_SERVER } = process.env
  if (TEST_MONGODB_URL) return { url: TEST_MONGODB_URL, remove: async () => {} }
  if (!TEST_MONGODB_SERVER) throw new Error(noMongoServer())
  const folder = temporaryFolder()
  let started = await spawnServer(TEST_MONGODB_SERVER, folder.path, '0')
  let isRunning = true
  const { url } = started
  const port = /:(\d+)\//.exec(url)?.[1] ?? '0'

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
    run: {
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
        started = await spawnServer(TEST_MONGODB_SERVER, folder.path, port)
        isRunning = true
      },
    },
    remove: async () => {
      await end('SIGTERM')
      folder.remove()
    },
  }
}

/** The same server's URL with this database as its path. */
export const databaseUrl = (url: string, database: string): string =>
  url.replace(/^(mongodb(?:\+srv)?:\/\/[^/?]+)(?:\/[^?]*)?/, `$1/${database}`)
