import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encounters } from '../../domain/encounters.ts'
import { pages } from '../../domain/pages.ts'
import { people } from '../../domain/people.ts'
import { personalDocuments } from '../../domain/personal-documents.ts'
import { streamOf } from '../../domain/resource.ts'
import { itemsProjection } from '../../projections/items.ts'
import type { Document, Generation, Query } from '../../projections/read-store.ts'
import { left, right } from '../support/either.ts'
import { eventOf } from '../support/events.ts'
import { checkpointAt, type OpenReadStore, revision, revisions, thing, things } from '../support/things.ts'

const everything: Query = { equals: {}, descending: false, limit: 100, mostBytes: 1e6 }

/** What every engine of the read models must do; `open` gives an empty one. */
export const readStoreContract = (name: string, open: OpenReadStore) => {
  describe(`the read models on ${name}`, () => {
    let store: Awaited<ReturnType<OpenReadStore>>
    let generation: Generation
    beforeEach(async () => {
      store = await open()
      generation = await right(store.served(things))
    })
    afterEach(() => store.close())

    const commit = async (to: bigint, ...documents: readonly Document[]) => {
      const checkpoint = checkpointAt(to)
      await right(store.commit([{ generation, documents }], checkpoint, 0))
      generation = { ...generation, checkpoint }
    }
    const keys = async (query: Partial<Query>) =>
      (await right(store.find(things, { ...everything, ...query }))).documents.map(({ key }) => key)

    it('are empty at first, at the start of the log', async () => {
      expect(generation.checkpoint).toEqual({ position: 0n, eventId: '', clock: 0n })
      expect(await right(store.get(things, 'a'))).toBeUndefined()
      expect(await keys({})).toEqual([])
    })

    it('keep documents and checkpoint together', async () => {
      await commit(2n ** 60n, thing('a', 2n ** 60n))
      expect(await right(store.checkpoint(things))).toEqual(checkpointAt(2n ** 60n))
      expect(await right(store.get(things, 'a'))).toMatchObject({
        key: 'a',
        position: 2n ** 60n,
        text: '{"key":"a"}',
      })
      const fields = { owner: 'A', at: '2020', flag: null }
      expect(await right(store.load(generation, ['a', 'b']))).toEqual([{ ...thing('a', 2n ** 60n), fields }])
    })

    it('replace a document by a later one only', async () => {
      await commit(5n, thing('a', 5n, { text: '"five"' }))
      await commit(6n, thing('a', 4n, { text: '"four"' }))
      expect(await right(store.get(things, 'a'))).toMatchObject({ text: '"five"' })
      await commit(7n, thing('a', 7n, { text: '"seven"', revision: 1 }))
      expect(await right(store.get(things, 'a'))).toMatchObject({ text: '"seven"', revision: 1 })
    })

    it('move the checkpoint from the very place that was read only, and else write nothing', async () => {
      const stale = generation
      await commit(5n, thing('a', 5n))
      const changes = [{ generation: stale, documents: [thing('b', 6n)] }]
      expect(await left(store.commit(changes, checkpointAt(6n), 0))).toEqual({
        _tag: 'Superseded',
      })
      expect(await right(store.get(things, 'b'))).toBeUndefined()
      expect(await right(store.checkpoint(things))).toMatchObject({ position: 5n })
    })

    it('are seen by their own process before they are on disk', async () => {
      const checkpoint = checkpointAt(5n)
      await right(store.commit([{ generation, documents: [thing('a', 5n)] }], checkpoint, 60_000))
      expect(await right(store.get(things, 'a'))).toMatchObject({ key: 'a' })
      generation = { ...generation, checkpoint }
      await commit(6n, thing('b', 6n))
      expect(await keys({})).toEqual(['a', 'b'])
    })

    it('keep a removed document for its key, and hide it from lists', async () => {
      await commit(1n, thing('a', 1n), thing('b', 1n))
      await commit(2n, thing('a', 2n, { text: null, fields: {}, revision: 1 }))
      expect(await right(store.get(things, 'a'))).toMatchObject({ text: null, revision: 1 })
      expect(await keys({})).toEqual(['b'])
    })

    it('are found by equality, range and order, both ways', async () => {
      const at = (year: string, flag: bigint | null = null) => ({ fields: { owner: 'A', at: year, flag } })
      await commit(
        1n,
        thing('a', 1n, at('2021', 1n)),
        thing('b', 1n, at('2020')),
        thing('c', 1n, at('2020', 0n)),
        thing('d', 1n, { fields: { owner: 'B', at: '2019', flag: 1n } }),
      )
      const ordered = { equals: { owner: 'A' }, orderedBy: 'at' }
      expect(await keys(ordered)).toEqual(['b', 'c', 'a'])
      expect(await keys({ ...ordered, descending: true })).toEqual(['a', 'c', 'b'])
      expect(await keys({ equals: { flag: 1n } })).toEqual(['a', 'd'])
      expect(await keys({ ...ordered, ranges: [{ field: 'at', from: '2020', until: '2021' }] })).toEqual([
        'b',
        'c',
      ])
      expect(await keys({ ...ordered, ranges: [{ field: 'at', from: '2020.5' }] })).toEqual(['a'])
      expect(await keys({ keys: { from: 'b', until: 'd' } })).toEqual(['b', 'c'])
      expect(await keys({ keys: { from: 'b', until: 'd' }, descending: true })).toEqual(['c', 'b'])
      expect(await keys({ equals: { owner: "A' OR '1'='1" } })).toEqual([])
    })

    it.each([false, true])('are paged after a place (descending: %s)', async descending => {
      const documents = Array.from({ length: 7 }, (_, n) =>
        thing(`k${n}`, 1n, { fields: { owner: 'A', at: `202${n % 3}`, flag: null } }),
      )
      await commit(1n, ...documents)
      const query = { ...everything, equals: { owner: 'A' }, orderedBy: 'at', descending }
      const whole = await right(store.find(things, query))
      const seen: string[] = []
      let after: Query['after']
      for (let n = 0; n < 4; n += 1) {
        const page = await right(
          store.find(things, { ...query, limit: 2, ...(after === undefined ? {} : { after }) }),
        )
        seen.push(...page.documents.map(({ key }) => key))
        const last = page.documents.at(-1)
        after = last === undefined ? after : { value: last.orderedBy, key: last.key }
        expect(page.more).toBe(n < 3)
      }
      expect(seen).toEqual(whole.documents.map(({ key }) => key))
    })

    it('are found by ranges of positions and times, newest first', async () => {
      const large = 2n ** 60n
      const at = (year: string, flag: bigint) => ({ fields: { owner: 'A', at: year, flag } })
      await commit(
        1n,
        thing('a', 1n, at('2020', large)),
        thing('b', 1n, at('2022', large + 1n)),
        thing('c', 1n, at('2021', large + 2n)),
        thing('d', 1n, at('2023', large + 3n)),
      )
      const newestFirst = { orderedBy: 'flag', descending: true }
      expect(await keys(newestFirst)).toEqual(['d', 'c', 'b', 'a'])
      const positions = { field: 'flag', from: large + 1n, until: large + 3n }
      expect(await keys({ ...newestFirst, ranges: [positions] })).toEqual(['c', 'b'])
      const times = { field: 'at', from: '2021', until: '2022' }
      expect(await keys({ ...newestFirst, ranges: [positions, times] })).toEqual(['c'])
      const page = await right(store.find(things, { ...everything, ...newestFirst, limit: 2 }))
      expect(page.documents.map(({ orderedBy }) => orderedBy)).toEqual([large + 3n, large + 2n])
      expect(await keys({ ...newestFirst, after: { value: large + 2n, key: 'c' } })).toEqual(['b', 'a'])
      expect(await keys({ orderedBy: 'flag', after: { value: large + 2n, key: 'c' } })).toEqual(['d'])
    })

    it('are counted by what an index has of them, as far as one counts', async () => {
      await commit(
        1n,
        thing('a', 1n, { fields: { owner: 'A', at: null, flag: null } }),
        thing('b', 1n, { fields: { owner: 'A', at: null, flag: null } }),
        thing('c', 1n, { fields: { owner: 'B', at: null, flag: null } }),
      )
      const counts = async (owner: string, most: number) => right(store.count(things, { owner }, most))
      expect([await counts('A', 10), await counts('A', 1), await counts('C', 10)]).toEqual([2, 1, 0])
    })

    it('change fields of a document of an older position, and leave its text', async () => {
      await commit(5n, thing('a', 5n, { text: '"five"' }))
      const change = async (to: bigint, position: bigint, flag: bigint, key = 'a') => {
        const checkpoint = checkpointAt(to)
        const changes = { generation, documents: [], fieldChanges: [{ key, position, fields: { flag } }] }
        await right(store.commit([changes], checkpoint, 0))
        generation = { ...generation, checkpoint }
      }
      const loaded = () => right(store.load(generation, ['a']))
      await change(6n, 6n, 1n)
      const changed = { ...thing('a', 6n, { text: '"five"' }), fields: { owner: 'A', at: '2020', flag: 1n } }
      expect(await loaded()).toEqual([changed])
      // Delivered again, or late.
      await change(7n, 6n, 2n)
      await change(8n, 5n, 3n)
      await change(9n, 9n, 1n, 'never was')
      expect(await loaded()).toEqual([changed])
      expect(await keys({ equals: { flag: 1n } })).toEqual(['a'])
    })

    describe('of versions', () => {
      const validAt = async (position: bigint, time?: bigint) => {
        const at = time === undefined ? { position } : { position, time }
        const page = await right(store.find(revisions, { ...everything, validAt: at }))
        return page.documents.map(({ key }) => key)
      }
      const write = async (documents: readonly Document[]) => {
        const served = await right(store.served(revisions))
        await right(store.commit([{ generation: served, documents }], checkpointAt(100n), 0))
      }

      it('find those that are valid at a position', async () => {
        await write([
          revision('a@0', [10n, 2020_00n], [20n, 2021_00n]),
          revision('a@1', [20n, 2021_00n]),
          revision('b@0', [15n, 2020_06n], [2n ** 60n, 2022_00n]),
          revision('b@1', [2n ** 60n, 2022_00n]),
        ])
        expect(await validAt(9n)).toEqual([])
        expect(await validAt(10n)).toEqual(['a@0'])
        expect(await validAt(19n)).toEqual(['a@0', 'b@0'])
        expect(await validAt(20n)).toEqual(['a@1', 'b@0'])
        expect(await validAt(2n ** 60n)).toEqual(['a@1', 'b@1'])
      })

      it('find those that were valid as of a time, as far as a position', async () => {
        await write([
          revision('a@0', [10n, 2020_00n], [20n, 2021_00n]),
          revision('a@1', [20n, 2021_00n]),
          revision('b@0', [15n, 2020_06n]),
        ])
        expect(await validAt(20n, 2019_00n)).toEqual([])
        expect(await validAt(20n, 2020_00n)).toEqual(['a@0'])
        expect(await validAt(20n, 2020_07n)).toEqual(['a@0', 'b@0'])
        expect(await validAt(20n, 2021_00n)).toEqual(['a@1', 'b@0'])
        // What came after the position is as if it had not been written.
        expect(await validAt(19n, 2021_00n)).toEqual(['a@0', 'b@0'])
        expect(await validAt(14n, 2021_00n)).toEqual(['a@0'])
      })
    })

    it('end a page early where its texts grow too long, after one at least', async () => {
      const long = (key: string) => thing(key, 1n, { text: 'x'.repeat(100) })
      await commit(1n, long('a'), long('b'), long('c'))
      const page = (mostBytes: number) => right(store.find(things, { ...everything, mostBytes }))
      expect(await page(250)).toMatchObject({ documents: [{ key: 'a' }, { key: 'b' }], more: true })
      expect(await page(10)).toMatchObject({ documents: [{ key: 'a' }], more: true })
      expect(await page(300)).toMatchObject({ more: false })
    })

    it('are not found by a field they do not have, nor within a range of it', async () => {
      await commit(
        1n,
        thing('a', 1n, { fields: { owner: 'A', at: null, flag: null } }),
        thing('b', 1n, { fields: { owner: 'A' } }),
        thing('c', 1n, { fields: { owner: null, at: '2020', flag: 1n } }),
      )
      expect(await keys({ equals: { flag: null } })).toEqual([])
      expect(await keys({ equals: { owner: 'A', flag: 1n } })).toEqual([])
      expect(await keys({ equals: { owner: 'A' }, ranges: [{ field: 'at', until: '9999' }] })).toEqual([])
      expect(await keys({})).toEqual(['a', 'b', 'c'])
    })

    it.each([people, pages, encounters, personalDocuments])(
      'find $name by the longest values that filters have',
      async resource => {
        const projection = itemsProjection(resource)
        const { created } = resource.events
        // Letters of four bytes that no engine can compress, and one that the folding of names makes eighteen of.
        const long = (n: number) => {
          const letters = Array.from({ length: 199 }, (_, i) => 0x20000 + ((i * 7919 + n * 104729) % 42000))
          return String.fromCodePoint(...letters, 0xfdfa)
        }
        const names = Object.keys(resource.filters)
        const values = Object.fromEntries(
          Object.entries(resource.filters).flatMap(
            (
              [
                name,
                {
                  kind,
                  fields: [field = name],
                },
              ],
              n,
            ) => (kind === 'day' || kind === 'flag' ? [] : [[field, long(n)]]),
          ),
        )
        const id = 'A'.repeat(64)
        const identity = resource.ownerField === undefined ? { id } : { owner: id, id: 'a'.repeat(128) }
        const event = eventOf(created, { ...values, ...identity })
        const recorded = { ...event, stream: streamOf(resource, identity), revision: 0, position: 1n }
        const model = await right(store.served(projection.shape))
        const documents = projection.apply(recorded, () => undefined, 0n).filter(change => 'text' in change)
        await right(store.commit([{ generation: model, documents }], checkpointAt(1n), 0))
        const [document] = documents
        for (const name of names.filter(one => document?.fields[one] !== null)) {
          const equals = {
            ...(resource.ownerField === undefined ? {} : { owner: id }),
            [name]: document?.fields[name] ?? null,
          }
          const page = await right(store.find(projection.shape, { ...everything, equals }))
          expect(
            page.documents.map(({ key }) => key),
            name,
          ).toEqual([document?.key])
        }
      },
    )

    it('confirm where they stand, and nothing else', async () => {
      const start = generation
      expect(await right(store.confirm([generation]))).toBeUndefined()
      await commit(5n, thing('a', 5n))
      expect(await right(store.confirm([generation]))).toBeUndefined()
      expect(await left(store.confirm([start]))).toEqual({ _tag: 'Superseded' })
      expect(await left(store.confirm([{ ...generation, number: 7 }]))).toEqual({ _tag: 'Superseded' })
    })

    it('take texts and keys as data, whatever is in them', async () => {
      const odd = ["'; DROP TABLE models; --", '__proto__', 'a"b', 'ü\u{1f600}', '%', '']
      await commit(1n, ...odd.map(key => thing(key, 1n, { text: JSON.stringify({ key }) })))
      for (const key of odd)
        expect(await right(store.get(things, key))).toMatchObject({ key, text: JSON.stringify({ key }) })
      expect(await right(store.get(things, '_%'))).toBeUndefined()
      expect(await right(store.load(generation, [...odd, 'none']))).toHaveLength(odd.length)
    })
  })
}
