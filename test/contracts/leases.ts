import { spawnSync } from 'node:child_process'
import { hostname } from 'node:os'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Leases } from '../../projections/leases.ts'
import { right } from '../support/either.ts'

export type OpenLeases = () => Promise<{ leases: Leases; close: () => Promise<void> }>

/** What every engine must do with leases; `open` gives a store without any. */
export const leasesContract = (name: string, open: OpenLeases) => {
  describe(`the leases on ${name}`, () => {
    let store: Awaited<ReturnType<OpenLeases>>
    beforeEach(async () => {
      store = await open()
    })
    afterEach(async () => {
      vi.useRealTimers()
      await store.close()
    })

    const take = async (holder: string, milliseconds = 5_000) =>
      (await right(store.leases.take(['things_1'], holder, milliseconds)))[0]

    it('are held by one process at a time, which keeps its token', async () => {
      const token = await take('one')
      expect(token).toBeTypeOf('number')
      expect(await take('other')).toBeUndefined()
      expect(await take('one')).toBe(token)
    })

    it('are each of one name', async () => {
      await take('one')
      const both = await right(store.leases.take(['things_1', 'relay.deliveries'], 'other', 5_000))
      expect(both).toEqual([undefined, expect.any(Number)])
    })

    it('pass on with a higher token when they run out, or are given up', async () => {
      const first = (await take('one', 0)) ?? 0
      const second = (await take('other')) ?? 0
      expect(second).toBeGreaterThan(first)
      expect(await take('one')).toBeUndefined()
      await right(store.leases.drop(['things_1'], 'other'))
      expect((await take('one')) ?? 0).toBeGreaterThan(second)
    })

    it('last as long as was said when they were taken or renewed last', async () => {
      const now = Date.now()
      const at = (milliseconds: number) => vi.useFakeTimers({ toFake: ['Date'], now: now + milliseconds })
      at(0)
      await take('one')
      at(4_000)
      await take('one')
      at(8_999)
      expect(await take('other')).toBeUndefined()
      at(9_000)
      expect(await take('other')).toBeTypeOf('number')
    })

    it('are given up by their holder only, and only those named', async () => {
      await right(store.leases.take(['things_1', 'others_1'], 'one', 5_000))
      await right(store.leases.drop(['things_1', 'others_1'], 'other'))
      expect(await take('other')).toBeUndefined()
      await right(store.leases.drop(['things_1'], 'one'))
      const both = await right(store.leases.take(['things_1', 'others_1'], 'other', 5_000))
      expect(both).toEqual([expect.any(Number), undefined])
    })

    it('are not held by a process of this host that has ended', async () => {
      const { pid } = spawnSync(process.execPath, ['--version'])
      const first = (await take(`${hostname()}/${pid}/ended`)) ?? 0
      expect((await take('other')) ?? 0).toBeGreaterThan(first)
    })

    it('are won by one of many who come at the same time', async () => {
      const tokens = await Promise.all(Array.from({ length: 10 }, (_, n) => take(`process-${n}`)))
      expect(tokens.filter(token => token !== undefined)).toHaveLength(1)
    })
  })
}
