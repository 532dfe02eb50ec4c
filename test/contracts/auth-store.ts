import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AuthStore } from '../../auth/auth-store.ts'
import { right } from '../support/either.ts'

/** What every engine of auth's own store must do; `open` gives an empty one. */
export const authStoreContract = (
  name: string,
  open: () => Promise<AuthStore & { close: () => Promise<void> }>,
) => {
  describe(`the store of credentials on ${name}`, () => {
    let store: Awaited<ReturnType<typeof open>>
    beforeEach(async () => {
      store = await open()
    })
    afterEach(() => store.close())

    it('finds a credential by account and version only', async () => {
      const credential = { account: 'A', version: 'v1', hash: '$scrypt$x' }
      await right(store.addCredential(credential))
      expect(await right(store.credential('A', 'v1'))).toMatchObject(credential)
      expect(await right(store.credential('A', 'v2'))).toBeUndefined()
      expect(await right(store.credential('B', 'v1'))).toBeUndefined()
    })

    it('replaces a hash only where it is still the one that was read', async () => {
      const credential = { account: 'A', version: 'v1', hash: '$2b$12$old', imported: 'sha' }
      await right(store.addCredential(credential))
      expect(await right(store.highestBcryptCost)).toBe(12)
      await right(store.rehash(credential, '$scrypt$new'))
      await right(store.rehash(credential, '$scrypt$late'))
      expect(await right(store.credential('A', 'v1'))).toMatchObject({ hash: '$scrypt$new', imported: 'sha' })
      expect(await right(store.highestBcryptCost)).toBeUndefined()
    })

    it('sweeps what is old and not live', async () => {
      for (const version of ['live', 'dead'])
        await right(store.addCredential({ account: 'A', version, hash: 'h' }))
      await right(store.sweepCredentials(0, () => false))
      expect(await right(store.credential('A', 'dead'))).toBeDefined()
      await right(store.sweepCredentials(Date.now() + 1000, (_, version) => version === 'live'))
      expect(await right(store.credential('A', 'dead'))).toBeUndefined()
      expect(await right(store.credential('A', 'live'))).toBeDefined()
    })

    it('makes a secret once', async () => {
      const first = await right(store.secret('one'))
      expect(first).toHaveLength(32)
      expect(await right(store.secret('one'))).toEqual(first)
      expect(await right(store.secret('two'))).not.toEqual(first)
    })

    it('knows how far the running processes are', async () => {
      await right(store.announce('p', 5n))
      await right(store.announce('q', 7n))
      await right(store.announce('p', 2n ** 60n))
      expect([...(await right(store.announced))].sort()).toEqual([2n ** 60n, 7n].sort())
      await right(store.announce('q', undefined))
      expect(await right(store.announced)).toEqual([2n ** 60n])
    })
  })
}
