import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
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
    afterEach(async () => {
      vi.useRealTimers()
      await store.close()
    })

    const later = (milliseconds: number) =>
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + milliseconds })
    const twentyTimes = <A>(work: (n: number) => Promise<A>): Promise<A[]> =>
      Promise.all(Array.from({ length: 20 }, (_, n) => work(n)))

    it('finds a credential by account and version only', async () => {
      const credential = { account: 'A', version: 'v1', hash: '$scrypt$x' }
      await right(store.addCredential(credential))
      expect(await right(store.credential('A', 'v1'))).toMatchObject(credential)
      expect(await right(store.credential('A', 'v2'))).toBeUndefined()
      expect(await right(store.credential('B', 'v1'))).toBeUndefined()
    })

    it('knows whether it holds any credential', async () => {
      await right(store.claim('log', 'x'))
      await right(store.secret('webhooks'))
      expect(await right(store.hasCredentials())).toBe(false)
      await right(store.addCredential({ account: 'A', version: 'v1', hash: '$scrypt$x' }))
      expect(await right(store.hasCredentials())).toBe(true)
    })

    it('replaces a hash only where it is still the one that was read', async () => {
      const credential = { account: 'A', version: 'v1', hash: '$2b$12$old', imported: 'sha' }
      await right(store.addCredential(credential))
      expect(await right(store.highestBcryptCost())).toBe(12)
      await right(store.rehash(credential, '$scrypt$new'))
      await right(store.rehash(credential, '$scrypt$late'))
      expect(await right(store.credential('A', 'v1'))).toMatchObject({ hash: '$scrypt$new', imported: 'sha' })
      expect(await right(store.highestBcryptCost())).toBeUndefined()
    })

    describe('credentials that may be superseded', () => {
      const hour = 3_600_000
      const add = (version: string, account = 'A') =>
        right(store.addCredential({ account, version, hash: 'h' }))
      const isStored = async (version: string, account = 'A') =>
        (await right(store.credential(account, version))) !== undefined
      /** Sweeps what has been a candidate for an hour; gives the versions that were looked at. */
      const sweep = async (live: readonly string[]) => {
        const seen: string[] = []
        await right(
          store.sweepCredentials(Date.now() - hour, (_account, version) => {
            seen.push(version)
            return live.includes(version)
          }),
        )
        return seen.sort()
      }

      it('are new ones that nothing names: they stay an hour, and no longer', async () => {
        await add('named')
        await add('never named', 'B')
        expect(await sweep([])).toEqual([])
        later(hour + 1)
        expect(await sweep(['named'])).toEqual(['named', 'never named'])
        expect([await isStored('named'), await isStored('never named', 'B')]).toEqual([true, false])
        // What is live is not looked at again.
        later(hour + 1)
        expect(await sweep(['named'])).toEqual([])
      })

      it('stay an hour from when they were superseded, however old they are', async () => {
        await add('old')
        later(hour + 1)
        await sweep(['old'])
        later(100 * hour)
        await add('new')
        later(hour - 1_000)
        expect(await sweep(['new'])).toEqual([])
        expect(await isStored('old')).toBe(true)
        later(2_000)
        expect(await sweep(['new'])).toEqual(['new', 'old'])
        expect([await isStored('old'), await isStored('new')]).toEqual([false, true])
      })

      it('are those of an account that are superseded, by their version', async () => {
        for (const version of ['first', 'second']) await add(version)
        for (const version of ['first', 'third']) await add(version, 'AB')
        later(hour + 1)
        await sweep(['first', 'second', 'third'])
        await right(store.supersede('A', ['first', 'unknown']))
        later(hour + 1)
        expect(await sweep([])).toEqual(['first'])
        expect([await isStored('first'), await isStored('second'), await isStored('third', 'AB')]).toEqual([
          false,
          true,
          true,
        ])
        expect(await isStored('first', 'AB')).toBe(true)
      })

      it('stay an hour from when they were superseded, where they were candidates already', async () => {
        await add('new')
        later(hour - 1_000)
        await right(store.supersede('A', ['new']))
        later(hour - 1_000)
        expect(await sweep([])).toEqual([])
        later(2_000)
        expect(await sweep([])).toEqual(['new'])
        expect(await isStored('new')).toBe(false)
      })
    })

    it('makes a secret once', async () => {
      const first = await right(store.secret('webhooks'))
      expect(first).toHaveLength(32)
      expect(await right(store.secret('webhooks'))).toEqual(first)
      expect(await right(store.secret('forms'))).not.toEqual(first)
    })

    it('makes secrets anew, of these names and no others', async () => {
      const before = [await right(store.secret('webhooks')), await right(store.secret('forms'))]
      await right(store.renewSecrets(['webhooks', 'cookies']))
      const after = await right(store.secret('webhooks'))
      expect(after).toHaveLength(32)
      expect(after).not.toEqual(before[0])
      expect(await right(store.secret('webhooks'))).toEqual(after)
      expect(await right(store.secret('forms'))).toEqual(before[1])
      expect(await right(store.secret('cookies'))).toHaveLength(32)
    })

    it('knows how far the running processes are', async () => {
      await right(store.announce('p', 5n))
      await right(store.announce('q', 7n))
      await right(store.announce('p', 2n ** 60n))
      expect([...(await right(store.announced()))].sort()).toEqual([2n ** 60n, 7n].sort())
      await right(store.announce('q', undefined))
      expect(await right(store.announced())).toEqual([2n ** 60n])
    })

    it('does not know those that have not been heard of for ten seconds', async () => {
      await right(store.announce('p', 5n))
      later(11_000)
      await right(store.announce('q', 6n))
      expect(await right(store.announced())).toEqual([6n])
    })

    describe('attempts', () => {
      const count = (key: string, most = 3) => right(store.countAttempt(key, most, 60_000))

      it('are counted up to the most that are allowed, each key by itself', async () => {
        const counts = []
        for (let n = 0; n < 5; n += 1) counts.push((await count('a')).count)
        expect(counts).toEqual([1, 2, 3, 4, 4])
        expect((await count('b')).count).toBe(1)
      })

      it('leave the window one by one', async () => {
        await count('a', 2)
        later(40_000)
        await count('a', 2)
        const refused = await count('a', 2)
        expect(refused.count).toBe(3)
        expect(refused.untilFree).toBeGreaterThan(19_000)
        expect(refused.untilFree).toBeLessThanOrEqual(20_000)
        later(refused.untilFree + 1)
        expect((await count('a', 2)).count).toBe(2)
        expect((await count('a', 2)).count).toBe(3)
      })

      it('are not more than allowed when they come at once', async () => {
        const counts = (await twentyTimes(() => count('a', 7))).map(({ count }) => count)
        expect(counts.filter(one => one <= 7).sort()).toEqual([1, 2, 3, 4, 5, 6, 7])
        expect(counts.filter(one => one > 7)).toEqual(Array.from({ length: 13 }, () => 8))
      })

      it('are taken back, the latest first', async () => {
        await count('a', 2)
        later(40_000)
        await count('a', 2)
        await right(store.takeAttemptBack('a'))
        expect((await count('a', 2)).count).toBe(2)
        await right(store.takeAttemptBack('a'))
        later(20_001)
        expect((await count('a', 2)).count).toBe(1)
        await right(store.takeAttemptBack('never counted'))
        expect((await count('never counted', 2)).count).toBe(1)
      })

      it('are forgotten once they are old, and not before', async () => {
        await count('a', 1)
        await right(store.sweepExpired(60_000))
        expect((await count('a', 1)).count).toBe(2)
        later(60_001)
        await right(store.sweepExpired(60_000))
        expect((await count('a', 1)).count).toBe(1)
      })
    })

    it('lets one of twenty use a name, once', async () => {
      const until = Date.now() + 60_000
      const uses = await twentyTimes(() => right(store.useOnce('one', until)))
      expect(uses.filter(isFirst => isFirst)).toHaveLength(1)
      expect(await right(store.useOnce('one', until))).toBe(false)
      expect(await right(store.useOnce('two', until))).toBe(true)
      await right(store.sweepExpired(60_000))
      expect(await right(store.useOnce('one', until))).toBe(false)
      later(60_001)
      await right(store.sweepExpired(60_000))
      expect(await right(store.useOnce('one', Date.now() + 60_000))).toBe(true)
    })

    it('keeps what was claimed first, or instead of what is kept', async () => {
      const kept = await twentyTimes(n => right(store.claim('one', `value ${n}`)))
      expect(new Set(kept).size).toBe(1)
      const [first = ''] = kept
      expect(await right(store.claim('one', 'late'))).toBe(first)
      expect(await right(store.claim('one', 'wrong', 'something else'))).toBe(first)
      expect(await right(store.claim('one', 'next', first))).toBe('next')
      expect(await right(store.claim('one', 'late', first))).toBe('next')
      expect(await right(store.claim('two', 'other', 'nothing is kept'))).toBe('other')
      await right(store.sweepExpired(0))
      expect(await right(store.claim('one', 'late'))).toBe('next')
    })

    it('shows what is claimed, and forgets it only where that value is kept', async () => {
      expect(await right(store.claimed('one'))).toBeUndefined()
      await right(store.claim('one', 'value'))
      expect(await right(store.claimed('one'))).toBe('value')
      await right(store.releaseClaim('one', 'another'))
      expect(await right(store.claimed('one'))).toBe('value')
      await right(store.releaseClaim('one', 'value'))
      await right(store.releaseClaim('one', 'value'))
      expect(await right(store.claimed('one'))).toBeUndefined()
      expect(await right(store.claim('one', 'next'))).toBe('next')
    })

    it('knows when a node was last seen, whatever order it is told in, to the minute', async () => {
      const times = [5, 1_700_000_000_123, 7, 1_700_000_060_122]
      for (const at of times) await right(store.noteSeen('a', at))
      await right(store.noteSeen('b', 9))
      expect(await right(store.lastSeen(['a', 'b', 'c']))).toEqual(
        new Map([
          ['a', 1_700_000_000_123],
          ['b', 9],
        ]),
      )
      expect(await right(store.lastSeen([]))).toEqual(new Map())
    })

    describe('signing keys', () => {
      const key = (kid: string) => ({ kid, jwk: JSON.stringify({ kid }) })

      it('begin with one, whoever adds it first', async () => {
        expect(await right(store.signingKeys())).toEqual([])
        await twentyTimes(n => right(store.addSigningKey(key(`k${n}`), 'first')))
        const keys = await right(store.signingKeys())
        expect(keys).toHaveLength(1)
        await right(store.addSigningKey(key('late'), 'first'))
        expect(await right(store.signingKeys())).toEqual(keys)
      })

      it('are rotated: the new one signs, the others are published until they retire', async () => {
        await right(store.addSigningKey(key('a'), 'first'))
        const retireAt = Date.now() + 60_000
        await right(store.addSigningKey(key('b'), { retireAt }))
        expect(await right(store.signingKeys())).toEqual([key('b'), { ...key('a'), retiresAt: retireAt }])
        later(30_000)
        await right(store.addSigningKey(key('c'), { retireAt: retireAt + 30_000 }))
        const [signs, ...others] = await right(store.signingKeys())
        expect(signs).toEqual(key('c'))
        expect(others).toContainEqual({ ...key('a'), retiresAt: retireAt })
        expect(others).toContainEqual({ ...key('b'), retiresAt: retireAt + 30_000 })
        later(30_001)
        expect((await right(store.signingKeys())).map(({ kid }) => kid)).toEqual(['c', 'b'])
        await right(store.sweepExpired(60_000))
        expect((await right(store.signingKeys())).map(({ kid }) => kid)).toEqual(['c', 'b'])
      })

      it('retire at once where they are to, also those that were to retire later', async () => {
        await right(store.addSigningKey(key('a'), 'first'))
        await right(store.addSigningKey(key('b'), { retireAt: Date.now() + 60_000 }))
        await right(store.addSigningKey(key('c'), { retireAt: Date.now() }))
        expect(await right(store.signingKeys())).toEqual([key('c')])
      })

      it('are all published when several are added at once', async () => {
        await right(store.addSigningKey(key('first'), 'first'))
        const retireAt = Date.now() + 60_000
        await twentyTimes(n => right(store.addSigningKey(key(`k${n}`), { retireAt })))
        const keys = await right(store.signingKeys())
        expect(keys).toHaveLength(21)
        expect(keys.filter(({ retiresAt }) => retiresAt === undefined)).toHaveLength(1)
        expect(keys[0]?.retiresAt).toBeUndefined()
      })
    })
  })
}
