import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type {
  Document,
  Generation,
  ModelShape,
  Query,
  ReadModels,
  ReadModelWriter,
} from '../../projections/read-store.ts'
import { left, right } from '../support/either.ts'

const model: ModelShape = {
  name: 'things',
  version: 1,
  fields: { owner: 'text', at: 'text', flag: 'integer' },
  indexes: [{ fields: ['owner', 'at'], also: ['flag'] }],
}

const thing = (key: string, position: bigint, more: Partial<Document> = {}): Document => ({
  key,
  revision: 0,
  position,
  text: JSON.stringify({ key }),
  fields: { owner: 'A', at: '2020', flag: null },
  ...more,
})

const everything: Query = { equals: {}, descending: false, limit: 100, mostBytes: 1e6 }

/** What every engine of the read models must do; `open` gives an empty one. */
export const readStoreContract = (
  name: string,
  open: () => Promise<ReadModels & ReadModelWriter & { close: () => Promise<void> }>,
) => {
  describe(`the read models on ${name}`, () => {
    let store: Awaited<ReturnType<typeof open>>
    let generation: Generation
    beforeEach(async () => {
      store = await open()
      generation = await right(store.served(model))
    })
    afterEach(() => store.close())

    const commit = async (to: bigint, ...documents: readonly Document[]) => {
      const checkpoint = { position: to, eventId: `e${to}` }
      await right(store.commit([{ generation, documents }], checkpoint, 0))
      generation = { ...generation, checkpoint }
    }
    const keys = async (query: Partial<Query>) =>
      (await right(store.find(model, { ...everything, ...query }))).documents.map(({ key }) => key)

    it('are empty at first, at the start of the log', async () => {
      expect(generation.checkpoint).toEqual({ position: 0n, eventId: '' })
      expect(await right(store.get(model, 'a'))).toBeUndefined()
      expect(await keys({})).toEqual([])
    })

    it('keep documents and checkpoint together', async () => {
      await commit(2n ** 60n, thing('a', 2n ** 60n))
      expect(await right(store.checkpoint(model))).toEqual({ position: 2n ** 60n, eventId: `e${2n ** 60n}` })
      expect(await right(store.get(model, 'a'))).toMatchObject({
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
      expect(await right(store.get(model, 'a'))).toMatchObject({ text: '"five"' })
      await commit(7n, thing('a', 7n, { text: '"seven"', revision: 1 }))
      expect(await right(store.get(model, 'a'))).toMatchObject({ text: '"seven"', revision: 1 })
    })

    it('move the checkpoint from the very place that was read only, and else write nothing', async () => {
      const stale = generation
      await commit(5n, thing('a', 5n))
      const changes = [{ generation: stale, documents: [thing('b', 6n)] }]
      expect(await left(store.commit(changes, { position: 6n, eventId: 'x' }, 0))).toEqual({
        _tag: 'Superseded',
      })
      expect(await right(store.get(model, 'b'))).toBeUndefined()
      expect(await right(store.checkpoint(model))).toMatchObject({ position: 5n })
    })

    it('are seen by their own process before they are on disk', async () => {
      const checkpoint = { position: 5n, eventId: 'e5' }
      await right(store.commit([{ generation, documents: [thing('a', 5n)] }], checkpoint, 60_000))
      expect(await right(store.get(model, 'a'))).toMatchObject({ key: 'a' })
      generation = { ...generation, checkpoint }
      await commit(6n, thing('b', 6n))
      expect(await keys({})).toEqual(['a', 'b'])
    })

    it('keep a removed document for its key, and hide it from lists', async () => {
      await commit(1n, thing('a', 1n), thing('b', 1n))
      await commit(2n, thing('a', 2n, { text: null, fields: {}, revision: 1 }))
      expect(await right(store.get(model, 'a'))).toMatchObject({ text: null, revision: 1 })
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
      expect(await keys({ ...ordered, range: { field: 'at', from: '2020', until: '2021' } })).toEqual([
        'b',
        'c',
      ])
      expect(await keys({ ...ordered, range: { field: 'at', from: '2020.5' } })).toEqual(['a'])
      expect(await keys({ equals: { owner: "A' OR '1'='1" } })).toEqual([])
    })

    it.each([false, true])('are paged after a place (descending: %s)', async descending => {
      const documents = Array.from({ length: 7 }, (_, n) =>
        thing(`k${n}`, 1n, { fields: { owner: 'A', at: `202${n % 3}`, flag: null } }),
      )
      await commit(1n, ...documents)
      const query = { ...everything, equals: { owner: 'A' }, orderedBy: 'at', descending }
      const whole = await right(store.find(model, query))
      const seen: string[] = []
      let after: { value: string | null; key: string } | undefined
      for (let page = 0; page < 4; page += 1) {
        const found = await right(
          store.find(model, { ...query, limit: 2, ...(after === undefined ? {} : { after }) }),
        )
        seen.push(...found.documents.map(({ key }) => key))
        const last = found.documents.at(-1)
        after = last === undefined ? after : { value: last.orderedBy, key: last.key }
        expect(found.more).toBe(page < 3)
      }
      expect(seen).toEqual(whole.documents.map(({ key }) => key))
    })

    it('end a page early where its texts grow too long, after one at least', async () => {
      const long = (key: string) => thing(key, 1n, { text: 'x'.repeat(100) })
      await commit(1n, long('a'), long('b'), long('c'))
      const found = (mostBytes: number) => right(store.find(model, { ...everything, mostBytes }))
      expect(await found(250)).toMatchObject({ documents: [{ key: 'a' }, { key: 'b' }], more: true })
      expect(await found(10)).toMatchObject({ documents: [{ key: 'a' }], more: true })
      expect(await found(300)).toMatchObject({ more: false })
    })

    it('are built anew beside those served, and served once they have come as far', async () => {
      await commit(5n, thing('a', 5n, { text: '"old"' }))
      const begun = await right(store.begin(model))
      expect(begun.checkpoint.position).toBe(0n)
      expect(await right(store.serve([begun], 'if as far'))).toBe(false)
      const checkpoint = { position: 5n, eventId: 'e5' }
      const documents = [thing('a', 5n, { text: '"new"' })]
      await right(store.commit([{ generation: begun, documents }], checkpoint, 0))
      expect(await right(store.get(model, 'a'))).toMatchObject({ text: '"old"' })
      const built = { ...begun, checkpoint }
      expect(await right(store.serve([built], 'if as far'))).toBe(true)
      expect(await right(store.get(model, 'a'))).toMatchObject({ text: '"new"' })
      expect(await right(store.served(model))).toMatchObject({ number: begun.number, checkpoint })
      const late = [{ generation, documents: [thing('b', 6n)] }]
      expect(await left(store.commit(late, { position: 6n, eventId: 'e6' }, 0))).toEqual({
        _tag: 'Superseded',
      })
    })

    it('are served at once where the log is another one', async () => {
      await commit(5n, thing('a', 5n))
      const begun = await right(store.begin(model))
      expect(await right(store.serve([begun], 'whatever was served'))).toBe(true)
      expect(await right(store.get(model, 'a'))).toBeUndefined()
    })
  })
}
