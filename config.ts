import { readFileSync } from 'node:fs'
import { isIP, isIPv4, isIPv6 } from 'node:net'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { parseRoles, type Roles } from './auth/roles.ts'
import { mostTokenSeconds } from './auth/signing-keys.ts'
import { eventStoreUrlProblem } from './stores/eventstoredb/address.ts'
import { mongoUrlProblem } from './stores/mongodb/address.ts'

/** A setting of the hub: an environment variable, and a flag of every command. */
export interface Setting {
  readonly name: string
  readonly placeholder: string
  readonly fallback: string | undefined
  readonly meaning: string
  /** Its value is shown to nobody; of a URL the password is not. */
  readonly isSecret?: boolean
  /** Shown by the help of every command. Others are of serving: commands that do not serve take them all the same. */
  readonly isOfEveryCommand?: boolean
}

export const settings: readonly Setting[] = [
  {
    name: 'HOST',
    placeholder: 'address',
    fallback: '127.0.0.1',
    meaning: 'address to listen on',
  },
  {
    name: 'PORT',
    placeholder: 'number',
    fallback: '8080',
    meaning: 'port to listen on; 0 takes a free one',
  },
  {
    name: 'PUBLIC_URL',
    placeholder: 'origin',
    fallback: undefined,
    meaning: 'the origin clients use; required when HOST is not loopback',
  },
  {
    name: 'DATA_DIR',
    placeholder: 'folder',
    fallback: './data',
    meaning: 'where the hub keeps everything',
    isOfEveryCommand: true,
  },
  {
    name: 'EVENTSTORE_URL',
    placeholder: 'url',
    fallback: undefined,
    meaning: 'keep events in EventStoreDB or KurrentDB, esdb://…; without it in DATA_DIR',
    isSecret: true,
    isOfEveryCommand: true,
  },
  {
    name: 'MONGODB_URL',
    placeholder: 'url',
    fallback: undefined,
    meaning: 'keep the rest in MongoDB, mongodb://…/NAME, in NAME and NAME_auth; without it in DATA_DIR',
    isSecret: true,
    isOfEveryCommand: true,
  },
  {
    name: 'STREAM_PREFIX',
    placeholder: 'text',
    fallback: 'thalamus.',
    meaning: 'before the name of every stream in EventStoreDB',
    isOfEveryCommand: true,
  },
  {
    name: 'ROLES_FILE',
    placeholder: 'file',
    fallback: undefined,
    meaning: 'roles of people, in the original’s format',
    isOfEveryCommand: true,
  },
  {
    name: 'MASTER_KEY_FILE',
    placeholder: 'file',
    fallback: undefined,
    meaning:
      'the key that wraps the keys of people, made where there is none; master.key in DATA_DIR, must be given with MONGODB_URL',
    isOfEveryCommand: true,
  },
  {
    name: 'TLS_CERT',
    placeholder: 'file',
    fallback: undefined,
    meaning: 'certificate (PEM), for https',
  },
  {
    name: 'TLS_KEY',
    placeholder: 'file',
    fallback: undefined,
    meaning: 'its private key (PEM)',
  },
  {
    name: 'TOKEN_TTL',
    placeholder: 'seconds',
    fallback: '600',
    meaning: `how long an access token of a node lives, at most ${mostTokenSeconds}`,
  },
  {
    name: 'MAX_CONTENT',
    placeholder: 'size',
    fallback: '64MiB',
    meaning: 'bytes of a document’s content at most, such as 67108864, 64MiB or 1GB',
    isOfEveryCommand: true,
  },
  {
    name: 'MAX_CONNECTIONS',
    placeholder: 'number',
    fallback: '8000',
    meaning: 'connections at the same time',
  },
  {
    name: 'MAX_NETWORK_CONNECTIONS',
    placeholder: 'number',
    fallback: '5000',
    meaning: 'connections at the same time from one network; TRUST_PROXY is exempt',
  },
  {
    name: 'MAX_REQUESTS',
    placeholder: 'number',
    fallback: '256',
    meaning: 'requests that are worked on at the same time, a quarter of them for each caller, at least 4',
  },
  {
    name: 'MAX_STREAMS',
    placeholder: 'number',
    fallback: '4096',
    meaning: 'streams and waiting requests at the same time, an eighth of them for each caller, at least 8',
  },
  {
    name: 'MAX_REQUEST_MEMORY',
    placeholder: 'size',
    fallback: '256MiB',
    meaning: 'memory for bodies and answers under way, an eighth of it for each caller, at least 128MiB',
  },
  {
    name: 'TRUST_PROXY',
    placeholder: 'addresses',
    fallback: undefined,
    meaning: 'addresses and networks of proxies whose X-Forwarded-For counts, comma-separated',
  },
  {
    name: 'METRICS_TOKEN',
    placeholder: 'token',
    fallback: undefined,
    meaning: 'opens /metrics to whoever sends it as Bearer; without it only to this machine',
    isSecret: true,
  },
  {
    name: 'METRICS_PORT',
    placeholder: 'number',
    fallback: undefined,
    meaning: 'port on which `project` gives its metrics, which it else gives nobody; 0 takes a free one',
  },
  {
    name: 'LOG_LEVEL',
    placeholder: 'level',
    fallback: 'info',
    meaning: 'error, warn, info or debug',
    isOfEveryCommand: true,
  },
  {
    name: 'CORS_ORIGINS',
    placeholder: 'origins',
    fallback: undefined,
    meaning: 'exact origins of browser applications, comma-separated',
  },
  {
    name: 'ALLOW_PRIVATE_WEBHOOKS',
    placeholder: 'on|off',
    fallback: 'off',
    meaning: 'send webhooks to private addresses and to this machine, too',
  },
  {
    name: 'LEGACY_LISTS',
    placeholder: 'on|off',
    fallback: 'off',
    meaning: 'lists as arrays of one-element arrays, as the original’s portal reads them',
  },
]

