import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openLog } from '../../stores/codec.ts'
import { sqliteLog } from '../../stores/sqlite/event-log.ts'
import { integrityOf } from '../../stores/sqlite/integrity.ts'
import { left, right } from '../support/either.ts'
import { eventOf, pageWritten } from '../support/events.ts'
import { eventsIn } from '../support/feed.ts'
import { temporaryFolder } from '../support/folder.ts'
import { testKeys } from '../support/keys.ts'

const folder = temporaryFolder()
afterAll(() => folder.remove())
const original = join(folder.path, 'original.db')
const path = join(folder.path, 'events.db')
const pageBytes = 4096

let bytes = Buffer.alloc(0)
beforeAll(async () => {
  const stored = sqliteLog(original)
  const { log } = await right(openLog(stored, testKeys))
  for (let n = 0; n < 40; n += 1) {
    await right(
      log.append(`page-A:${n}`, 'no-stream', [pageWritten('A', `${n}`, { info: 'x'.repeat(n * 200) })]),
    )
    const institution = { id: `${n}`, name: `Hospital ${n}` }
    await right(log.append(`institution-${n}`, 'no-stream', [eventOf('InstitutionRegistered', institution)]))
  }
  await stored.close()
  // Free pages, as a table leaves them that is no more.
  const db = new DatabaseSync(original)
  db.exec(
    `CREATE TABLE gone (text TEXT); INSERT INTO gone VALUES ('${'y'.repeat(20 * pageBytes)}'); DROP TABLE gone`,
  )
  expect(Number(db.prepare('PRAGMA freelist_count').get()?.freelist_count)).toBeGreaterThan(10)
  db.close()
  bytes = readFileSync(original)
})

/** All that is kept, read through the table and through its index; undefined where it cannot be read. */
const keptIn = (file: string): string | undefined => {
  try {
    const db = new DatabaseSync(file, { readOnly: true })
    try {
      const rows = ['position', 'stream, revision'].map(order => {
        const select = db.prepare(`SELECT * FROM events ORDER BY ${order}`)
        select.setReadBigInts(true)
        return select.all()
      })
      const seal = db.prepare('SELECT * FROM seal').all()
      return JSON.stringify([rows, seal], (_, value) => (typeof value === 'bigint' ? String(value) : value))
    } finally {
      db.close()
    }
  } catch {
    return undefined
  }
}

/** What looking through the log finds, without the hub around it. */
const isFound = async (): Promise<boolean> => {
  if (integrityOf(path, 'events.db').length > 0) return true
  const stored = sqliteLog(path)
  try {
    const { signal } = new AbortController()
    for await (const { events } of stored.follow(0n, { signal, toHead: true }))
      if (events.some(({ isDamaged }) => isDamaged)) return true
    return false
  } catch {
    return true
  } finally {
    await stored.close()
  }
}

const flip = (bit: number): void => {
  const copy = Buffer.from(bytes)
  const byte = Math.floor(bit / 8)
  copy[byte] = (copy[byte] ?? 0) ^ (1 << (bit % 8))
  writeFileSync(path, copy)
}

/** Places in a range, spread evenly; no two runs of the test look at others. */
const placesIn = (from: number, to: number, most: number): readonly number[] => {
  const step = Math.max(1, (to - from) / most)
  return Array.from(
    { length: Math.min(most, to - from) },
    (_, n) => from + Math.floor(n * step + ((n * 0.618) % 1) * (step - 1)),
  )
}

describe('a flipped bit', () => {
  it.each([
    ['in the header of the file', 0, 100, 150],
    ['in the schema', 100, pageBytes, 150],
    ['anywhere', pageBytes, Number.POSITIVE_INFINITY, 300],
  ])('%s is found where it changes anything that is kept', async (_, from, to, most) => {
    const kept = keptIn(original)
    const missed: number[] = []
    let changes = 0
    for (const bit of placesIn(from * 8, Math.min(to, bytes.length) * 8, most)) {
      flip(bit)
      if (keptIn(path) === kept) continue
      changes += 1
      if (!(await isFound())) missed.push(bit)
    }
    expect(missed).toEqual([])
    expect(changes).toBeGreaterThan(10)
  })

  it.each(['stream', 'revision', 'id', 'type', 'data', 'metadata', 'checksum'])(
    'in the column %s of an event is found by whoever reads it',
    async column => {
      writeFileSync(path, bytes)
      const db = new DatabaseSync(path)
      const value = column === 'revision' || column === 'checksum' ? `${column} + 1` : `${column} || ' '`
      db.exec(`UPDATE events SET ${column} = ${value} WHERE stream = 'institution-7'`)
      const { stream, position } = db.prepare(`SELECT * FROM events WHERE position = 17`).get() ?? {}
      db.close()
      const stored = sqliteLog(path)
      const { log } = await right(openLog(stored, testKeys))
      expect(position).toBe(17)
      for (const failure of [await left(log.read(String(stream))), await left(log.last(String(stream)))])
        expect(failure).toMatchObject({ _tag: 'EventUnreadable', reason: 'damaged', position: 17n })
      await stored.close()
    },
  )
})

describe('a log of a release without checksums', () => {
  it('is read on, and what is added to it is verified', async () => {
    writeFileSync(path, bytes)
    const db = new DatabaseSync(path)
    db.exec('ALTER TABLE events DROP COLUMN checksum')
    db.close()
    const stored = sqliteLog(path)
    const { log } = await right(openLog(stored, testKeys))
    expect(await eventsIn(log, 'institution-7')).toHaveLength(1)
    expect(await right(stored.withoutChecksum())).toBe(81)
    await right(log.append('institution-new', 'no-stream', [eventOf('InstitutionRegistered', { id: 'new' })]))
    expect(await right(stored.withoutChecksum())).toBe(81)
    await stored.close()
  })
})
