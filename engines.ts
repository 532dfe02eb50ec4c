import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import * as E from '#fp/Either'
import type { AuthStore } from './auth/auth-store.ts'
import type { KeyStore } from './auth/key-store.ts'
import { type MasterKeys, masterKeyOf } from './auth/master-keys.ts'
import { type OpenedSubjectKeys, subjectKeysIn } from './auth/subject-keys.ts'
import type { ContentStore } from './commands/content-store.ts'
import type { MessageBodies } from './commands/message-bodies.ts'
import type { Config } from './config.ts'
import type { Checkpoints } from './projections/checkpoints.ts'
import type { Leases } from './projections/leases.ts'
import type { ReadModels, ReadModelWriter } from './projections/read-store.ts'
import type { DeliveryStore } from './relay/delivery-store.ts'
import { fileContent } from './stores/files/content.ts'
import { masterKeysIn } from './stores/files/master-keys.ts'
import type { MoveSource, MoveTarget } from './stores/moving/move.ts'
import { sqliteAuthStore } from './stores/sqlite/auth-store.ts'
import { damagedFileOf, readableRows } from './stores/sqlite/damage.ts'
import { type SqliteLog, sqliteLog } from './stores/sqlite/event-log.ts'
import { integrityOf } from './stores/sqlite/integrity.ts'
import { NewerFile } from './stores/sqlite/kept-file.ts'
import { sqliteReadStore } from './stores/sqlite/read-store.ts'
import { sqliteRelayStore } from './stores/sqlite/relay-store.ts'
import type { Sealable, StoredLog } from './stores/stored.ts'

interface Closed {
  readonly close: () => Promise<void>
}

/** What the relay keeps beside events, and cannot be rebuilt from them. */
export interface RelayStore {
  readonly bodies: MessageBodies
  readonly deliveries: DeliveryStore
  readonly leases: Leases
}

/** What a hub keeps things in. */
export interface Stores {
  readonly events: StoredLog
  /** Transactions of the embedded event log so far: for the benchmark. */
  readonly commits: () => number
  /** How many events of the embedded log have no checksum. */
  readonly withoutChecksum: SqliteLog['withoutChecksum']
  /** When the embedded event log was left for another engine, if it was. */
  readonly sealedAt: Sealable['sealedAt']
  readonly auth: AuthStore & KeyStore & Closed
  /** Of the people that events and contents are about. */
  readonly keys: OpenedSubjectKeys
  readonly masterKeys: MasterKeys
  readonly contents: ContentStore & Closed
  readonly relay: RelayStore & Closed
  readonly reads: ReadModels & ReadModelWriter & Closed
  readonly leases: Leases
  readonly checkpoints: Checkpoints
}

type Events = Pick<Stores, 'events' | 'commits' | 'sealedAt' | 'withoutChecksum'>

const eventsFile = ({ dataDir }: Config): string => join(dataDir, 'events.db')
const contentFolder = ({ dataDir }: Config): string => join(dataDir, 'content')
const relayFile = ({ dataDir }: Config): string => join(dataDir, 'relay.db')
const authFile = ({ dataDir }: Config): string => join(dataDir, 'auth.db')

const openEvents = async (config: Config): Promise<Events> => {
  const { eventStore } = config
  if (eventStore === undefined) {
    const events = sqliteLog(eventsFile(config))
    const { commits, sealedAt, withoutChecksum } = events
    return { events, commits, sealedAt, withoutChecksum }
  }
  // A driver takes a quarter of a second and 25 MB: only who uses it loads it.
  const { eventStoreDbLog } = await import('./stores/eventstoredb/event-log.ts')
  return {
    events: eventStoreDbLog(eventStore),
    commits: () => 0,
    sealedAt: async () => E.right(undefined),
    withoutChecksum: async () => E.right(0),
  }
}

/** Called when a damaged file of read models was set aside under another name. */
type ReportSetAside = (file: string, keptAs: string) => void

const openTheRest = async (config: Config, report: ReportSetAside): Promise<Omit<Stores, keyof Events>> => {
  const { dataDir, mongoUrl } = config
  const masterKeys = masterKeysIn(config.masterKeyFile, masterKeyOf)
  if (mongoUrl === undefined) {
    const auth = sqliteAuthStore(authFile(config))
    const keys = subjectKeysIn(auth, masterKeys)
    const reads = sqliteReadStore(join(dataDir, 'read.db'), keptAs => report('read.db', keptAs))
    return {
      auth,
      keys,
      masterKeys,
      contents: { ...fileContent(contentFolder(config), keys), close: async () => {} },
      relay: sqliteRelayStore(relayFile(config)),
      reads,
      leases: reads.leases,
      checkpoints: reads.checkpoints,
    }
  }
  const [{ mongoAuthStore }, { mongoContent }, { mongoReadStore }, { mongoRelayStore }] = await Promise.all([
    import('./stores/mongodb/auth-store.ts'),
    import('./stores/mongodb/content.ts'),
    import('./stores/mongodb/read-store.ts'),
    import('./stores/mongodb/relay-store.ts'),
  ])
  const reads = mongoReadStore(mongoUrl)
  const auth = mongoAuthStore(mongoUrl)
  const keys = subjectKeysIn(auth, masterKeys)
  return {
    auth,
    keys,
    masterKeys,
    contents: mongoContent(mongoUrl, keys),
    relay: mongoRelayStore(mongoUrl),
    reads,
    leases: reads.leases,
    checkpoints: reads.checkpoints,
  }
}

