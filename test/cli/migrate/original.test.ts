import { afterAll, beforeAll, expect, it } from 'vitest'
import * as E from '#fp/Either'
import { isOriginalUnavailable, openOriginal } from '../../../cli/migrate/original.ts'
import { tables } from '../../../cli/migrate/tables.ts'
import { describeUnless } from '../../support/describe-unless.ts'
import { right } from '../../support/either.ts'
import {
  documentRow,
  noPostgresql,
  originalTables,
  type Postgresql,
  pageRow,
  rowIn,
  startPostgresql,
} from '../../support/postgresql.ts'

const [people, pages, documents] = ['people', 'pols', 'personal_docs'].map(name =>
  tables.find(table => table.name === name),
)
if (people === undefined || pages === undefined || documents === undefined) throw new Error('no tables')

describeUnless(noPostgresql(), 'the original’s database', () => {
  let postgresql: Postgresql
  beforeAll(async () => {
    postgresql = await startPostgresql()
  })
  afterAll(() => postgresql.remove())

  const open = (database: string) => right(openOriginal(postgresql.socketUrlOf(database), tables))

  it('is read as it was when it was opened, in more batches than one', async () => {
    const rows = Array.from({ length: 1_234 }, (_, i) => rowIn('people', `ESP${i}`, { i }))
    await postgresql.make('moment', [...originalTables, ...rows])
    const original = await open('moment')
    const keys: string[] = []
    for await (const { key } of original.rows(people)) {
      if (keys.length === 0)
        await postgresql.make('moment', [
          rowIn('people', 'ESPA', {}),
          'DELETE FROM people WHERE id = $$ESP99$$',
        ])
      keys.push(key)
    }
    expect([keys.length, new Set(keys).size]).toEqual([1_234, 1_234])
    expect(keys).toContain('ESP99')
    expect(await original.count(people)).toBe(1_234)
    await original.close()
  })

  it('gives accounts that differ in case beside each other, the one in upper case first', async () => {
    const accounts = ['espb', 'Espa', 'ESPA', 'espa', 'ESPC', 'ESPB']
    await postgresql.make('cases', [...originalTables, ...accounts.map(id => rowIn('people', id))])
    const original = await open('cases')
    const keys = []
    for await (const { key } of original.rows(people)) keys.push(key)
    expect(keys).toEqual(['ESPA', 'Espa', 'espa', 'ESPB', 'espb', 'ESPC'])
    await original.close()
  })

  it('gives long data whole, too long data not at all, and documents in pieces', async () => {
    const [long, tooLong] = ['l'.repeat(100_000), 't'.repeat(17 * 1024 * 1024)]
    const bytes = Buffer.alloc(2_100_000, 'piece by piece ')
    await postgresql.make('sizes', [
      ...originalTables,
      rowIn('people', 'ESPA'),
      pageRow('long', 'ESPA', { info: long }),
      pageRow('too-long', 'ESPA', { info: tooLong }),
      documentRow('d', 'ESPA', null, bytes, {}),
      documentRow('none', 'ESPA', null, null, {}),
    ])
    const original = await open('sizes')
    const found = []
    for await (const { key, data } of original.rows(pages)) found.push([key, data?.length])
    expect(found).toEqual([
      ['long', 100_000 + '{"info": ""}'.length],
      ['too-long', undefined],
    ])
    for await (const row of original.rows(documents)) {
      if (row.document === undefined) continue
      const pieces = []
      for await (const piece of original.documentOf(row, row.document)) pieces.push(piece)
      expect(pieces.length).toBe(3)
      expect(Buffer.concat(pieces).equals(bytes)).toBe(true)
    }
    await original.close()
  })

  it('says that it is away when the connection is cut in the middle', async () => {
    await postgresql.make('cut', [
      ...originalTables,
      ...Array.from({ length: 600 }, (_, i) => rowIn('people', `ESP${i}`)),
    ])
    const original = await open('cut')
    const read = async () => {
      for await (const { key } of original.rows(people))
        if (key === 'ESP0')
          await postgresql.make('cut', [
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'thalamus migrate'",
          ])
    }
    await expect(read()).rejects.toSatisfy(isOriginalUnavailable)
    await original.close()
  })

  it('is refused where a user may not read it', async () => {
    await postgresql.make('closed', [
      ...originalTables,
      'DO $$ BEGIN CREATE USER stranger; EXCEPTION WHEN duplicate_object THEN NULL; END $$',
    ])
    const opened = await openOriginal(
      postgresql.socketUrlOf('closed').replace('user=gnuhealth', 'user=stranger'),
      tables,
    )
    // The catalogue of columns shows nobody what they may not read.
    expect(opened).toEqual(
      E.left({ _tag: 'NotTheOriginal', detail: 'it has no table people that this user may read' }),
    )
  })
})