/** `DATA_DIR` as a flag: `data-dir`. */
export const flagOf = ({ name }: Setting): string => name.toLowerCase().replaceAll('_', '-')

/** A certificate and its private key in PEM, and the files that they are read from. */
export interface Tls {
  readonly cert: string
  readonly key: string
  readonly certFile: string
  readonly keyFile: string
}

export interface Config {
  readonly host: string
  readonly port: number
  /** Undefined: what the hub listens on. */
  readonly publicUrl: string | undefined
  readonly dataDir: string
  /** Where events are kept, if not in `dataDir`. */
  readonly eventStore: { readonly url: string; readonly prefix: string } | undefined
  /** Where the rest is kept, if not in `dataDir`. */
  readonly mongoUrl: string | undefined
  /** The file of the key that wraps the keys of people. */
  readonly masterKeyFile: string
  readonly roles: Roles
  readonly tls: Tls | undefined
  /** Seconds an access token lives. */
  readonly tokenSeconds: number
  /** Bytes of a document's content. */
  readonly mostContentBytes: number
  readonly mostConnections: number
  /** From one network; from trusted proxies as many as `mostConnections`. */
  readonly mostConnectionsPerNetwork: number
  /** Requests that are worked on at the same time. */
  readonly mostRequests: number
  /** Streams and long polls at the same time. */
  readonly mostStreams: number
  /** Bytes of bodies and answers under way, of all callers. */
  readonly mostRequestMemory: number
  /** Addresses and networks (CIDR) of proxies. */
  readonly trustedProxies: readonly string[]
  /** Opens the metrics to clients elsewhere. */
  readonly metricsToken: string | undefined
  /** On which a process that only projects gives its metrics. */
  readonly metricsPort: number | undefined
  readonly logLevel: 'error' | 'warn' | 'info' | 'debug'
  readonly corsOrigins: readonly string[]
  /** Webhooks may go to private addresses and to this machine. */
  readonly allowPrivateWebhooks: boolean
  readonly legacyLists: boolean
  /** Starts although the store of credentials is empty and the log names credentials. */
  readonly withoutCredentials: boolean
}

const isOrigin = (text: string): boolean => URL.canParse(text) && new URL(text).origin === text
const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))

const isNetwork = (text: string): boolean => {
  const [address = '', bits, ...more] = text.split('/')
  const most = isIPv6(address) ? 128 : 32
  return (
    isIP(address) !== 0 &&
    more.length === 0 &&
    (bits === undefined || (/^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= most))
  )
}

const listOf = (text: string): readonly string[] =>
  text
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== '')

const units: Readonly<Record<string, number>> = {
  '': 1,
  ...{ kb: 1e3, mb: 1e6, gb: 1e9 },
  ...{ kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3 },
}
const mostContent = 16 * 1024 ** 3
const sizeRule = { error: 'must be a number of bytes from 1 to 16GiB, such as 67108864, 64MiB or 1GB' }

/** `64MiB` (1024 × 1024 each) and `64MB` (a million each) in bytes; NaN for what is no size. */
const bytesOf = (text: string): number => {
  const [, digits, unit = ''] = /^(\d{1,12}) ?([kmg]i?b)?$/i.exec(text) ?? []
  return Number(digits) * (units[unit.toLowerCase()] ?? Number.NaN)
}

const onOff = z
  .string()
  .toLowerCase()
  .pipe(z.enum(['on', 'off', '1', '0', 'true', 'false'], { error: 'must be on or off' }))
  .transform(word => ['on', '1', 'true'].includes(word))

