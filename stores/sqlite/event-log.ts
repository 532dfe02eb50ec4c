import type { SQLOutputValue } from 'node:sqlite'
import { setImmediate as immediate } from 'node:timers/promises'
import * as E from '#fp/Either'
import type { Expected, RevisionConflict } from '../../commands/event-log.ts'
import type { LogUnavailable } from '../../domain/log-failure.ts'
import { earlierOf, laterOf } from '../../domain/position.ts'
import type { FollowOptions } from '../../projections/event-feed.ts'
import {
  mostCharacters,
  mostEvents,
  type Sealable,
  type StoredBatch,
  type StoredEvent,
  type StoredLog,
  type StoredNewEvent,
} from '../stored.ts'
import { makeWaker } from '../waker.ts'
import { checksumOf } from './checksum.ts'
import { isDamage, namingDamage } from './damage.ts'
import type { Database } from './database.ts'
import { openKeptFile } from './kept-file.ts'
import { rowsOf } from './rows.ts'

const columns = 'position, stream, revision, id, type, data, metadata, checksum'
const mostQueued = 10_000
/** Another process's events are looked for this often; its own wake a follower at once. */
const pollMilliseconds = 100

// The table is STRICT: SQLite itself vouches for the columns' types. What is in the texts, the codec checks.
const eventOf = (row: Record<string, SQLOutputValue>): StoredEvent => {
  const event = {
    position: typeof row.position === 'bigint' ? row.position : 0n,
    stream: String(row.stream),
    revision: Number(row.revision),
    id: String(row.id),
    type: String(row.type),
    data: String(row.data),
    metadata: String(row.metadata),
  }
  // Events of earlier releases have none.
  const isRight = row.checksum === null || row.checksum === BigInt(checksumOf(event))
  return isRight ? event : { ...event, isDamaged: true }
}

/** A file of an earlier release: its events stay without a checksum. */
const addChecksums = (db: Database): void => {
  const hasColumn = () =>
    db
      .prepare('PRAGMA table_info(events)')
      .all()
      .some(({ name }) => name === 'checksum')
  if (hasColumn()) return
  db.write(() => {
    if (!hasColumn()) db.connection.exec('ALTER TABLE events ADD COLUMN checksum INTEGER')
  })
}

const unavailable = (cause: unknown): E.Either<LogUnavailable, never> =>
  E.left({ _tag: 'LogUnavailable', cause })

type Appended = E.Either<LogUnavailable | RevisionConflict, readonly bigint[]>

interface Append {
  readonly stream: string
  readonly expected: Expected
  readonly events: readonly StoredNewEvent[]
  readonly settle: (appended: Appended) => void
}

