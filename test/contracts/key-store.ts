import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { KeyStore, WrappedKey } from '../../auth/key-store.ts'
import { right } from '../support/either.ts'

/** What every engine of the keys of people must do; `open` gives an empty one. */
export const keyStoreContract = (
  name: string,
  open: () => Promise<KeyStore & { close: () => Promise<void> }>,
) => {
  describe(`the keys of people on ${name}`, () => {
    let store: Awaited<ReturnType<typeof open>>
    beforeEach(async () => {
      store = await open()
    })
    afterEach(() => store.close())

    const keyOf = (account: string, master = 'm1'): WrappedKey => ({
      account,
      master,
      wrapped: randomBytes(60),
    })
    const kept = async (...accounts: readonly string[]) =>
      (await right(store.keysOf(accounts))).toSorted((a, b) => (a.account < b.account ? -1 : 1))

    it('are found by account, as they were added', async () => {
      const keys = ['A', 'B', 'C'].map(account => keyOf(account))
      await right(store.addKeys(keys))
      expect(await kept('A', 'C', 'nobody')).toEqual([keys[0], keys[2]])
      expect(await kept()).toEqual([])
    })

    it('are found for many accounts at once', async () => {
      const keys = Array.from({ length: 1_200 }, (_, n) => keyOf(String(n).padStart(5, '0')))
      await right(store.addKeys(keys))
      expect(await kept(...keys.map(({ account }) => account))).toEqual(keys)
    })

    it('are never replaced by others that are added, whoever is first', async () => {
      const raced = await Promise.all(
        Array.from({ length: 10 }, async () => {
          await right(store.addKeys([keyOf('A')]))
          return kept('A')
        }),
      )
      for (const seen of raced) expect(seen).toEqual(raced[0])
    })

    it('are destroyed for good, as often as it is said', async () => {
      await right(store.addKeys([keyOf('A'), keyOf('B')]))
      await right(store.destroyKey('A'))
      await right(store.destroyKey('A'))
      await right(store.addKeys([keyOf('A')]))
      await right(store.rewrapKeys([keyOf('A')]))
      expect(await kept('A')).toEqual([{ account: 'A' }])
      expect(await right(store.destroyedKeys())).toEqual(['A'])
    })

    it('are refused for ever to whom none was made before the destruction', async () => {
      await right(store.destroyKey('NEW'))
      await right(store.addKeys([keyOf('NEW')]))
      expect(await kept('NEW')).toEqual([{ account: 'NEW' }])
    })

    it('are given another wrapping in the place of the one before', async () => {
      await right(store.addKeys([keyOf('A'), keyOf('B', 'm2'), keyOf('C')]))
      await right(store.destroyKey('C'))
      expect((await right(store.keysOfOtherMasters('m2', 10))).map(({ account }) => account)).toEqual(['A'])
      const again = keyOf('A', 'm2')
      await right(store.rewrapKeys([again]))
      expect(await kept('A')).toEqual([again])
      expect(await right(store.keysOfOtherMasters('m2', 10))).toEqual([])
    })
  })
}