/** Opens the stores that the settings name: in DATA_DIR what they leave out. Throws what cannot be opened. */
export const openStores = async (config: Config, report: ReportSetAside): Promise<Stores> => {
  const events = await openEvents(config)
  try {
    return { ...events, ...(await openTheRest(config, report)) }
  } catch (error) {
    await events.events.close()
    throw error
  }
}

/** The SQLite files of a hub with these settings, without their folder. */
export const filesOf = ({ eventStore, mongoUrl }: Config): readonly string[] => [
  ...(eventStore === undefined ? ['events.db'] : []),
  ...(mongoUrl === undefined ? ['auth.db', 'relay.db', 'read.db'] : []),
]

/** What SQLite finds wrong with a file of DATA_DIR, a sentence each; none where it is not there. Writes nothing. */
export const integrityIn = ({ dataDir }: Config, file: string): readonly string[] =>
  integrityOf(join(dataDir, file), file)

/** A file of DATA_DIR that SQLite cannot read, and how much of it can still be read. */
export interface DamagedFile {
  readonly _tag: 'DamagedFile'
  /** Without its folder. */
  readonly file: string
  readonly rows: 'events' | 'credentials' | 'bodies of messages'
  /** Those before the first that cannot be read. */
  readonly readable: number
}

/** A file of DATA_DIR that an earlier release must not touch. */
export interface FileOfNewerRelease {
  readonly _tag: 'FileOfNewerRelease'
  /** Without its folder. */
  readonly file: string
}

/** The file that an error says is of a later release. */
export const newerFileIn = (error: unknown): FileOfNewerRelease | undefined =>
  error instanceof NewerFile ? { _tag: 'FileOfNewerRelease', file: error.file } : undefined

/** The damaged file that an error names. Counts what can be read, and writes nothing. */
export const damagedFileIn = (config: Config, error: unknown): DamagedFile | undefined => {
  const file = damagedFileOf(error)
  if (file === undefined) return undefined
  const looks = [
    [authFile(config), 'credentials', 'credentials', 'rowid'],
    [relayFile(config), 'bodies of messages', 'bodies', 'rowid'],
    [eventsFile(config), 'events', 'events', 'position'],
  ] as const
  const [path, rows, table, column] = looks.find(([path]) => file.startsWith(basename(path))) ?? looks[2]
  return { _tag: 'DamagedFile', file, rows, readable: readableRows(path, table, column) }
}

/**
 * Opens both sides of a move from DATA_DIR to the engines that the settings name; undefined where there is nothing in
 * DATA_DIR. Throws what cannot be opened.
 */
export const openMove = async (
  config: Config,
): Promise<
  | ({
      readonly source: MoveSource & { readonly keys: OpenedSubjectKeys }
      readonly target: MoveTarget
    } & Closed)
  | undefined
> => {
  const { eventStore, mongoUrl } = config
  if (eventStore === undefined || mongoUrl === undefined || !existsSync(eventsFile(config))) return undefined
  const [{ eventStoreDbLog }, { mongoAuthStore }, { mongoContent }, { mongoRelayStore }] = await Promise.all([
    import('./stores/eventstoredb/event-log.ts'),
    import('./stores/mongodb/auth-store.ts'),
    import('./stores/mongodb/content.ts'),
    import('./stores/mongodb/relay-store.ts'),
  ])
  const auth = sqliteAuthStore(authFile(config))
  const keys = subjectKeysIn(auth, masterKeysIn(config.masterKeyFile, masterKeyOf))
  const source = {
    log: sqliteLog(eventsFile(config)),
    auth,
    keys,
    contents: fileContent(contentFolder(config), keys),
    relay: sqliteRelayStore(relayFile(config)),
  }
  const target = {
    log: eventStoreDbLog(eventStore),
    auth: mongoAuthStore(mongoUrl),
    contents: mongoContent(mongoUrl, keys),
    relay: mongoRelayStore(mongoUrl),
  }
  return {
    source,
    target,
    close: async () => {
      await target.contents.close()
      for (const { log, auth, relay } of [target, source]) {
        await relay.close()
        await auth.close()
        await log.close()
      }
    },
  }
}