/** An address; what is wrong with it is said without it, for it may hold a password. */
const url = (problemOf: (url: string) => string | undefined) =>
  z.string().superRefine((text, context) => {
    const message = problemOf(text)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  })

const leastRequestMemory = 128 * 1024 ** 2
const connectionsRule = { error: 'must be a number of connections from 1 to 1000000' }
const connections = z
  .string()
  .regex(/^[1-9]\d{0,6}$/, connectionsRule)
  .transform(Number)
  .refine(number => number <= 1_000_000, connectionsRule)

const portRule = { error: 'must be a number from 0 to 65535' }
const portNumber = z
  .string()
  .regex(/^\d{1,5}$/, portRule)
  .transform(Number)
  .refine(port => port <= 65_535, portRule)

/** A number of things at the same time. */
const count = (least: number) => {
  const rule = { error: `must be a number from ${least} to 1000000` }
  return z
    .string()
    .regex(/^[1-9]\d{0,6}$/, rule)
    .transform(Number)
    .refine(number => number >= least && number <= 1_000_000, rule)
}

const shape = z.object({
  HOST: z.string(),
  PORT: portNumber,
  PUBLIC_URL: z
    .string()
    .refine(text => isOrigin(text) && /^https?:/.test(text), {
      error: 'must be an origin without a path, such as https://hub.example.org',
    })
    .optional(),
  DATA_DIR: z.string(),
  EVENTSTORE_URL: url(eventStoreUrlProblem).optional(),
  MONGODB_URL: url(mongoUrlProblem).optional(),
  STREAM_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/, { error: 'must be 1 to 64 of A–Z a–z 0–9 . _ -' }),
  MASTER_KEY_FILE: z.string().optional(),
  ROLES_FILE: z.string().optional(),
  TLS_CERT: z.string().optional(),
  TLS_KEY: z.string().optional(),
  TOKEN_TTL: z
    .string()
    .regex(/^\d{1,5}$/, { error: `must be a number of seconds from 1 to ${mostTokenSeconds}` })
    .transform(Number)
    .refine(seconds => seconds >= 1 && seconds <= mostTokenSeconds, {
      error: `must be a number of seconds from 1 to ${mostTokenSeconds}`,
    }),
  MAX_CONTENT: z
    .string()
    .transform(bytesOf)
    .refine(bytes => bytes >= 1 && bytes <= mostContent, sizeRule),
  MAX_CONNECTIONS: connections,
  MAX_NETWORK_CONNECTIONS: connections,
  MAX_REQUESTS: count(4),
  MAX_STREAMS: count(8),
  MAX_REQUEST_MEMORY: z
    .string()
    .transform(bytesOf)
    .refine(bytes => bytes >= leastRequestMemory && bytes <= mostContent, {
      error: 'must be a number of bytes from 128MiB to 16GiB, such as 268435456, 256MiB or 1GB',
    }),
  TRUST_PROXY: z
    .string()
    .transform(listOf)
    .refine(networks => networks.every(isNetwork), {
      error: 'must be addresses or networks, such as 127.0.0.1 or 10.0.0.0/8, with commas between them',
    })
    .optional(),
  METRICS_PORT: portNumber.optional(),
  METRICS_TOKEN: z
    .string()
    .regex(/^[A-Za-z0-9._~+/-]{16,256}=*$/, { error: 'must be 16 to 256 of A–Z a–z 0–9 . _ ~ + / -' })
    .optional(),
  LOG_LEVEL: z.enum(['error', 'warn', 'info', 'debug'], { error: 'must be error, warn, info or debug' }),
  CORS_ORIGINS: z
    .string()
    .transform(listOf)
    .refine(origins => origins.every(isOrigin), {
      error: 'must be exact origins, such as https://portal.example.org, with commas between them; no *',
    })
    .optional(),
  ALLOW_PRIVATE_WEBHOOKS: onOff,
  LEGACY_LISTS: onOff,
})

/** The text of a file that a setting names; undefined where it cannot be read. */
const textOf = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** Whether a private key belongs to a certificate, both in PEM. */
export const isPair = (tls: Pick<Tls, 'cert' | 'key'>): boolean => {
  try {
    createSecureContext(tls)
    return true
  } catch {
    return false
  }
}

const shippedRoles = fileURLToPath(new URL('./auth/roles.json', import.meta.url))

/** Values of settings by their names. */
type Values = Readonly<Record<string, string | undefined>>

/** Where a value comes from; the first that gives one counts. */
export const settingSources = ['flag', 'environment', 'file', 'default'] as const
export type SettingSource = (typeof settingSources)[number]

