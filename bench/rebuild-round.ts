import * as E from '#fp/Either'
import type { Projection } from '../projections/projection.ts'
import { projections as allProjections } from '../projections/read-models.ts'
import { rebuild } from '../projections/rebuild.ts'
import { decrypted, isEncrypted } from '../stores/cipher.ts'
import { openLog } from '../stores/codec.ts'
import { openDatabase } from '../stores/sqlite/database.ts'
import { sqliteLog } from '../stores/sqlite/event-log.ts'
import { sqliteReadStore } from '../stores/sqlite/read-store.ts'
import { openKeysBeside } from './keys.ts'
import type { Cost } from './measure.ts'

/** What it costs to run `work` in this process. */
export const costOf = async (work: () => Promise<number>): Promise<Cost> => {
  const cpu = process.cpuUsage()
  const start = performance.now()
  const operations = await work()
  const { user, system } = process.cpuUsage(cpu)
  return { operations, milliseconds: performance.now() - start, cpuMilliseconds: (user + system) / 1000 }
}

/** The bare limit: reads every row of the log, opens what is encrypted, and parses what a projection needs of it. */
export const bareScan = async (path: string): Promise<Cost> => {
  const opened = await openKeysBeside(path)
  const keys = await opened.all()
  await opened.close()
  return costOf(async () => {
    const db = openDatabase(path, 'FULL')
    let rows = 0
    for (const row of db.connection.prepare('SELECT * FROM events ORDER BY position').iterate()) {
      const [stream, id, type, data] = [row.stream, row.id, row.type, row.data].map(String)
      const { subject } = JSON.parse(String(row.metadata))
      const key = keys.get(subject)
      const place = { stream: stream ?? '', id: id ?? '', type: type ?? '' }
      const isOpen = key === undefined || !isEncrypted(data ?? '')
      JSON.parse((isOpen ? data : decrypted(key, place, data ?? '')) ?? '')
      rows += 1
    }
    db.close()
    return rows
  })
}

/** The read models, all if not named, from the log, as `rebuild` makes them, into an empty file. */
export const fullRebuild = (
  log: string,
  reads: string,
  projections: readonly Projection[] = allProjections,
): Promise<Cost> =>
  costOf(async () => {
    const stored = sqliteLog(log)
    const store = sqliteReadStore(reads)
    const { keys, close } = await openKeysBeside(log)
    const ports = await openLog(stored, keys)
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
    await close()
    return E.isRight(head) ? Number(head.right) : 0
  })
