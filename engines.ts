import { join } from 'node:path'
import type { AuthStore } from './auth/auth-store.ts'
import type { ContentStore } from './commands/content-store.ts'
import type { Config } from './config.ts'
import type { ReadModels, ReadModelWriter } from './projections/read-store.ts'
import { fileContent } from './stores/files/content.ts'
import { sqliteAuthStore } from './stores/sqlite/auth-store.ts'
import { sqliteLog } from './stores/sqlite/event-log.ts'
import { sqliteReadStore } from './stores/sqlite/read-store.ts'
import type { StoredLog } from './stores/stored.ts'

interface Closed {
  readonly close: () => Promise<void>
}

/** What a hub keeps things in. */
export interface Stores {
  readonly events: StoredLog
  /** Transactions of the embedded event log so far: for the benchmark. */
  readonly commits: () => number
  readonly auth: AuthStore & Closed
  readonly contents: ContentStore & Closed
  readonly reads: ReadModels & ReadModelWriter & Closed
}

const openEvents = async ({ dataDir, eventStore }: Config): Promise<Pick<Stores, 'events' | 'commits'>> => {
  if (eventStore === undefined) {
    const events = sqliteLog(join(dataDir, 'events.db'))
    return { events, commits: events.commits }
  }
  // A driver takes a quarter of a second and 25 MB: only who uses it loads it.
  const { eventStoreDbLog } = await import('./stores/eventstoredb/event-log.ts')
  return { events: eventStoreDbLog(eventStore), commits: () => 0 }
}

const openTheRest = async ({
  dataDir,
  mongoUrl,
}: Config): Promise<Pick<Stores, 'auth' | 'contents' | 'reads'>> => {
  if (mongoUrl === undefined)
    return {
      auth: sqliteAuthStore(join(dataDir, 'auth.db')),
      contents: { ...fileContent(join(dataDir, 'content')), close: async () => {} },
      reads: sqliteReadStore(join(dataDir, 'read.db')),
    }
  const [{ mongoAuthStore }, { mongoContent }, { mongoReadStore }] = await Promise.all([
    import('./stores/mongodb/auth-store.ts'),
    import('./stores/mongodb/content.ts'),
    import('./stores/mongodb/read-store.ts'),
  ])
  return {
    auth: mongoAuthStore(mongoUrl),
    contents: mongoContent(mongoUrl),
    reads: mongoReadStore(mongoUrl),
  }
}

/** Opens the stores that the settings name: in DATA_DIR what they leave out. Throws what cannot be opened. */
export const openStores = async (config: Config): Promise<Stores> => ({
  ...(await openEvents(config)),
  ...(await openTheRest(config)),
})
