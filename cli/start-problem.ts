import { errorSummary } from '../api/http/error-summary.ts'
import type { Config } from '../config.ts'
import type { StartFailure } from '../start-failure.ts'

const documentation = 'See "Damaged, lost, put back" in docs/operations/backup.md.'

const startLater =
  'Start the release that wrote it, or a later one; or put a backup back that this one took. See docs/operations/upgrade.md.'

const readableOf = ({ rows, readable }: Extract<StartFailure, { _tag: 'DamagedFile' }>): string =>
  readable === 0 ? `None of its ${rows} can be read` : `Its first ${readable} ${rows} can be read`

const masterKeyReasons = {
  missing: 'is not there. Put the file back from where it is kept, or name it with MASTER_KEY_FILE.',
  unreadable: 'cannot be read or written. See that this user may.',
  'not a key': 'holds no key: a line is 32 bytes, as 64 hex digits or in base64.',
  'another key':
    'holds another key than the one that wraps the keys of people on this hub. Put that one back.',
} as const

const portProblem = (
  { port, metricsPort }: Config,
  setting: 'PORT' | 'METRICS_PORT',
  reason: 'in use' | 'not permitted',
): string => {
  const [number, flag] = setting === 'PORT' ? [port, '--port'] : [metricsPort, '--metrics-port']
  return reason === 'in use'
    ? `Port ${number} is in use: choose another one with ${flag}.`
    : `Port ${number} may not be used by this user: choose one above 1023 with ${flag}.`
}

/** What an operator can do about a hub that does not start. */
export const startProblem = (config: Config, failure: StartFailure): string => {
  const embedded = config.mongoUrl === undefined
  const credentials = embedded ? config.dataDir : 'MONGODB_URL'
  switch (failure._tag) {
    case 'PortUnavailable':
      return portProblem(config, failure.setting, failure.reason)
    case 'MoveUnfinished':
      return 'The hub cannot start on EVENTSTORE_URL: its log is being moved there and is not whole yet. Run `move` again, with the same options as before, until it says that all is moved.'
    case 'CredentialsOfAnotherLog':
      return `The hub cannot start on ${credentials}: the credentials there are those of another log. Name another database or folder, or set EVENTSTORE_URL and STREAM_PREFIX to where their log is.`
    case 'CredentialsMissing':
      return `The hub cannot start on ${credentials}: ${embedded ? 'auth.db' : 'the database NAME_auth'} holds no credentials, and the log names some. Nobody could log in. Put ${embedded ? 'auth.db' : 'it'} back from a backup, or start with --without-credentials and set every password and secret anew. ${documentation}`
    case 'DamagedFile':
      return `The hub cannot start on ${config.dataDir}: ${failure.file} is damaged. ${readableOf(failure)} as the files are now. Nothing was written to them. Put a backup back. ${documentation}`
    case 'FileOfNewerRelease':
      return `The hub cannot start on ${config.dataDir}: ${failure.file} was changed by a later release, in a way that this one does not know. Nothing was written to it. ${startLater}`
    case 'EventUnreadable':
      return `The hub cannot start: an event of the stream ${failure.stream} is ${failure.reason}. ${
        failure.reason === 'newer than this release'
          ? startLater
          : failure.reason === 'damaged'
            ? `Put a backup back. ${documentation}`
            : `Put ${embedded ? 'auth.db' : 'the database NAME_auth'} back from a backup: it holds the keys. ${documentation}`
      }`
    case 'MasterKeyUnusable':
      return `The hub cannot start: ${failure.file} ${masterKeyReasons[failure.reason]} The keys of people cannot be used without it. ${documentation}`
    case 'LogUnavailable':
    case 'AuthUnavailable':
    case 'ReadUnavailable':
    case 'Unexpected':
      return unavailable(config, failure.cause)
  }
}

const unavailable = (config: Config, cause: unknown): string => {
  const server = serverOf(config, cause)
  const [where, reason, check] =
    server === undefined
      ? [
          config.dataDir,
          cause instanceof Error ? cause.message : 'unknown reason',
          'the folder can be written and the disk has room',
        ]
      : [
          server,
          String(errorSummary(cause).cause),
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
