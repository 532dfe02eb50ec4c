import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Document, Generation } from '../../projections/read-store.ts'
import { startOfLog } from '../../stores/start-of-log.ts'
import { left, right } from '../support/either.ts'
import { checkpointAt, type OpenReadStore, thing, things } from '../support/things.ts'

const others = { ...things, name: 'others' }

/** What every engine must do with read models that are built beside those served; `open` gives an empty store. */
export const generationsContract = (name: string, open: OpenReadStore) => {
  describe(`the generations of read models on ${name}`, () => {
    let store: Awaited<ReturnType<OpenReadStore>>
    let served: Generation
    beforeEach(async () => {
      store = await open()
      served = await right(store.served(things))
    })
    afterEach(async () => {
      vi.useRealTimers()
      await store.close()
    })

    /** Commits a document `a` of this text, and gives the generation as it stands then. */
    const feed = async (generation: Generation, to: bigint, text: string): Promise<Generation> => {
      const checkpoint = checkpointAt(to)
      await right(store.commit([{ generation, documents: [thing('a', to, { text })] }], checkpoint, 0))
      return { ...generation, checkpoint }
    }
    const textOf = async (model = things) => (await right(store.get(model, 'a')))?.text
    const superseded = { _tag: 'Superseded' }

    it('are numbered, and begin at the start of the log', async () => {
      const begun = await right(store.begin(things))
      const next = await right(store.begin(things))
      expect([served, begun, next].map(({ number }) => number)).toEqual([0, 1, 2])
      expect(begun.checkpoint).toEqual(startOfLog)
      expect(await right(store.served(things))).toEqual(served)
    })

    it('are served once they have come as far, and not before', async () => {
      await feed(served, 5n, '"old"')
      const begun = await right(store.begin(things))
      expect(await right(store.serve([begun], 'if as far'))).toBe(false)
      const behind = await feed(begun, 4n, '"new"')
      expect(await right(store.serve([behind], 'if as far'))).toBe(false)
      expect(await textOf()).toBe('"old"')
      const built = await feed(behind, 5n, '"newer"')
      expect(await textOf()).toBe('"old"')
      expect(await right(store.serve([built], 'if as far'))).toBe(true)
      expect(await textOf()).toBe('"newer"')
      expect(await right(store.served(things))).toEqual(built)
      expect(await right(store.checkpoint(things))).toEqual(checkpointAt(5n))
    })

    it('are switched together or not at all', async () => {
      const other = await right(store.served(others))
      await feed(served, 5n, '"old"')
      await feed(other, 9n, '"old"')
      const built = await feed(await right(store.begin(things)), 6n, '"new"')
      const lagging = await feed(await right(store.begin(others)), 6n, '"new"')
      expect(await right(store.serve([built, lagging], 'if as far'))).toBe(false)
      expect([await textOf(things), await textOf(others)]).toEqual(['"old"', '"old"'])
    })

    it('are served at once where the log is another one', async () => {
      await feed(served, 5n, '"old"')
      const begun = await right(store.begin(things))
      expect(await right(store.serve([begun], 'whatever was served'))).toBe(true)
      expect(await textOf()).toBeUndefined()
      expect(await right(store.checkpoint(things))).toMatchObject({ position: 0n })
    })

    it('are fed no more once others are served in their place', async () => {
      const old = await feed(served, 5n, '"old"')
      const begun = await feed(await right(store.begin(things)), 5n, '"new"')
      expect(await right(store.confirm([old]))).toBeUndefined()
      await right(store.serve([begun], 'if as far'))
      const late = [{ generation: old, documents: [thing('a', 6n, { text: '"late"' })] }]
      expect(await left(store.commit(late, checkpointAt(6n), 0))).toEqual(superseded)
      expect(await left(store.confirm([begun, old]))).toEqual(superseded)
      expect(await right(store.confirm([begun]))).toBeUndefined()
      expect(await textOf()).toBe('"new"')
    })

    it.each([0, 60_000])(
      'move together or not at all where one of them was fed by somebody else (within %i ms)',
      async within => {
        const other = await right(store.served(others))
        const fedElsewhere = await feed(other, 5n, '"elsewhere"')
        const changes = [served, other].map(generation => ({ generation, documents: [thing('a', 7n)] }))
        for (const order of [changes, [...changes].reverse()])
          expect(await left(store.commit(order, checkpointAt(7n), within))).toEqual(superseded)
        expect(await right(store.confirm([served, fedElsewhere]))).toBeUndefined()
        expect(await textOf(things)).toBeUndefined()
        expect(await textOf(others)).toBe('"elsewhere"')
      },
    )

    it('of another version are a read model of their own', async () => {
      await feed(served, 5n, '"old"')
      const next = { ...things, version: 2 }
      await feed(await right(store.served(next)), 3n, '"new"')
      expect([await textOf(things), await textOf(next)]).toEqual(['"old"', '"new"'])
    })

    it('are dropped a while after others are served, those served never', async () => {
      await feed(served, 5n, '"old"')
      const begun = await feed(await right(store.begin(things)), 5n, '"new"')
      await right(store.serve([begun], 'if as far'))
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 120_000 })
      let rounds = 0
      while (await right(store.sweep([things], 'idle for a minute'))) rounds += 1
      expect(rounds).toBeGreaterThan(0)
      expect(await textOf()).toBe('"new"')
      expect(await right(store.served(things))).toEqual(begun)
      expect((await right(store.begin(things))).number).toBeGreaterThan(begun.number)
    })

    it('are dropped at once where all that is not served must go, and whoever feeds them is told', async () => {
      await feed(served, 5n, '"old"')
      const begun = await feed(await right(store.begin(things)), 5n, '"new"')
      const other = await right(store.begin(others))
      await right(store.serve([begun], 'if as far'))
      while (await right(store.sweep([things, others], 'all not served')));
      expect(await textOf()).toBe('"new"')
      expect(await right(store.served(things))).toEqual(begun)
      const changes = [{ generation: other, documents: [thing('a', 6n)] }]
      expect(await left(store.commit(changes, checkpointAt(6n), 0))).toEqual(superseded)
    })

    it('fence out whoever fed them with an earlier token', async () => {
      const first = await right(store.served(things, 1))
      await feed(first, 5n, '"first"')
      const second = await right(store.served(things, 2))
      expect(second.checkpoint).toEqual(checkpointAt(5n))
      const late = { ...first, checkpoint: checkpointAt(5n) }
      expect(await left(store.confirm([late]))).toEqual(superseded)
      const changes = [{ generation: late, documents: [] }]
      expect(await left(store.commit(changes, checkpointAt(6n), 0))).toEqual(superseded)
      await feed(second, 6n, '"second"')
      expect(await textOf()).toBe('"second"')
    })

    it('give all their documents in the order of their keys, removed ones too, some at a time', async () => {
      const begun = await right(store.begin(things))
      const keys = ['b', 'a!1', 'a', 'B', 'a-1', 'c']
      const documents = keys.map(key => thing(key, 3n, key === 'b' ? { text: null, fields: {} } : {}))
      await right(store.commit([{ generation: begun, documents }], checkpointAt(3n), 0))
      const walked: Document[] = []
      for (;;) {
        const some = await right(store.documentsAfter(begun, walked.at(-1)?.key, 4))
        if (some.length === 0) break
        expect(some.length).toBeLessThanOrEqual(4)
        walked.push(...some)
      }
      expect(walked.map(({ key }) => key)).toEqual(['B', 'a', 'a!1', 'a-1', 'b', 'c'])
      expect(walked[4]).toMatchObject({ revision: 0, position: 3n, text: null })
      expect(walked[0]).toEqual(thing('B', 3n))
      expect(await right(store.documentsAfter(served, undefined, 4))).toEqual([])
    })

    it('give large documents a few at a time, and never none', async () => {
      const begun = await right(store.begin(things))
      const text = JSON.stringify('x'.repeat(3 * 1024 * 1024))
      const documents = ['a', 'b', 'c'].map(key => thing(key, 3n, { text }))
      for (const [n, document] of documents.entries()) {
        const generation = { ...begun, checkpoint: n === 0 ? begun.checkpoint : checkpointAt(BigInt(n)) }
        await right(store.commit([{ generation, documents: [document] }], checkpointAt(BigInt(n + 1)), 0))
      }
      const some = await right(store.documentsAfter(begun, undefined, 100))
      expect(some.map(({ key }) => key)).toEqual(['a', 'b'])
      expect(await right(store.documentsAfter(begun, 'b', 100))).toHaveLength(1)
    })
  })
}
