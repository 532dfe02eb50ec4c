import { setTimeout as pause } from 'node:timers/promises'
import bcrypt from 'bcrypt'
import { describe, expect, it } from 'vitest'
import * as E from '#fp/Either'
import type { AuthStore } from '../../auth/auth-store.ts'
import { makeAuthenticate, parseBasic } from '../../auth/authenticate.ts'
import { type Guesses, makeGuesses } from '../../auth/guesses.ts'
import { loginLane } from '../../auth/lanes.ts'
import { makePasswords, type PasswordFailure, type Passwords } from '../../auth/passwords.ts'
import { makePolicy } from '../../auth/policy.ts'
import { parseRoles } from '../../auth/roles.ts'
import { makeSlowWork, type SlowWork } from '../../auth/slow-work.ts'
import { makeStanding } from '../../auth/standing.ts'
import { memoryAuthStore } from '../../stores/memory/auth-store.ts'
import { basic } from '../support/client.ts'
import { left, right } from '../support/either.ts'

const lane = loginLane('192.0.2.1')

/** A service whose slow work is counted. */
const counted = async (replaced: Partial<AuthStore> = {}) => {
  let hashed = 0
  const slowly = makeSlowWork()
  const counting: SlowWork = (lane, work) =>
    slowly(lane, () => {
      hashed += 1
      return work()
    })
  const store = { ...memoryAuthStore(), ...replaced }
  return { store, passwords: makePasswords(store, counting), hashed: () => hashed }
}

describe('a password', () => {
  it('is hashed once for a pair that was right, and each time for a wrong one', async () => {
    const { passwords, hashed } = await counted()
    const version = await right(passwords.add('ANA', 'gnusolidario', lane))
    const before = hashed()
    const pairs = Array.from({ length: 10 }, () =>
      right(passwords.verify('ANA', version, 'gnusolidario', lane)),
    )
    expect(await Promise.all(pairs)).toEqual(Array(10).fill(true))
    expect(await right(passwords.verify('ANA', version, 'gnusolidario', lane))).toBe(true)
    expect(hashed() - before).toBe(1)
    expect(await right(passwords.verify('ANA', version, 'wrong', lane))).toBe(false)
    expect(await right(passwords.verify('ANA', version, 'wrong', lane))).toBe(false)
    expect(hashed() - before).toBe(3)
  })

  it('that was imported is hashed anew in the background when it is first used', async () => {
    const inner = memoryAuthStore()
    const { promise: rehashed, resolve } = Promise.withResolvers<void>()
    const rehash: AuthStore['rehash'] = async (credential, hash) => {
      const result = await inner.rehash(credential, hash)
      resolve()
      return result
    }
    const { store, passwords } = await counted({ ...inner, rehash })
    const hash = await bcrypt.hash('gnusolidario', 4)
    const version = await right(passwords.import('ANA', hash))
    expect(await right(passwords.verify('ANA', version, 'gnusolidario', lane))).toBe(true)
    await rehashed
    expect((await right(store.credential('ANA', version)))?.hash).toMatch(/^\$scrypt\$ln=14,r=8,p=5\$/)
    expect(await right(passwords.wasImportedFrom('ANA', version, hash))).toBe(true)
  })

  it.each<[string, () => Promise<never>]>([
    ['does not come back', () => new Promise(() => {})],
    ['fails', () => Promise.reject(new Error('the store is closed'))],
  ])('that was imported is right also where the store %s when it is hashed anew', async (_, outcome) => {
    const { promise: begun, resolve } = Promise.withResolvers<void>()
    const rehash: AuthStore['rehash'] = () => {
      resolve()
      return outcome()
    }
    const { passwords } = await counted({ rehash })
    const version = await right(passwords.import('ANA', await bcrypt.hash('gnusolidario', 4)))
    expect(await right(passwords.verify('ANA', version, 'gnusolidario', lane))).toBe(true)
    await begun
    expect(await right(passwords.verify('ANA', version, 'another', lane))).toBe(false)
  })

  it('is refused no sooner than the dearest hash stored would take, also where there is no account', async () => {
    const { passwords } = await counted()
    await passwords.measure()
    const took = async (version: string | undefined) => {
      const start = performance.now()
      expect(await right(passwords.verify('ANA', version, 'wrong', lane))).toBe(false)
      return performance.now() - start
    }
    const before = await took(undefined)
    const cheap = await right(passwords.import('ANA', await bcrypt.hash('gnusolidario', 4)))
    await right(passwords.import('EVA', '$2b$14$'.padEnd(60, 'x')))
    expect(await took(undefined)).toBeGreaterThan(before)
    expect(await took(cheap)).toBeGreaterThan(before)
  })
})

const notAuthenticated = { _tag: 'NotAuthenticated', token: false }

