import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Client } from '../support/client.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'

let hub: TestHub
let ana: Client
let doctor: Client
let auditor: Client
beforeAll(async () => {
  hub = await startTestHub()
  ana = await hub.person('ESPGNU777ORG', ['end_user'])
  doctor = await hub.person('ITAPYT999HON', ['health_professional'])
  auditor = await hub.person('ESPAUD001ORG', ['auditor'])
  await hub.root.post('/people/ESPOTH001ORG', { name: 'Somebody else' })
  await hub.root.post('/pols/ESPOTH001ORG/page', { info: 'not Ana’s' })
  await hub.root.post('/pols/ESPGNU777ORG/hers', { info: 'Ana’s' })
})
afterAll(() => hub.close())

const statusOf = async (client: Client, request: string, body = {}) => {
  const [method = '', path = ''] = request.split(' ')
  return (await client.send(method, path, method === 'GET' || method === 'DELETE' ? {} : { body })).status
}

describe('an end user', () => {
  it.each([
    ['GET /login', 200],
    ['GET /people/espgnu777org', 200],
    ['GET /pols/ESPGNU777ORG', 200],
    ['GET /pols/ESPGNU777ORG/hers', 200],
    ['PATCH /people/ESPGNU777ORG', 200],
    ['POST /pols/ESPGNU777ORG/new', 201],
    ['PATCH /pols/ESPGNU777ORG/hers', 200],
    ['GET /people', 403],
    ['POST /people', 403],
    ['POST /people/ESPNEW001ORG', 403],
    ['DELETE /people/ESPGNU777ORG', 403],
    ['DELETE /pols/ESPGNU777ORG/hers', 403],
    ['PUT /people/ESPGNU777ORG/roles', 403],
    ['PUT /people/ESPGNU777ORG/active', 403],
    ['GET /people/ESPOTH001ORG', 403],
    ['GET /people/ESPNEVER1ORG', 403],
    ['GET /pols/ESPOTH001ORG', 403],
    ['GET /pols/ESPOTH001ORG/page', 403],
    ['GET /pols/ESPOTH001ORG/never', 403],
    ['PATCH /pols/ESPOTH001ORG/page', 403],
    ['POST /pols/ESPOTH001ORG/page', 403],
    ['POST /password/ESPOTH001ORG', 403],
    ['GET /nothing/here', 404],
    ['PUT /password/ESPGNU777ORG', 405],
  ])('%s is answered %i', async (request, status) => {
    expect(await statusOf(ana, request)).toBe(status)
  })

  it('may put what she may change, and not what she would have to create', async () => {
    expect((await ana.put('/people/ESPGNU777ORG', { name: 'Ana' })).status).toBe(200)
    expect((await ana.put('/pols/ESPGNU777ORG/put', { info: 'x' })).status).toBe(201)
    await hub.root.post('/people/ESPPUT001ORG', {})
    expect((await ana.put('/people/ESPPUT001ORG', {})).status).toBe(403)
  })
})

describe('a health professional', () => {
  it.each([
    ['GET /people', 200],
    ['GET /people/ESPOTH001ORG', 200],
    ['GET /pols/ESPOTH001ORG/page', 200],
    ['POST /people/ESPNEW002ORG', 201],
    ['PATCH /people/ESPOTH001ORG', 200],
    ['POST /pols/ESPOTH001ORG', 201],
    ['DELETE /pols/ESPOTH001ORG/page', 403],
    ['DELETE /people/ESPOTH001ORG', 403],
    ['PUT /people/ESPOTH001ORG/roles', 403],
    ['POST /password/ESPOTH001ORG', 403],
  ])('%s is answered %i', async (request, status) => {
    expect(await statusOf(doctor, request)).toBe(status)
  })

  it('registers people, but neither with other roles nor with a password', async () => {
    expect((await doctor.post('/people/ESPNEW003ORG', { roles: ['root'] })).status).toBe(403)
    expect((await doctor.post('/people/ESPNEW003ORG', { password: 'gnusolidario' })).status).toBe(403)
    expect((await doctor.get('/people/ESPNEW003ORG')).status).toBe(404)
    const registered = await doctor.post('/people/ESPNEW003ORG', { roles: ['end_user'], active: false })
    expect(registered.status).toBe(201)
    expect(registered.json).toMatchObject({ active: false })
  })

  it('cannot try passwords by registering people who exist', async () => {
    for (const password of ['gnusolidario', 'wrong guess'])
      expect((await doctor.post('/people/ESPGNU777ORG', { name: 'Ana', password })).status).toBe(409)
  })
})

