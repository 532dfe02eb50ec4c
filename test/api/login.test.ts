import bcrypt from 'bcrypt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { clientOf, type Reply } from '../support/client.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
})
afterAll(() => hub.close())

const login = async (account: string, password: string) =>
  (await hub.as(account, password).get('/login')).status

/** All of an answer but what differs between any two. */
const faceOf = ({ status, headers, text }: Reply) => ({
  status,
  text,
  headers: [...headers].filter(([name]) => !['x-request-id', 'date'].includes(name)),
})

describe('a refusal', () => {
  it('is the same for a wrong password, an unknown account, an inactive and a removed person', async () => {
    await hub.person('ESPLOG001ORG', ['end_user'])
    await hub.person('ESPLOG002ORG', ['end_user'])
    await hub.root.put('/people/ESPLOG001ORG/active', { active: false })
    await hub.root.put('/people/ESPLOG002ORG/active', { active: false })
    await hub.root.delete('/people/ESPLOG002ORG')
    await hub.root.post('/people/ESPLOG003ORG', {})
    const attempts = [
      ['ARGBUE111FAV', 'not this one'],
      ['ESPNEVER1ORG', 'gnusolidario'],
      ['ESPLOG001ORG', 'gnusolidario'],
      ['ESPLOG002ORG', 'gnusolidario'],
      ['ESPLOG003ORG', 'gnusolidario'],
      ['no account\0', 'gnusolidario'],
    ] as const
    const replies = await Promise.all(
      attempts.map(([account, password]) => hub.as(account, password).get('/login')),
    )
    const [first, ...others] = replies.map(faceOf)
    expect(first?.status).toBe(401)
    for (const other of others) expect(other).toEqual(first)
  })

  it.each([undefined, '', 'Basic', 'Basic !!!', 'Basic QUJD', 'Digest x', `Basic ${'A'.repeat(5000)}`])(
    'comes for the credentials %j, with how to do better',
    async authorization => {
      const reply = await clientOf(hub.url, authorization).get('/people')
      expect(reply.status).toBe(401)
      expect(reply.headers.get('WWW-Authenticate')).toMatch(/^Basic realm=.*, Bearer realm=/)
      expect(reply.headers.get('Content-Type')).toBe('application/problem+json')
    },
  )
})

describe('an account', () => {
  it('is the same in lower case, its password is not', async () => {
    expect(await login('argbue111fav', 'freedom')).toBe(200)
    expect(await login('ARGBUE111FAV', 'Freedom')).toBe(401)
  })

  it('is opened by a new password at once, and by the old one no longer', async () => {
    const person = await hub.person('ESPLOG004ORG', ['end_user'])
    expect((await person.get('/login')).status).toBe(200)
    expect((await person.post('/password/espLOG004org', { password: 'the new one' })).status).toBe(204)
    expect((await person.get('/login')).status).toBe(401)
    expect(await login('ESPLOG004ORG', 'the new one')).toBe(200)
    expect((await hub.root.post('/password/ESPLOG004ORG', { password: 'pässwörd: ü' })).status).toBe(204)
    expect(await login('ESPLOG004ORG', 'pässwörd: ü')).toBe(200)
  })

  it('loses and gains rights at once', async () => {
    const person = await hub.person('ESPLOG005ORG', ['end_user'])
    expect((await person.get('/people')).status).toBe(403)
    await hub.root.put('/people/ESPLOG005ORG/roles', { roles: ['health_professional'] })
    expect((await person.get('/people')).status).toBe(200)
    await hub.root.put('/people/ESPLOG005ORG/active', { active: false })
    expect((await person.get('/people')).status).toBe(401)
    await hub.root.put('/people/ESPLOG005ORG/active', { active: true })
    expect((await person.get('/people')).status).toBe(200)
  })

  it('has a password of 6 characters to 64 bytes', async () => {
    const set = async (password: unknown) =>
      (await hub.root.post('/password/ARGBUE111FAV', { password: password as string })).status
    for (const password of ['12345', 'é'.repeat(33), 123456, null, undefined])
      expect(await set(password)).toBe(422)
    expect(
      (await hub.root.post('/password/ARGBUE111FAV', { password: 'freedom', pasword: 'x' })).status,
    ).toBe(422)
    expect((await hub.root.post('/password/ESPNEVER1ORG', { password: 'gnusolidario' })).status).toBe(404)
  })

  it('that a password came with is recognised by that password only', async () => {
    const person = { name: 'Ana', password: 'gnusolidario' }
    expect((await hub.root.post('/people/ESPLOG006ORG', person)).status).toBe(201)
    expect((await hub.root.post('/people/ESPLOG006ORG', person)).status).toBe(200)
    expect((await hub.root.post('/people/ESPLOG006ORG', { ...person, password: 'another one' })).status).toBe(
      409,
    )
    expect(await login('ESPLOG006ORG', 'gnusolidario')).toBe(200)
    expect((await hub.root.post('/people/ESPLOG007ORG', { ...person, password: 'short' })).status).toBe(422)
    expect((await hub.root.get('/people/ESPLOG007ORG')).status).toBe(404)
  })

  it.each(['$2a$', '$2b$', '$2y$'])('is taken over with its %s hash by root, and repeated', async prefix => {
    const id = `ESPBCR${prefix.charCodeAt(2)}ORG`
    const hash = (await bcrypt.hash('gnusolidario', 4)).replace('$2b$', prefix)
    expect((await hub.root.post(`/people/${id}`, { password: hash })).status).toBe(201)
    expect((await hub.root.post(`/people/${id}`, { password: hash })).status).toBe(200)
    expect(await login(id, 'gnusolidario')).toBe(200)
    expect(await login(id, hash)).toBe(401)
    expect(await login(id, 'gnusolidario')).toBe(200)
    expect((await hub.root.post(`/people/${id}`, { password: hash })).status).toBe(200)
  })

  it('is not taken over with a hash that is too dear or broken', async () => {
    const hash = await bcrypt.hash('gnusolidario', 4)
    for (const wrong of [hash.replace('$04$', '$13$'), hash.replace('$04$', '$03$'), hash.slice(0, -1)])
      expect((await hub.root.post('/people/ESPLOG008ORG', { password: wrong })).status).toBe(422)
  })
})
