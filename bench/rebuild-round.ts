import * as E from '#fp/Either'
import type { Projection } from '../projections/projection.ts'
import { projections as allProjections } from '../projections/read-models.ts'
import { rebuild } from '../projections/rebuild.ts'
import { openLog } from '../stores/codec.ts'
import { openDatabase } from '../stores/sqlite/database.ts'
import { sqliteLog } from '../stores/sqlite/event-log.ts'
import { sqliteReadStore } from '../stores/sqlite/read-store.ts'
import { testKeys } from '../test/support/keys.ts'
import type { Cost } from './measure.ts'

/** What it costs to run `work` in this process. */
export const costOf = async (work: () => Promise<number>): Promise<Cost> => {
  const cpu = process.cpuUsage()
  const start = performance.now()
  const operations = await work()
  const { user, system } = process.cpuUsage(cpu)
  return { operations, milliseconds: performance.now() - start, cpuMilliseconds: (user + system) / 1000 }
}

/** The bare limit: reads every row of the log and parses what a projection needs of it. */
export const bareScan = (path: string): Promise<Cost> =>
  costOf(async () => {
    const db = openDatabase(path, 'FULL')
    let rows = 0
    for (const row of db.connection.prepare('SELECT * FROM events ORDER BY position').iterate()) {
      JSON.parse(String(row.data))
      JSON.parse(String(row.metadata))
      rows += 1
    }
    db.close()
    return rows
  })

/** The read models, all if not named, from the log, as `rebuild` makes them, into an empty file. */
export const fullRebuild = (
  log: string,
  reads: string,
  projections: readonly Projection[] = allProjections,
): Promise<Cost> =>
  costOf(async () => {
    const stored = sqliteLog(log)
    const store = sqliteReadStore(reads)
    const ports = await openLog(stored, testKeys)
    if (E.isLeft(ports)) throw new Error(ports.left._tag)
    await rebuild({ feed: ports.right.feed, reads: store, writer: store }, projections, {
      signal: new AbortController().signal,
      pauseMilliseconds: 0,
      force: false,
      report: () => {},
      reportCompared: () => {},
    })
    const head = await stored.head()
    await store.close()
    await stored.close()
    return E.isRight(head) ? Number(head.right) : 0
  })