const appendOne = (db: Database, { stream, expected, events }: Append): Appended => {
  const first = expected === 'no-stream' ? 0 : expected + 1
  const last = db.prepare('SELECT max(revision) AS revision FROM events WHERE stream = ?').get(stream)
  const actual = Number(last?.revision ?? -1n)
  if (actual === first - 1) {
    const insert = db.prepare(
      'INSERT INTO events (position, stream, revision, id, type, data, metadata, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    )
    const head = headOf(db)
    return E.right(
      events.map(({ id, type, data, metadata }, i) => {
        const position = head + BigInt(i) + 1n
        const revision = first + i
        const checksum = checksumOf({ position, stream, revision, id, type, data, metadata })
        insert.run(position, stream, revision, id, type, data, metadata, checksum)
        return position
      }),
    )
  }
  const existing = db
    .prepare(`SELECT ${columns} FROM events WHERE stream = ? AND revision >= ? ORDER BY revision LIMIT ?`)
    .all(stream, first, events.length)
    .map(eventOf)
  return existing.length === events.length && existing.every((event, i) => event.id === events[i]?.id)
    ? E.right(existing.map(event => event.position))
    : E.left({ _tag: 'RevisionConflict', actual })
}

/** The code is what the hub's log shows of it. */
const sealed = () =>
  Object.assign(new Error('the log is sealed: it was moved to another engine'), { code: 'LOG_SEALED' })

const sealOf = (db: Database): string | undefined => {
  const at = db.prepare('SELECT at FROM seal').get()?.at
  return typeof at === 'string' ? at : undefined
}

/** In a transaction, so that no other process seals the log in between. */
const appendAll = (db: Database, appends: readonly Append[]): readonly Appended[] =>
  sealOf(db) === undefined
    ? appends.map(append => appendOne(db, append))
    : appends.map(() => unavailable(sealed()))

/** The events of rows, as many as may be read at once. */
const runOf = (rows: Iterable<Record<string, SQLOutputValue>>, most = mostCharacters) => {
  const events: StoredEvent[] = []
  let characters = 0
  for (const row of rows) {
    const event = eventOf(row)
    events.push(event)
    characters += event.data.length
    if (events.length === mostEvents || characters >= most) return { events, more: true }
  }
  return { events, more: false }
}

/** Positions that a filter may look through at once: reading is synchronous. */
const mostLookedThrough = 10_000n

const readRun = (
  db: Database,
  after: bigint,
  { types, mostCharacters }: Pick<FollowOptions, 'types' | 'mostCharacters'>,
): StoredBatch => {
  const head = headOf(db)
  const until = types === undefined ? head : earlierOf(head, after + mostLookedThrough)
  const wanted = types === undefined ? '' : `AND type IN (${types.map(() => '?').join(', ')})`
  const select = db.prepare(
    `SELECT ${columns} FROM events WHERE position > ? AND position <= ? ${wanted} ORDER BY position LIMIT ${mostEvents}`,
  )
  const { events, more } = runOf(rowsOf(select, after, until, ...(types ?? [])), mostCharacters)
  const next = more ? (events.at(-1)?.position ?? after) : laterOf(until, after)
  return { events, next, caughtUp: next >= head }
}

const headOf = (db: Database): bigint => {
  const head = db.prepare('SELECT max(position) AS head FROM events').get()?.head
  return typeof head === 'bigint' ? head : 0n
}

export interface SqliteLog extends StoredLog, Sealable {
  /** How many transactions have appended since the log was opened. */
  readonly commits: () => number
  /** How many events an earlier release wrote, without a checksum: they are not verified. Reads the whole file. */
  readonly withoutChecksum: () => Promise<E.Either<LogUnavailable, number>>
  /** The pragmas that decide what survives a power cut, of the open file. */
  readonly pragmas: () => Readonly<Record<string, unknown>>
  /** Bounds the file, in pages: a full disk for tests. */
  readonly limitPages: (pages: number) => void
}

/**
 * The log in one SQLite file: a commit is on disk before an append answers, and appends that wait at the same time
 * share one commit. Other processes may append to the same file.
 */
export const sqliteLog = (path: string): SqliteLog => {
  const db = openKeptFile(path)
  let damage: unknown
  const attempt = <A>(work: () => A): E.Either<LogUnavailable, A> => {
    try {
      return E.right(work())
    } catch (error) {
      const cause = namingDamage(path, error)
      if (isDamage(error)) damage = cause
      return unavailable(cause)
    }
  }
  db.connection.exec(`CREATE TABLE IF NOT EXISTS events (
    position INTEGER PRIMARY KEY, stream TEXT NOT NULL, revision INTEGER NOT NULL, id TEXT NOT NULL,
    type TEXT NOT NULL, data TEXT NOT NULL, metadata TEXT NOT NULL, checksum INTEGER,
    UNIQUE (stream, revision)) STRICT;
    CREATE TABLE IF NOT EXISTS seal (at TEXT NOT NULL) STRICT`)
  addChecksums(db)
  const waker = makeWaker()
  let queue: Append[] = []
  let commits = 0

  const flush = () => {
    const batch = queue
    queue = []
    const done = attempt(() => db.write(() => appendAll(db, batch)))
    commits += 1
    batch.forEach((append, i) => {
      append.settle(E.isLeft(done) ? done : (done.right[i] ?? unavailable('no outcome')))
    })
    waker.wake()
  }

  return {
    commits: () => commits,
    withoutChecksum: async () =>
      attempt(() =>
        Number(db.prepare('SELECT count(*) AS n FROM events WHERE checksum IS NULL').get()?.n ?? 0n),
      ),
    pragmas: () => ({
      ...db.prepare('PRAGMA journal_mode').get(),
      ...db.prepare('PRAGMA synchronous').get(),
    }),
    seal: async () =>
      attempt(() =>
        db.write(() => {
          if (sealOf(db) === undefined)
            db.prepare('INSERT INTO seal VALUES (?)').run(new Date().toISOString())
        }),
      ),
    sealedAt: async () => attempt(() => sealOf(db)),
    limitPages: pages => db.connection.exec(`PRAGMA max_page_count = ${pages}`),
    read: async (stream, from) =>
      attempt(() => {
        const select = db.prepare(
          `SELECT ${columns} FROM events WHERE stream = ? AND revision >= ? ORDER BY revision LIMIT ${mostEvents}`,
        )
        return db.read(() => runOf(rowsOf(select, stream, from)))
      }),
    last: async stream =>
      attempt(() => {
        const select = db.prepare(
          `SELECT ${columns} FROM events WHERE stream = ? ORDER BY revision DESC LIMIT 1`,
        )
        const row = db.read(() => select.get(stream))
        return row === undefined ? undefined : eventOf(row)
      }),
    append: (stream, expected, events) =>
      new Promise(settle => {
        // What is written to a damaged file may damage more of it.
        if (damage !== undefined) {
          settle(unavailable(damage))
          return
        }
        if (queue.length >= mostQueued) {
          settle(unavailable('too many appends wait'))
          return
        }
        queue.push({ stream, expected, events, settle })
        if (queue.length === 1) setImmediate(flush)
      }),
    follow: async function* (after: bigint, options: FollowOptions) {
      const { signal, toHead } = options
      let next = after
      let saidSomething = 0
      while (!signal.aborted) {
        const wakes = waker.wakes()
        const run = attempt(() => db.read(() => readRun(db, next, options)))
        if (E.isLeft(run)) throw run.left
        const moved = run.right.next > next
        next = run.right.next
        if (moved || toHead || Date.now() - saidSomething >= 500) {
          saidSomething = Date.now()
          yield run.right
        }
        if (run.right.caughtUp && toHead) return
        if (run.right.caughtUp) await waker.sleep(wakes, pollMilliseconds, signal)
        // Reading is synchronous: a long way to the head must leave turns to everybody else.
        else await immediate()
      }
    },
    head: async () => attempt(() => headOf(db)),
    eventIdAt: async position =>
      attempt(() => {
        const id = db.prepare('SELECT id FROM events WHERE position = ?').get(position)?.id
        return typeof id === 'string' ? id : undefined
      }),
    close: async () => {
      if (queue.length > 0) flush()
      db.close()
    },
  }
}
