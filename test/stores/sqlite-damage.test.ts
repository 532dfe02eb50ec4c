import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { people } from '../../domain/people.ts'
import { modelOf } from '../../projections/items.ts'
import { openLog } from '../../stores/codec.ts'
import { sqliteAuthStore } from '../../stores/sqlite/auth-store.ts'
import { damagedFileOf, readableRows } from '../../stores/sqlite/damage.ts'
import { sqliteLog } from '../../stores/sqlite/event-log.ts'
import { type SqliteReadStore, sqliteReadStore } from '../../stores/sqlite/read-store.ts'
import { damages, overwrite } from '../support/damage.ts'
import { left, right } from '../support/either.ts'
import { pageWritten } from '../support/events.ts'
import { temporaryFolder } from '../support/folder.ts'
import { testKeys } from '../support/keys.ts'
import { checkpointAt } from '../support/things.ts'

const folder = temporaryFolder()
afterAll(() => folder.remove())
let folders = 0
const newFile = (name: string) => {
  folders += 1
  const path = join(folder.path, `${folders}-${name}`)
  return path
}
const asideOf = (path: string) =>
  readdirSync(folder.path).filter(name => join(folder.path, name).startsWith(`${path}.damaged-`))

const model = modelOf(people)
const keys = Array.from({ length: 400 }, (_, n) => `P${n}`)
const keep = async (store: SqliteReadStore) => {
  const generation = await right(store.served(model))
  const documents = keys.map(key => ({
    key,
    revision: 0,
    position: 1n,
    text: JSON.stringify({ id: key, info: 'x'.repeat(1_000) }),
    fields: {},
  }))
  await right(store.commit([{ generation, documents }], checkpointAt(1n), 0))
}
const filled = async (): Promise<string> => {
  const path = newFile('read.db')
  const store = sqliteReadStore(path)
  await keep(store)
  await store.close()
  return path
}

describe('a file of read models that is damaged', () => {
  it.each(damages)('is set aside, and made anew when it is opened or used: %s', async (_, damage) => {
    const path = await filled()
    damage(path)
    const reports: string[] = []
    const store = sqliteReadStore(path, name => reports.push(name))
    for (const key of keys) await store.get(model, key)
    expect((await right(store.served(model))).checkpoint.position).toBe(0n)
    await keep(store)
    expect(await right(store.get(model, 'P399'))).toMatchObject({ key: 'P399' })
    const aside = asideOf(path)
    expect(aside.map(name => join(folder.path, name))).toEqual(reports.map(name => join(folder.path, name)))
    expect(aside).toHaveLength(1)
    await store.close()
  })

  it('is noticed by whoever has it open, at the first query that meets the damage', async () => {
    const path = await filled()
    const reports: string[] = []
    const [first, second] = [0, 1].map(() => sqliteReadStore(path, name => reports.push(name)))
    if (first === undefined || second === undefined) throw new Error('not opened')
    await right(second.checkpoint(model))
    overwrite(path, 16_384)
    expect(await left(first.get(model, 'P300'))).toMatchObject({ _tag: 'ReadUnavailable' })
    expect((await right(first.served(model))).checkpoint.position).toBe(0n)
    expect(reports).toHaveLength(1)
    // The other process sees that there is another file, and gives nothing until it is as far as what was lost.
    second.lookAgain()
    expect(await left(second.get(model, 'P300'))).toMatchObject({ _tag: 'ReadUnavailable' })
    expect((await right(second.checkpoint(model))).position).toBe(0n)
    await keep(first)
    expect(await right(second.get(model, 'P300'))).toMatchObject({ key: 'P300' })
    expect(reports).toHaveLength(1)
    expect(asideOf(path)).toHaveLength(1)
    await Promise.all([first.close(), second.close()])
  })

  it('gives no list that ends where the damage begins', async () => {
    const path = await filled()
    overwrite(path, 200_000)
    const store = sqliteReadStore(path)
    const query = { equals: {}, descending: false, limit: 1_000, mostBytes: 2 ** 24 }
    expect(await left(store.find(model, query))).toMatchObject({ _tag: 'ReadUnavailable' })
    await store.close()
  })

  it('is kept until the next one: the last is enough', async () => {
    const path = await filled()
    for (let n = 0; n < 3; n += 1) {
      overwrite(path)
      await sqliteReadStore(path).close()
    }
    expect(asideOf(path)).toHaveLength(1)
  })
})

const thrown = (work: () => unknown): unknown => {
  try {
    work()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

describe('a log that is damaged', () => {
  const filledLog = async (): Promise<string> => {
    const path = newFile('events.db')
    const stored = sqliteLog(path)
    const { log } = await right(openLog(stored, testKeys))
    for (let n = 0; n < 50; n += 1)
      await right(
        log.append(`page-A:${n}`, 'no-stream', [pageWritten('A', `${n}`, { info: 'x'.repeat(2_000) })]),
      )
    await stored.close()
    return path
  }

  it.each(damages.filter(([name]) => !name.startsWith('overwritten behind')))(
    'is not opened, named, and left as it is: %s',
    async (name, damage) => {
      const path = await filledLog()
      damage(path)
      const before = readFileSync(path)
      const suffix = name.includes('write-ahead') ? '-wal' : ''
      expect(damagedFileOf(thrown(() => sqliteLog(path)))).toMatch(new RegExp(`events\\.db${suffix}$`))
      expect(readFileSync(path)).toEqual(before)
    },
  )

  it('says how many events can be read from its start, and takes no more once damage was met', async () => {
    const path = await filledLog()
    expect(readableRows(path, 'events', 'position')).toBe(51)
    overwrite(path, 80_000)
    const stored = sqliteLog(path)
    const refused = await left(stored.read('page-A:49', 0))
    expect(damagedFileOf(refused.cause)).toMatch(/events\.db$/)
    const event = { id: 'e', type: 'PageWritten', data: '{}', metadata: '{}' }
    const notTaken = await left(stored.append('page-B', 'no-stream', [event]))
    expect('cause' in notTaken && damagedFileOf(notTaken.cause)).toMatch(/events\.db$/)
    const readable = readableRows(path, 'events', 'position')
    expect(readable).toBeGreaterThan(0)
    expect(readable).toBeLessThan(51)
    await stored.close()
  })
})

describe('a store of credentials that is damaged', () => {
  it('is not opened, named, and left as it is', async () => {
    const path = newFile('auth.db')
    const store = sqliteAuthStore(path)
    await right(store.addCredential({ account: 'A', version: '1', hash: '$scrypt$' }))
    await store.close()
    expect(readableRows(path, 'credentials', 'rowid')).toBe(1)
    overwrite(path)
    const before = readFileSync(path)
    expect(damagedFileOf(thrown(() => sqliteAuthStore(path)))).toMatch(/auth\.db$/)
    expect(readFileSync(path)).toEqual(before)
    expect(readableRows(path, 'credentials', 'rowid')).toBe(0)
  })
})
