import { accessSync, constants, readFileSync } from 'node:fs'
import { z } from 'zod'
import { parseRoles, type Roles } from './auth/roles.ts'

/** A setting of the hub: an environment variable, and a flag of every command. */
export interface Setting {
  readonly name: string
  readonly placeholder: string
  readonly fallback: string | undefined
  readonly meaning: string
}

export const settings: readonly Setting[] = [
  { name: 'HOST', placeholder: 'address', fallback: '127.0.0.1', meaning: 'address to listen on' },
  { name: 'PORT', placeholder: 'number', fallback: '8080', meaning: 'port to listen on; 0 takes a free one' },
  {
    name: 'PUBLIC_URL',
    placeholder: 'origin',
    fallback: undefined,
    meaning: 'the origin clients use; required when HOST is not loopback',
  },
  { name: 'DATA_DIR', placeholder: 'folder', fallback: './data', meaning: 'where the hub keeps everything' },
  {
    name: 'ROLES_FILE',
    placeholder: 'file',
    fallback: undefined,
    meaning: 'roles of people, in the original’s format',
  },
  { name: 'TLS_CERT', placeholder: 'file', fallback: undefined, meaning: 'certificate (PEM), for https' },
  { name: 'TLS_KEY', placeholder: 'file', fallback: undefined, meaning: 'its private key (PEM)' },
  { name: 'LOG_LEVEL', placeholder: 'level', fallback: 'info', meaning: 'error, warn, info or debug' },
  {
    name: 'CORS_ORIGINS',
    placeholder: 'origins',
    fallback: undefined,
    meaning: 'exact origins of browser applications, comma-separated',
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

export interface Config {
  readonly host: string
  readonly port: number
  /** Undefined: what the hub listens on. */
  readonly publicUrl: string | undefined
  readonly dataDir: string
  readonly roles: Roles
  readonly tls: { readonly cert: string; readonly key: string } | undefined
  readonly logLevel: 'error' | 'warn' | 'info' | 'debug'
  readonly corsOrigins: readonly string[]
  readonly legacyLists: boolean
}

const isOrigin = (text: string): boolean => URL.canParse(text) && new URL(text).origin === text
const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127\./.test(host)

const onOff = z.enum(['on', 'off', '1', '0', 'true', 'false'], { error: 'must be on or off' })

const shape = z.object({
  HOST: z.string(),
  PORT: z
    .string()
    .regex(/^\d{1,5}$/, { error: 'must be a number from 0 to 65535' })
    .transform(Number)
    .refine(port => port <= 65_535, { error: 'must be a number from 0 to 65535' }),
  PUBLIC_URL: z
    .string()
    .refine(text => isOrigin(text) && /^https?:/.test(text), {
      error: 'must be an origin without a path, such as https://hub.example.org',
    })
    .optional(),
  DATA_DIR: z.string(),
  ROLES_FILE: z.string().optional(),
  TLS_CERT: z.string().optional(),
  TLS_KEY: z.string().optional(),
  LOG_LEVEL: z.enum(['error', 'warn', 'info', 'debug'], { error: 'must be error, warn, info or debug' }),
  CORS_ORIGINS: z
    .string()
    .transform(text =>
      text
        .split(',')
        .map(origin => origin.trim())
        .filter(origin => origin !== ''),
    )
    .refine(origins => origins.every(isOrigin), {
      error: 'must be exact origins, such as https://portal.example.org, with commas between them; no *',
    })
    .optional(),
  LEGACY_LISTS: onOff.transform(word => ['on', '1', 'true'].includes(word.toLowerCase())),
})

const readable = (path: string): boolean => {
  try {
    accessSync(path, constants.R_OK)
    return true
  } catch {
    return false
  }
}

const shippedRoles = new URL('./auth/roles.json', import.meta.url)

/**
 * Reads settings: flags before the environment before defaults; an empty value is unset. Gives every problem at
 * once, each a sentence that begins with the setting's name.
 */
export const readConfig = (
  environment: Readonly<Record<string, string | undefined>>,
  flags: Readonly<Record<string, string | undefined>>,
): { readonly config: Config } | { readonly problems: readonly string[] } => {
  const given = (name: string): string | undefined =>
    [flags[name], environment[name]].find(value => value !== undefined && value !== '')
  const values = Object.fromEntries(
    settings.map(({ name, fallback }) => [name, given(name) ?? fallback] as const),
  )
  if (values.LEGACY_LISTS !== undefined) values.LEGACY_LISTS = values.LEGACY_LISTS.toLowerCase()
  const problems: string[] = []
  const unsupported = ['EVENTSTORE_URL', 'MONGODB_URL'].filter(name => given(name) !== undefined)
  for (const name of unsupported)
    problems.push(`${name}: this release runs on its embedded engine only; unset it`)
  const parsed = shape.safeParse(values)
  if (!parsed.success)
    problems.push(...parsed.error.issues.map(issue => `${issue.path.join('.')}: ${issue.message}`))
  for (const name of ['ROLES_FILE', 'TLS_CERT', 'TLS_KEY']) {
    const path = values[name]
    if (path !== undefined && !readable(path)) problems.push(`${name}: ${path} cannot be read`)
  }
  if ((values.TLS_CERT === undefined) !== (values.TLS_KEY === undefined))
    problems.push('TLS_CERT: goes together with TLS_KEY; set both or neither')
  if (values.HOST !== undefined && !isLoopback(values.HOST) && values.PUBLIC_URL === undefined)
    problems.push('PUBLIC_URL: must be set when HOST is not a loopback address')
  const rolesFile = values.ROLES_FILE
  const roles =
    rolesFile !== undefined && !readable(rolesFile)
      ? undefined
      : parseRoles(readFileSync(rolesFile ?? shippedRoles, 'utf8'))
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
      roles,
      tls:
        data.TLS_CERT === undefined || data.TLS_KEY === undefined
          ? undefined
          : { cert: readFileSync(data.TLS_CERT, 'utf8'), key: readFileSync(data.TLS_KEY, 'utf8') },
      logLevel: data.LOG_LEVEL,
      corsOrigins: data.CORS_ORIGINS ?? [],
      legacyLists: data.LEGACY_LISTS,
    },
  }
}
