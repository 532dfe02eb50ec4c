import bcrypt from 'bcrypt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestHub, type TestHub } from '../support/hub.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
})
afterAll(() => hub.close())

const login = async (account: string, password: string) =>
  (await hub.as(account, password).get('/login')).status

describe('one’s own password', () => {
  it('is set by every active person, whatever the role, and nobody else’s', async () => {
    await hub.person('ESPPAS002ORG', ['end_user'])
    for (const [id, roles] of [
      ['ESPPAS003ORG', ['auditor']],
      ['ESPPAS004ORG', []],
    ] as const) {
      const person = await hub.person(id, roles)
      expect((await person.post('/password/ESPPAS002ORG', { password: 'taken over' })).status).toBe(403)
      expect((await person.post('/password/ESPNEVER1ORG', { password: 'taken over' })).status).toBe(403)
      expect((await person.post(`/password/${id}`, { password: 'the new one' })).status).toBe(204)
      expect(await login(id, 'the new one')).toBe(200)
    }
    expect(await login('ESPPAS002ORG', 'gnusolidario')).toBe(200)
  })

  it('is an event of the person: it counts in the ETag, and If-Match is heard', async () => {
    await hub.root.post('/people/ESPPAS005ORG', { name: 'Ana' })
    const set = (password: string, headers = {}) =>
      hub.root.post('/password/ESPPAS005ORG', { password }, headers)
    expect((await set('first one', { 'If-Match': '"7"' })).status).toBe(412)
    expect(await login('ESPPAS005ORG', 'first one')).toBe(401)
    const done = await set('first one', { 'If-Match': '"0"' })
    expect([done.status, done.text]).toEqual([204, ''])
    expect(done.headers.get('Thalamus-Position')).not.toBeNull()
    expect((await hub.root.get('/people/ESPPAS005ORG')).headers.get('ETag')).toBe('"1"')
    expect(await login('ESPPAS005ORG', 'first one')).toBe(200)
  })

  it('is 404 of a person who never was, 410 of a removed one', async () => {
    await hub.root.post('/people/ESPPAS006ORG', { active: false })
    await hub.root.delete('/people/ESPPAS006ORG')
    const set = (id: string) => hub.root.post(`/password/${id}`, { password: 'gnusolidario' })
    expect((await set('ESPNEVER1ORG')).status).toBe(404)
    expect((await set('ESPPAS006ORG')).status).toBe(410)
    expect((await set('%20')).status).toBe(422)
  })

  it('may have exactly 6 characters, exactly 64 bytes, and colons', async () => {
    await hub.root.post('/people/ESPPAS007ORG', {})
    for (const password of ['123456', 'é'.repeat(32), ':a:b::', '😀'.repeat(6)]) {
      expect((await hub.root.post('/password/ESPPAS007ORG', { password })).status).toBe(204)
      expect(await login('ESPPAS007ORG', password)).toBe(200)
    }
    expect(await login('ESPPAS007ORG', '😀'.repeat(5))).toBe(401)
  })

  it('that looks like a hash is clear text where it is set', async () => {
    const hash = await bcrypt.hash('gnusolidario', 4)
    await hub.root.post('/people/ESPPAS008ORG', {})
    expect((await hub.root.post('/password/ESPPAS008ORG', { password: hash })).status).toBe(204)
    expect(await login('ESPPAS008ORG', hash)).toBe(200)
    expect(await login('ESPPAS008ORG', 'gnusolidario')).toBe(401)
  })
})

describe('a hash that was taken over', () => {
  it('is opened by its whole password only, and that goes on', async () => {
    const password = await bcrypt.hash('gnusolidario', 4)
    await hub.root.post('/people/ESPPAS009ORG', { password })
    for (const wrong of ['gnusolidari', 'gnusolidario ', 'gnusolidario\0', 'gnusolidario\0more', ''])
      expect(await login('ESPPAS009ORG', wrong)).toBe(401)
    for (let i = 0; i < 2; i += 1) expect(await login('ESPPAS009ORG', 'gnusolidario')).toBe(200)
  })

  it('of a password too long for it goes on with that password, whatever was tried before', async () => {
    const long = 'x'.repeat(72)
    await hub.root.post('/people/ESPPAS010ORG', { password: await bcrypt.hash(long, 4) })
    await login('ESPPAS010ORG', `${long}y`)
    expect(await login('ESPPAS010ORG', long)).toBe(200)
  })

  it('may be replaced, and then opens nothing', async () => {
    await hub.root.post('/people/ESPPAS011ORG', { password: await bcrypt.hash('the old one', 4) })
    await hub.root.post('/password/ESPPAS011ORG', { password: 'the new one' })
    expect(await login('ESPPAS011ORG', 'the old one')).toBe(401)
    expect(await login('ESPPAS011ORG', 'the new one')).toBe(200)
  })
})

describe('a password in a body', () => {
  it('is 403 in a PATCH or a PUT that changes, right or wrong, and stored nowhere', async () => {
    const person = { name: 'Ana', password: 'gnusolidario' }
    expect((await hub.root.put('/people/ESPPAS012ORG', person)).status).toBe(201)
    for (const password of ['gnusolidario', 'another one']) {
      expect((await hub.root.put('/people/ESPPAS012ORG', { name: 'Eva', password })).status).toBe(403)
      expect((await hub.root.patch('/people/ESPPAS012ORG', { password })).status).toBe(403)
    }
    expect((await hub.root.patch('/people/ESPPAS012ORG', { password: null })).status).toBe(403)
    const stored = await hub.root.get('/people/ESPPAS012ORG')
    expect([stored.json, stored.headers.get('ETag')]).toEqual([
      { name: 'Ana', id: 'ESPPAS012ORG', active: true, roles: ['end_user'] },
      '"0"',
    ])
    expect(await login('ESPPAS012ORG', 'another one')).toBe(401)
  })

  it('that is null is none', async () => {
    const created = await hub.root.post('/people/ESPPAS013ORG', { name: 'Ana', password: null })
    expect(created.status).toBe(201)
    expect(created.text).not.toContain('password')
    expect((await hub.root.post('/people/ESPPAS013ORG', { name: 'Ana' })).status).toBe(200)
  })
})