/** What gives values to settings. An empty value is unset. */
export interface GivenSettings {
  readonly flag: Values
  readonly environment: Values
  /** Of `--env-file`. */
  readonly file?: Values
}

export interface SettingInForce {
  readonly setting: Setting
  /** Undefined where nothing gives one. */
  readonly value: string | undefined
  readonly source: SettingSource
}

/** Each setting with the value in force, and where it comes from. */
export const settingsInForce = (given: GivenSettings): readonly SettingInForce[] =>
  settings.map(setting => {
    const values = { file: {}, ...given, default: { [setting.name]: setting.fallback } }
    const source = settingSources.find(one => (values[one][setting.name] ?? '') !== '') ?? 'default'
    return { setting, value: values[source][setting.name], source }
  })

/** Reads settings. Gives every problem at once, each a sentence that begins with the setting's name. */
export const readConfig = (
  given: GivenSettings,
): { readonly config: Config } | { readonly problems: readonly string[] } => {
  const values: Values = Object.fromEntries(
    settingsInForce(given).map(({ setting, value }) => [setting.name, value] as const),
  )
  const problems: string[] = []
  const parsed = shape.safeParse(values)
  if (!parsed.success)
    problems.push(...parsed.error.issues.map(issue => `${issue.path.join('.')}: ${issue.message}`))
  const fileOf = (name: string): string | undefined => {
    const path = values[name]
    if (path === undefined) return undefined
    const text = textOf(path)
    if (text === undefined) problems.push(`${name}: ${path} cannot be read`)
    return text
  }
  const [cert, key] = [fileOf('TLS_CERT'), fileOf('TLS_KEY')]
  const [certFile = '', keyFile = ''] = [values.TLS_CERT, values.TLS_KEY]
  const tls = cert === undefined || key === undefined ? undefined : { cert, key, certFile, keyFile }
  if ((values.TLS_CERT === undefined) !== (values.TLS_KEY === undefined))
    problems.push('TLS_CERT: goes together with TLS_KEY; set both or neither')
  if (tls !== undefined && !isPair(tls))
    problems.push('TLS_CERT: must be a certificate in PEM, and TLS_KEY the private key that belongs to it')
  if (tls !== undefined && values.PUBLIC_URL?.startsWith('http:'))
    problems.push('PUBLIC_URL: must begin with https where TLS_CERT is set')
  if (values.MONGODB_URL !== undefined && values.MASTER_KEY_FILE === undefined)
    problems.push(
      'MASTER_KEY_FILE: must be set with MONGODB_URL; name a file on a disk that no backup of the database copies',
    )
  if (values.HOST !== undefined && !isLoopback(values.HOST) && values.PUBLIC_URL === undefined)
    problems.push('PUBLIC_URL: must be set when HOST is not a loopback address')
  const rolesText = values.ROLES_FILE === undefined ? textOf(shippedRoles) : fileOf('ROLES_FILE')
  const roles = rolesText === undefined ? undefined : parseRoles(rolesText)
  if (roles !== undefined && 'problems' in roles)
    problems.push(...roles.problems.map(problem => `ROLES_FILE: ${problem}`))
  if (problems.length > 0 || !parsed.success || roles === undefined || 'problems' in roles)
    return { problems }

  const { data } = parsed
  return {
    config: {
      host: data.HOST,
      port: data.PORT,
      publicUrl: data.PUBLIC_URL,
      dataDir: data.DATA_DIR,
      eventStore:
        data.EVENTSTORE_URL === undefined
          ? undefined
          : { url: data.EVENTSTORE_URL, prefix: data.STREAM_PREFIX },
      mongoUrl: data.MONGODB_URL,
      masterKeyFile: data.MASTER_KEY_FILE ?? join(data.DATA_DIR, 'master.key'),
      roles,
      tls,
      tokenSeconds: data.TOKEN_TTL,
      mostContentBytes: data.MAX_CONTENT,
      mostConnections: data.MAX_CONNECTIONS,
      mostConnectionsPerNetwork: data.MAX_NETWORK_CONNECTIONS,
      mostRequests: data.MAX_REQUESTS,
      mostStreams: data.MAX_STREAMS,
      mostRequestMemory: data.MAX_REQUEST_MEMORY,
      trustedProxies: data.TRUST_PROXY ?? [],
      metricsToken: data.METRICS_TOKEN,
      metricsPort: data.METRICS_PORT,
      logLevel: data.LOG_LEVEL,
      corsOrigins: data.CORS_ORIGINS ?? [],
      allowPrivateWebhooks: data.ALLOW_PRIVATE_WEBHOOKS,
      legacyLists: data.LEGACY_LISTS,
      withoutCredentials: false,
    },
  }
}
