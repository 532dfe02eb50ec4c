import bcrypt from 'bcrypt'
import { describe, expect, it } from 'vitest'
import * as E from '#fp/Either'
import { makeAuthenticate, parseBasic } from '../../auth/authenticate.ts'
import { makeGuesses } from '../../auth/guesses.ts'
import { makePasswords } from '../../auth/passwords.ts'
import { makePolicy } from '../../auth/policy.ts'
import { parseRoles } from '../../auth/roles.ts'
import { makeSlowWork, type SlowWork } from '../../auth/slow-work.ts'
import { makeStanding } from '../../auth/standing.ts'
import { memoryAuthStore } from '../../stores/memory/auth-store.ts'
import { basic } from '../support/client.ts'
import { left, right } from '../support/either.ts'

/** A service whose slow work is counted. */
const counted = async () => {
  let hashed = 0
  const slowly = makeSlowWork(100)
  const counting: SlowWork = work =>
    slowly(() => {
      hashed += 1
      return work()
    })
  const store = memoryAuthStore()
  return { store, passwords: await makePasswords(store, counting), hashed: () => hashed }
}

describe('a password', () => {
  it('is hashed once for a pair that was right, and each time for a wrong one', async () => {
    const { passwords, hashed } = await counted()
    const version = await right(passwords.add('ANA', 'gnusolidario'))
    const before = hashed()
    const pairs = Array.from({ length: 10 }, () => right(passwords.verify('ANA', version, 'gnusolidario')))
    expect(await Promise.all(pairs)).toEqual(Array(10).fill(true))
    expect(await right(passwords.verify('ANA', version, 'gnusolidario'))).toBe(true)
    expect(hashed() - before).toBe(1)
    expect(await right(passwords.verify('ANA', version, 'wrong'))).toBe(false)
    expect(await right(passwords.verify('ANA', version, 'wrong'))).toBe(false)
    expect(hashed() - before).toBe(3)
  })

  it('that was imported is hashed anew when it is first used', async () => {
    const { store, passwords } = await counted()
    const hash = await bcrypt.hash('gnusolidario', 4)
    const version = await right(passwords.import('ANA', hash))
    expect(await right(passwords.verify('ANA', version, 'gnusolidario'))).toBe(true)
    expect((await right(store.credential('ANA', version)))?.hash).toMatch(/^\$scrypt\$ln=14,r=8,p=5\$/)
    expect(await right(passwords.wasImportedFrom('ANA', version, hash))).toBe(true)
  })

  it('is refused no sooner than the dearest hash stored would take, also where there is no account', async () => {
    const { passwords } = await counted()
    const took = async (version: string | undefined) => {
      const start = performance.now()
      expect(await right(passwords.verify('ANA', version, 'wrong'))).toBe(false)
      return performance.now() - start
    }
    const before = await took(undefined)
    const cheap = await right(passwords.import('ANA', await bcrypt.hash('gnusolidario', 4)))
    await right(passwords.import('EVA', '$2b$15$'.padEnd(60, 'x')))
    expect(await took(undefined)).toBeGreaterThan(before)
    expect(await took(cheap)).toBeGreaterThan(before)
  })
})

describe('slow work', () => {
  it('waits its turn, and is refused when too much waits', async () => {
    const slowly = makeSlowWork(1, 1)
    let release = () => {}
    const first = slowly(
      () =>
        new Promise<void>(resolve => {
          release = resolve
        }),
    )()
    const second = slowly(async () => 'second')()
    expect(await left(slowly(async () => 'third'))).toEqual({ _tag: 'Busy' })
    release()
    await first
    expect(await second).toMatchObject({ right: 'second' })
    expect(await right(slowly(async () => 'fourth'))).toBe('fourth')
  })
})

describe('authentication', () => {
  it('does not trust a pair whose credential is no longer held', async () => {
    const { passwords } = await counted()
    const version = await right(passwords.add('ANA', 'gnusolidario'))
    const account = (credential: string) =>
      makeStanding({
        position: 0n,
        accounts: new Map([['ANA', { active: true, roles: [], credential, revision: 0 }]]),
        nodes: new Map(),
      })
    const presented = {
      authorization: basic('ana', 'gnusolidario'),
      dpop: undefined,
      method: 'GET',
      path: '/login',
      address: () => '192.0.2.1',
    }
    const authenticate = (credential: string) =>
      makeAuthenticate({
        standing: account(credential),
        passwords,
        guesses: makeGuesses(memoryAuthStore()),
        tokens: { verify: () => async () => E.right(undefined) },
        noteSeen: () => {},
      })(presented)
    expect(await right(authenticate(version))).toMatchObject({ principal: { id: 'ANA' } })
    expect(await left(authenticate('another'))).toEqual({ _tag: 'NotAuthenticated', token: false })
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
  const may = (names: readonly string[], subject: string | undefined, endpoint = 'person') =>
    policy.permits(
      { kind: 'person', id: 'ANA', roles: names },
      { people: { endpoint, methods: ['GET'], reach: 'own' } },
      subject,
    )

  it('reach everything when global, and else what is about their holder', () => {
    expect(may(['own'], 'ANA')).toBe(true)
    expect(may(['own'], 'EVA')).toBe(false)
    expect(may(['own'], undefined)).toBe(false)
    expect(may(['all'], 'EVA')).toBe(true)
    expect(may(['own', 'all'], 'EVA')).toBe(true)
  })
  it('grant nothing that they do not list, nor do unknown ones', () => {
    expect(may(['all'], 'ANA', 'page')).toBe(false)
    expect(may(['nobody', '__proto__'], 'ANA')).toBe(false)
    expect(may([], 'ANA')).toBe(false)
  })
  it.each(['', '{}', '[{"role": "x"}]', '[{"role":"x","permissions":{"GET":"person","global":"True"}}]'])(
    'are not read from %j',
    text => expect(parseRoles(text)).toHaveProperty('problems'),
  )
})
