import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import { temporaryFolder } from './folder.ts'

const debians = '/usr/lib/postgresql'

/** Where the server's programs are: in `TEST_POSTGRESQL_BIN`, else where Debian's package has its newest. */
const programs = (): string | undefined =>
  [
    process.env.TEST_POSTGRESQL_BIN ?? '',
    ...(existsSync(debians) ? readdirSync(debians) : [])
      .sort((a, b) => Number(b) - Number(a))
      .map(version => join(debians, version, 'bin')),
  ].find(folder => folder !== '' && existsSync(join(folder, 'initdb')))

/** Why there is no server to test with; undefined when there is one. */
export const noPostgresql = (): string | undefined =>
  programs() === undefined ? 'PostgreSQL is not installed' : undefined

/** The server refuses to be run by root: then it is nobody's. */
const owner = (): { readonly uid: number; readonly gid: number } | undefined => {
  if (process.getuid?.() !== 0) return undefined
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find(entry => entry.startsWith('nobody:'))
  const [, , uid, gid] = line?.split(':') ?? []
  return { uid: Number(uid), gid: Number(gid) }
}

/** A port of loopback that nobody listens on. */
export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

export interface Postgresql {
  readonly port: number
  /** Where its socket is; who uses that needs no password. */
  readonly folder: string
  readonly password: string
  /** The address of a database over the network, which needs a password. */
  readonly urlOf: (database: string, password?: string) => string
  /** The same through the socket. */
  readonly socketUrlOf: (database: string) => string
  /** Makes a database, and runs statements in it. */
  readonly make: (
    database: string,
    statements: readonly (string | readonly [string, ...unknown[]])[],
  ) => Promise<void>
  readonly remove: () => Promise<void>
}

const user = 'gnuhealth'
const password = 'a secret of: this/test@100%'

/** A PostgreSQL server of a test's own, in a new folder, on loopback. `tls` are the files of a certificate and its key. */
export const startPostgresql = async (tls?: {
  readonly cert: string
  readonly key: string
}): Promise<Postgresql> => {
  const bin = programs()
  if (bin === undefined) throw new Error(noPostgresql())
  const folder = temporaryFolder()
  const as = owner()
  const mine = (path: string): string => {
    if (as !== undefined) chownSync(path, as.uid, as.gid)
    return path
  }
  mine(folder.path)
  chmodSync(folder.path, 0o755)
  const data = join(folder.path, 'data')
  mkdirSync(data, { mode: 0o700 })
  mine(data)
  const secret = join(folder.path, 'password')
  writeFileSync(secret, password)
  mine(secret)
  const options = { cwd: folder.path, ...as }
  const rules = ['--auth-local=trust', '--auth-host=scram-sha-256', `--pwfile=${secret}`]
  const form = ['--encoding=UTF8', '--locale=C', '--no-sync', `--username=${user}`]
  execFileSync(join(bin, 'initdb'), ['-D', data, ...rules, ...form], { ...options, stdio: 'ignore' })
  const tlsFlags: string[] = []
  if (tls !== undefined) {
    for (const [name, file] of [['server.crt', tls.cert] as const, ['server.key', tls.key] as const]) {
      copyFileSync(file, join(data, name))
      chmodSync(mine(join(data, name)), 0o600)
    }
    tlsFlags.push('-c', 'ssl=on')
  }
  const port = await freePort()
  const settings = ['listen_addresses=127.0.0.1', `port=${port}`, `unix_socket_directories=${folder.path}`]
  const fast = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off']
  const child = spawn(
    join(bin, 'postgres'),
    ['-D', data, ...[...settings, ...fast].flatMap(setting => ['-c', setting]), ...tlsFlags],
    { ...options, stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const ended = once(child, 'exit')
  await new Promise<void>((resolve, reject) => {
    let log = ''
    child.stderr.on('data', chunk => {
      log += String(chunk)
      if (log.includes('ready to accept connections')) resolve()
    })
    ended.then(() => reject(new Error(`PostgreSQL did not start: ${log}`)))
  })
  child.stderr.resume()

  const socketUrlOf = (database: string): string =>
    `postgresql:///${database}?host=${encodeURIComponent(folder.path)}&port=${port}&user=${user}`
  const within = async (database: string, work: (client: pg.Client) => Promise<void>): Promise<void> => {
    const client = new pg.Client({ host: folder.path, port, user, database })
    await client.connect()
    try {
      await work(client)
    } finally {
      await client.end()
    }
  }
  return {
    port,
    folder: folder.path,
    password,
    urlOf: (database, given = password) =>
      `postgresql://${user}${given === '' ? '' : `:${encodeURIComponent(given)}`}@127.0.0.1:${port}/${database}`,
    socketUrlOf,
    make: async (database, statements) => {
      await within('postgres', async client => {
        const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [database])
        if (found.rows.length === 0) await client.query(`CREATE DATABASE ${database}`)
      })
      await within(database, async client => {
        for (const statement of statements) {
          const [text, ...values] = typeof statement === 'string' ? [statement] : statement
          await client.query(text, values)
        }
      })
    },
    remove: async () => {
      child.kill('SIGINT')
      await ended
      folder.remove()
    },
  }
}

/** The original's five tables, empty. */
export const originalTables: readonly string[] = [
  'CREATE TABLE people (id varchar PRIMARY KEY, data jsonb)',
  'CREATE TABLE pols (id varchar PRIMARY KEY, book varchar REFERENCES people (id), data jsonb)',
  `CREATE TABLE personal_docs (id varchar PRIMARY KEY, fedacct varchar REFERENCES people (id),
    pol varchar REFERENCES pols (id), document bytea, data jsonb)`,
  'CREATE TABLE dus (id varchar PRIMARY KEY, data jsonb)',
  'CREATE TABLE institutions (id varchar PRIMARY KEY, data jsonb)',
]

export type Statement = readonly [string, ...unknown[]]

const textOf = (data: unknown): string | null =>
  data === undefined ? null : typeof data === 'string' ? data : JSON.stringify(data)

/** A row; `data` is a value, or JSON text. */
export const rowIn = (table: 'people' | 'dus' | 'institutions', id: string, data?: unknown): Statement => [
  `INSERT INTO ${table} VALUES ($1, $2)`,
  id,
  textOf(data),
]

export const pageRow = (id: string, book: string | null, data?: unknown): Statement => [
  'INSERT INTO pols VALUES ($1, $2, $3)',
  id,
  book,
  textOf(data),
]

export const documentRow = (
  id: string,
  person: string | null,
  page: string | null,
  document: Buffer | null,
  data?: unknown,
): Statement => [
  'INSERT INTO personal_docs VALUES ($1, $2, $3, $4, $5)',
  id,
  person,
  page,
  document,
  textOf(data),
]
