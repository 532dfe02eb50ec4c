import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { newPrefix, openTarget, type Target } from './eventstoredb/target.ts'
import { temporaryFolder } from './folder.ts'
import { databaseUrl, type MongoServer, noMongoServer, startMongoServer } from './mongodb.ts'

/** What keeps the events, and what keeps the rest. */
export type Combination = readonly [events: 'SQLite' | 'EventStoreDB', rest: 'SQLite' | 'MongoDB']

export const embedded: Combination = ['SQLite', 'SQLite']
export const servers: Combination = ['EventStoreDB', 'MongoDB']
export const mixed: readonly Combination[] = [
  ['EventStoreDB', 'SQLite'],
  ['SQLite', 'MongoDB'],
]

/** Whether one part is on a server and the other is not. */
export const isMixed = ([events, rest]: Combination): boolean =>
  (events === 'EventStoreDB') !== (rest === 'MongoDB')

/** Why a hub cannot be tested on these here; undefined when it can. */
export const noEngines = ([, rest]: Combination): string | undefined =>
  rest === 'MongoDB' ? noMongoServer() : undefined

export interface Engines {
  /** What a hub must be told to keep things there. */
  readonly settings: Readonly<Record<string, string>>
  readonly events: Target | undefined
  readonly rest: MongoServer | undefined
  readonly stop: () => Promise<void>
}

/** Servers for a hub of its own, started where the tests were not told of running ones. */
export const startEngines = async ([events, rest]: Combination): Promise<Engines> => {
  const target = events === 'EventStoreDB' ? await openTarget() : undefined
  const mongo = rest === 'MongoDB' ? await startMongoServer() : undefined
  const folder = temporaryFolder()
  const keyFile = join(folder.path, 'master.key')
  return {
    settings: {
      ...(target === undefined ? {} : { EVENTSTORE_URL: target.url, STREAM_PREFIX: newPrefix() }),
      ...(mongo === undefined
        ? {}
        : { MONGODB_URL: databaseUrl(mongo.url, `hub_${randomUUID()}`), MASTER_KEY_FILE: keyFile }),
    },
    events: target,
    rest: mongo,
    stop: async () => {
      await target?.close()
      await mongo?.remove()
      folder.remove()
    },
  }
}