describe('an auditor', () => {
  it.each([
    ['GET /login', 200],
    ['GET /people', 403],
    ['GET /people/ESPAUD001ORG', 403],
    ['GET /pols/ESPAUD001ORG', 403],
    ['POST /pols/ESPAUD001ORG', 403],
  ])('%s is answered %i', async (request, status) => {
    expect(await statusOf(auditor, request)).toBe(status)
  })
})

describe('the holes of the original', () => {
  it('no answer shows a password or its hash', async () => {
    const sent = { name: 'Eva', password: 'gnusolidario' }
    const created = await hub.root.post('/people/ESPEVA001ORG', sent)
    const eva = hub.as('ESPEVA001ORG', 'gnusolidario')
    const answers = [
      created,
      await hub.root.post('/people/ESPEVA001ORG', sent),
      await eva.get('/people/ESPEVA001ORG'),
      await eva.patch('/people/ESPEVA001ORG', { name: 'Ewa' }),
      await hub.root.get('/people?limit=1000'),
    ]
    for (const { text } of answers) expect(text).not.toMatch(/password|gnusolidario|scrypt|\$2[aby]\$/)
  })

  it('an end user does not change her own roles or password by PATCH', async () => {
    expect((await ana.patch('/people/ESPGNU777ORG', { roles: ['root'] })).status).toBe(403)
    expect((await ana.patch('/people/ESPGNU777ORG', { password: 'a new one' })).status).toBe(403)
    expect((await ana.patch('/people/ESPGNU777ORG', { active: false })).status).toBe(403)
    expect((await ana.get('/people/ESPGNU777ORG')).json).toMatchObject({ roles: ['end_user'], active: true })
  })

  it('a page is not reached through one’s own book by its id alone', async () => {
    expect((await ana.get('/pols/ESPGNU777ORG/page')).status).toBe(404)
    expect((await ana.patch('/pols/ESPGNU777ORG/page', { info: 'mine now' })).status).toBe(404)
    expect((await hub.root.get('/pols/ESPOTH001ORG/page')).json).toMatchObject({ info: 'not Ana’s' })
  })

  it('a page whose body names another id is not stored', async () => {
    expect((await ana.post('/pols/ESPGNU777ORG/path', { id: 'body' })).status).toBe(422)
    for (const id of ['path', 'body']) expect((await ana.get(`/pols/ESPGNU777ORG/${id}`)).status).toBe(404)
  })

  it('a repeated POST is no error', async () => {
    expect((await ana.post('/pols/ESPGNU777ORG/again', { info: 'x' })).status).toBe(201)
    expect((await ana.post('/pols/ESPGNU777ORG/again', { info: 'x' })).status).toBe(200)
  })

  it('lists have a limit', async () => {
    await Promise.all(Array.from({ length: 101 }, (_, n) => ana.post(`/pols/ESPGNU777ORG/limit-${n}`, {})))
    const list = await ana.get('/pols/ESPGNU777ORG')
    expect(list.json).toHaveLength(100)
    expect(list.headers.get('Link')).toContain('rel="next"')
  })

  it('DELETE works', async () => {
    await hub.root.post('/pols/ESPOTH001ORG/gone', {})
    expect((await hub.root.delete('/pols/ESPOTH001ORG/gone')).status).toBe(204)
  })

  it('sixteen people at once get their own records', async () => {
    const wrong: unknown[] = []
    const clients = [
      [ana, 'ESPGNU777ORG'],
      [hub.root, 'ARGBUE111FAV'],
    ] as const
    const readers = Array.from({ length: 16 }, async (_, i) => {
      const [client, id] = clients[i % 2] ?? clients[0]
      for (let n = 0; n < 25; n += 1) {
        const { json } = await client.get(`/people/${id}`)
        if ((json as { id: string }).id !== id) wrong.push(json)
      }
    })
    await Promise.all(readers)
    expect(wrong).toEqual([])
  })
})
