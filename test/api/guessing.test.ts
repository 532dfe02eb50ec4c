import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic, clientOf } from '../support/client.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'
import { bySecret, enroll, requestToken } from '../support/nodes.ts'

let hub: TestHub
beforeAll(async () => {
  // The tests are a proxy that says from where requests come.
  hub = await startTestHub({ TRUST_PROXY: '127.0.0.1' })
})
afterAll(() => hub.close())

const login = async (account: string, password: string, address: string) => {
  const client = clientOf(hub.url, basic(account, password))
  const reply = await client.get('/login', { 'X-Forwarded-For': address })
  return { status: reply.status, retryAfter: Number(reply.headers.get('Retry-After')) }
}
const wrongly = async (account: string, address: string, times: number, word = 'wrong') => {
  const tries = Array.from({ length: times }, (_, i) => login(account, `${word}-${i}`, address))
  return (await Promise.all(tries)).map(({ status }) => status).sort()
}

describe('guessing a password', () => {
  it('is stopped after ten wrong attempts, before the eleventh is looked at', async () => {
    await hub.person('ESPGUE001ORG', ['end_user'])
    expect(await wrongly('ESPGUE001ORG', '192.0.2.1', 10)).toEqual(Array(10).fill(401))
    const next = await login('ESPGUE001ORG', 'gnusolidario', '192.0.2.1')
    expect(next.status).toBe(429)
    expect(next.retryAfter).toBeGreaterThan(0)
    expect(next.retryAfter).toBeLessThanOrEqual(60)
    const reply = await clientOf(hub.url, basic('ESPGUE001ORG', 'x')).get('/people', {
      'X-Forwarded-For': '192.0.2.1',
    })
    expect(reply.json).toMatchObject({ type: 'urn:thalamus:problem:too-many-attempts', status: 429 })
  })

  it('is stopped also when the attempts come at once', async () => {
    await hub.person('ESPGUE002ORG', ['end_user'])
    const statuses = await wrongly('ESPGUE002ORG', '192.0.2.2', 15)
    expect(statuses.filter(status => status === 401)).toHaveLength(10)
    expect(statuses.filter(status => status === 429)).toHaveLength(5)
  })

  it('is stopped for accounts that do not exist like for those that do', async () => {
    expect(await wrongly('ESPGUE999ORG', '192.0.2.3', 12)).toEqual([...Array(10).fill(401), 429, 429])
  })

  it('does not keep out other accounts, other addresses, or who was let in before', async () => {
    await hub.person('ESPGUE003ORG', ['end_user'])
    await hub.person('ESPGUE004ORG', ['end_user'])
    expect((await login('ESPGUE003ORG', 'gnusolidario', '192.0.2.4')).status).toBe(200)
    await wrongly('ESPGUE003ORG', '192.0.2.4', 11)
    expect((await login('ESPGUE003ORG', 'gnusolidario', '192.0.2.4')).status).toBe(200)
    expect((await login('ESPGUE004ORG', 'gnusolidario', '192.0.2.4')).status).toBe(200)
    expect((await login('ESPGUE003ORG', 'another', '192.0.2.5')).status).toBe(401)
  })

  it('counts neither what was right nor equal attempts at the same time', async () => {
    await hub.person('ESPGUE005ORG', ['end_user'])
    const equal = Array.from({ length: 20 }, () => login('ESPGUE005ORG', 'wrong', '192.0.2.6'))
    expect((await Promise.all(equal)).map(({ status }) => status)).toEqual(Array(20).fill(401))
    expect(await wrongly('ESPGUE005ORG', '192.0.2.6', 9, 'other')).toEqual(Array(9).fill(401))
    expect((await login('ESPGUE005ORG', 'gnusolidario', '192.0.2.6')).status).toBe(429)
    for (const n of [1, 2, 3])
      expect((await login('ESPGUE005ORG', 'gnusolidario', `192.0.2.1${n}`)).status).toBe(200)
  })

  it('takes a whole IPv6 network for one address', async () => {
    await wrongly('ESPGUE006ORG', '2001:db8:1:2::1', 10)
    expect((await login('ESPGUE006ORG', 'x', '2001:db8:1:2:ffff::9')).status).toBe(429)
    expect((await login('ESPGUE006ORG', 'x', '2001:db8:1:3::1')).status).toBe(401)
  })

  it('counts also where it finds no place in the queue of hashes', async () => {
    const attempts = Array.from({ length: 300 }, (_, i) => login(`ESPQUE${100 + i}ORG`, 'wrong', '192.0.2.7'))
    const statuses = new Set((await Promise.all(attempts)).map(({ status }) => status))
    expect(statuses).toEqual(new Set([401, 503]))
    expect((await login('ESPQUE001ORG', 'wrong', '192.0.2.7')).status).toBe(429)
    expect((await login('ESPQUE001ORG', 'wrong', '192.0.2.8')).status).toBe(401)
  })

  it('cannot be hidden behind a forged address where no proxy is trusted', async () => {
    const open = await startTestHub()
    const statuses = []
    for (let i = 0; i < 11; i += 1) {
      const client = clientOf(open.url, basic('ESPGUE007ORG', `wrong-${i}`))
      statuses.push((await client.get('/login', { 'X-Forwarded-For': `198.51.100.${i}` })).status)
    }
    await open.close()
    expect(statuses).toEqual([...Array(10).fill(401), 429])
  })
})

describe('guessing a client secret', () => {
  it('is stopped like guessing a password, in the form of OAuth', async () => {
    const secret = await enroll(hub.root, 'guessed', ['people:read'])
    for (let i = 0; i < 10; i += 1)
      expect((await requestToken(hub.url, 'guessed', bySecret(`wrong-${i}`))).status).toBe(401)
    const refused = await requestToken(hub.url, 'guessed', bySecret(secret))
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(0)
    expect(await refused.json()).toMatchObject({ error: 'slow_down' })
    const other = await enroll(hub.root, 'not-guessed', ['people:read'])
    expect((await requestToken(hub.url, 'not-guessed', bySecret(other))).status).toBe(200)
  })

  it('does not keep out a node whose secret was right lately', async () => {
    const secret = await enroll(hub.root, 'known', ['people:read'])
    expect((await requestToken(hub.url, 'known', bySecret(secret))).status).toBe(200)
    for (let i = 0; i < 11; i += 1) await requestToken(hub.url, 'known', bySecret(`wrong-${i}`))
    expect((await requestToken(hub.url, 'known', bySecret(secret))).status).toBe(200)
    await hub.root.put('/nodes/known/status', { status: 'suspended' })
    expect((await requestToken(hub.url, 'known', bySecret(secret))).status).toBe(401)
  })

  it('counts no secret that is right, whatever else is wrong', async () => {
    const secret = await enroll(hub.root, 'clumsy', ['people:read'])
    for (let i = 0; i < 12; i += 1)
      expect((await requestToken(hub.url, 'clumsy', bySecret(secret), { scope: 'no-such' })).status).toBe(400)
    expect((await requestToken(hub.url, 'clumsy', bySecret(secret))).status).toBe(200)
  })
})

describe('tokens', () => {
  it('are not guesses: wrong ones are refused without being counted', async () => {
    const client = clientOf(hub.url, 'Bearer wrong')
    for (let i = 0; i < 15; i += 1) expect((await client.get('/people')).status).toBe(401)
  })
})