/** Logs in where these accounts have these credentials. */
const authenticating = (
  passwords: Pick<Passwords, 'isRemembered' | 'verify'>,
  credentials: Readonly<Record<string, string>>,
  guesses = makeGuesses(memoryAuthStore()),
) => {
  const accounts = Object.entries(credentials).map(
    ([account, credential]) => [account, { active: true, roles: [], credential, revision: 0 }] as const,
  )
  const authenticate = makeAuthenticate({
    standing: makeStanding({ position: 0n, accounts: new Map(accounts), nodes: new Map() }),
    passwords,
    guesses,
    tokens: { verify: async () => E.right(undefined) },
    noteSeen: () => {},
  })
  return (account: string, password: string) =>
    authenticate({
      authorization: basic(account, password),
      dpop: undefined,
      method: 'GET',
      path: '/login',
      address: () => '192.0.2.1',
    })
}

describe('authentication', () => {
  it('does not trust a pair whose credential is no longer held', async () => {
    const { passwords } = await counted()
    const version = await right(passwords.add('ANA', 'gnusolidario', lane))
    const by = (credential: string) => authenticating(passwords, { ANA: credential })
    expect(await right(by(version)('ana', 'gnusolidario'))).toMatchObject({ principal: { id: 'ANA' } })
    expect(await left(by('another')('ana', 'gnusolidario'))).toEqual(notAuthenticated)
  })

  it('takes the same time for every account, also where the store is slow', { retry: 2 }, async () => {
    const inner = memoryAuthStore()
    const slowness = 150
    const { passwords } = await counted({
      ...inner,
      credential: async (account, version) => {
        await pause(slowness)
        return inner.credential(account, version)
      },
    })
    // The dearest hash: all the others are done well before it would be.
    await right(passwords.import('DEAREST', '$2b$12$'.padEnd(60, 'x')))
    const login = authenticating(passwords, {
      SCRYPT: await right(passwords.add('SCRYPT', 'gnusolidario', lane)),
      BCRYPT: await right(passwords.import('BCRYPT', await bcrypt.hash('gnusolidario', 10))),
    })
    const times = new Map<string, number[]>([
      ['SCRYPT', []],
      ['BCRYPT', []],
      ['UNKNOWN', []],
    ])
    for (let i = 0; i < 5; i += 1)
      for (const [account, taken] of times) {
        const start = performance.now()
        expect(await left(login(account, `wrong-${i}`))).toEqual(notAuthenticated)
        taken.push(performance.now() - start)
      }
    // The least of each: what else the machine does only adds to it.
    const least = [...times.values()].map(taken => Math.min(...taken))
    expect(Math.max(...least) - Math.min(...least)).toBeLessThan(slowness / 2)
  })

  it('counts an attempt that finds no place in the queue, and gives it back where the store is away', async () => {
    const unused = { isRemembered: () => false }
    const settled: boolean[] = []
    const guesses: Guesses = {
      begin: async () => E.right(async isGivenBack => void settled.push(isGivenBack)),
    }
    const failures: readonly PasswordFailure[] = [
      { _tag: 'Busy' },
      { _tag: 'AuthUnavailable', cause: 'it is away' },
    ]
    for (const failure of failures) {
      const passwords = { ...unused, verify: async () => E.left(failure) }
      expect(await left(authenticating(passwords, {}, guesses)('ANA', 'x'))).toEqual(failure)
    }
    expect(settled).toEqual([false, true])
  })

  it('reads Basic credentials, with colons in the password', () => {
    expect(parseBasic(basic('ANA', 'a:b:ü'))).toEqual({ account: 'ANA', password: 'a:b:ü' })
    expect(parseBasic(basic('ANA', 'x').replace('Basic', 'bASIC'))).toBeDefined()
    for (const wrong of ['', 'Basic', 'Basic ?', 'Basic QUJD', 'Bearer QTpC'])
      expect(parseBasic(wrong)).toBeUndefined()
  })
})

describe('roles', () => {
  const roles = parseRoles(
    JSON.stringify([
      { role: 'own', permissions: { GET: ['person', 'institutions'], global: 'False' } },
      { role: 'all', permissions: { GET: ['person'], global: 'True' } },
    ]),
  )
  if ('problems' in roles) throw new Error('the roles are wrong')
  const policy = makePolicy(roles)
  const isPermitted = (names: readonly string[], subject: string | undefined, endpoint = 'person') =>
    policy.permits(
      { kind: 'person', id: 'ANA', roles: names },
      { people: { endpoint, methods: ['GET'], reach: 'own' } },
      subject,
    )

  it('reach everything when global, and else what is about their holder', () => {
    expect(isPermitted(['own'], 'ANA')).toBe(true)
    expect(isPermitted(['own'], 'EVA')).toBe(false)
    expect(isPermitted(['own'], undefined)).toBe(false)
    expect(isPermitted(['all'], 'EVA')).toBe(true)
    expect(isPermitted(['own', 'all'], 'EVA')).toBe(true)
  })
  it('grant nothing that they do not list, nor do unknown ones', () => {
    expect(isPermitted(['all'], 'ANA', 'page')).toBe(false)
    expect(isPermitted(['nobody', '__proto__'], 'ANA')).toBe(false)
    expect(isPermitted([], 'ANA')).toBe(false)
  })
  it.each(['', '{}', '[{"role": "x"}]', '[{"role":"x","permissions":{"GET":"person","global":"True"}}]'])(
    'are not read from %j',
    text => expect(parseRoles(text)).toHaveProperty('problems'),
  )
})
