import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

type Environment = Readonly<Record<string, string | undefined>>

/** What is wrong with the address of a database by its form; undefined when nothing is. It is never repeated: it may hold a password. */
export const addressProblem = (from: string | undefined): string | undefined => {
  const form = '--from: must be postgresql://[USER@]HOST[:PORT]/DATABASE; see --help'
  if (from === undefined || from === '') return form
  try {
    return /^postgres(ql)?:$/.test(new URL(from).protocol) ? undefined : form
  } catch {
    return form
  }
}

const textOf = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** The members of a section of libpq's connection service file ("The Connection Service File" of PostgreSQL's manual). */
const serviceIn = (text: string, name: string): ReadonlyMap<string, string> | undefined => {
  const lines = text.split(/\r?\n/).map(line => line.trim())
  const start = lines.indexOf(`[${name}]`)
  if (start < 0) return undefined
  const rest = lines.slice(start + 1)
  const end = rest.findIndex(line => line.startsWith('['))
  return new Map(
    rest
      .slice(0, end < 0 ? undefined : end)
      .filter(line => line !== '' && !line.startsWith('#') && line.includes('='))
      .map(line => [line.slice(0, line.indexOf('=')).trim(), line.slice(line.indexOf('=') + 1).trim()]),
  )
}

const partOf: Readonly<Record<string, (url: URL) => string>> = {
  host: url => url.hostname,
  port: url => url.port,
  user: url => url.username,
  password: url => url.password,
}

/** What the address leaves out, a service says. */
const withService = (url: URL, environment: Environment): URL | undefined => {
  const name = url.searchParams.get('service') ?? environment.PGSERVICE
  if (name === undefined || name === '') return url
  const file = environment.PGSERVICEFILE ?? join(homedir(), '.pg_service.conf')
  const service = serviceIn(textOf(file) ?? '', name)
  if (service === undefined) return undefined
  const whole = new URL(url)
  whole.searchParams.delete('service')
  const database = service.get('dbname')
  if (database !== undefined && url.pathname.length < 2) whole.pathname = `/${encodeURIComponent(database)}`
  for (const [key, value] of service)
    if (key !== 'dbname' && !whole.searchParams.has(key) && (partOf[key]?.(url) ?? '') === '')
      whole.searchParams.set(key, value)
  return whole
}

/**
 * Addresses for `pg`, to be tried in their order, for one that was given: `sslmode` as in libpq, which prefers TLS where
 * nothing else is said. What they leave out, `pg` takes from `PGHOST`, `PGUSER`, `PGPASSWORD`, `PGPASSFILE` and the like.
 * None where the service that it names is not in the service file.
 */
export const addressesOf = (from: string, environment: Environment): readonly string[] => {
  const url = withService(new URL(from), environment)
  if (url === undefined) return []
  const withMode = (mode: string): string => {
    const whole = new URL(url)
    whole.searchParams.set('sslmode', mode)
    whole.searchParams.set('uselibpqcompat', 'true')
    return whole.href
  }
  const isSocket = (url.searchParams.get('host') ?? environment.PGHOST ?? '').startsWith('/')
  const mode = url.searchParams.get('sslmode') ?? environment.PGSSLMODE ?? (isSocket ? 'disable' : 'prefer')
  return mode === 'prefer' || mode === 'allow' ? [withMode('prefer'), withMode('disable')] : [withMode(mode)]
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOENT: 'there is no such socket or file',
  ENOTFOUND: 'its host is not known',
  EAI_AGAIN: 'its host is not known',
  ETIMEDOUT: 'it does not answer',
  ECONNRESET: 'the connection was cut',
  '28P01': 'it does not take this user with this password',
  '28000': 'it does not let this user in from here',
  '3D000': 'it has no database of this name',
  '42501': 'this user may not read its tables',
  '42883': 'it is older than PostgreSQL 11',
  '57P01': 'the connection was cut',
  '53300': 'it has too many connections',
}

const codeOf = (cause: unknown): string | undefined =>
  cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined

/** Why the database cannot be read, without a word of the driver's: its messages may name more than they should. */
export const reasonOf = (cause: unknown): string => {
  const code = codeOf(cause)
  if (code !== undefined && reasons[code] !== undefined) return reasons[code]
  if (code !== undefined && /CERT|TLS|SSL|UNABLE_TO/.test(code))
    return `its certificate is not trusted (${code}): see sslrootcert and sslmode`
  const message = cause instanceof Error ? cause.message : ''
  if (message.startsWith('SASL') || message.includes('password must be a string'))
    return 'it wants a password: set PGPASSWORD'
  if (isWithoutTls(cause)) return 'it does not speak TLS'
  if (/terminated|timeout/i.test(message)) return 'the connection was cut'
  return `something unexpected happened${code === undefined ? '' : ` (${code})`}`
}

/** Whether it failed because the server does not speak TLS. */
export const isWithoutTls = (cause: unknown): boolean =>
  cause instanceof Error && cause.message.includes('does not support SSL')
