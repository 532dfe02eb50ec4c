import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Client, Send } from '../support/client.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'

let hub: TestHub
let ana: Client
let doctor: Client
beforeAll(async () => {
  hub = await startTestHub()
  ana = await hub.person('ESPGNU777ORG', ['end_user'])
  doctor = await hub.person('ITAPYT999HON', ['health_professional'])
  await hub.root.post('/people/ESPGON001ORG', { active: false })
  await hub.root.post('/pols/ESPGON001ORG/page', {})
  await hub.root.delete('/people/ESPGON001ORG')
  await hub.root.post('/people/ESPOTH001ORG', { name: 'Eva' })
  await hub.root.post('/pols/ESPOTH001ORG/gone', {})
  await hub.root.delete('/pols/ESPOTH001ORG/gone')
})
afterAll(() => hub.close())

const stale = { 'If-Match': '"77"' }
const tooLarge = 'x'.repeat(1024 * 1024 + 1)

describe('what is wrong is told in one order', () => {
  it('who asks comes before everything', async () => {
    for (const path of ['/nothing', '/people?x=1', '/people/%ff', '/pols/ESPOTH001ORG/gone'])
      expect((await hub.nobody.get(path)).status).toBe(401)
    for (const [method, path, send] of [
      ['PUT', '/people', {}],
      ['POST', '/people/ESPOTH001ORG', { body: tooLarge }],
      ['POST', '/people/ESPOTH001ORG', { body: '{', headers: { 'Content-Type': 'text/plain' } }],
    ] as const)
      expect((await hub.nobody.send(method, path, send)).status).toBe(401)
  })

  it('the route and its methods come before what the caller may', async () => {
    expect((await ana.get('/people/ESPOTH001ORG/pages')).status).toBe(404)
    expect((await ana.send('POST', '/people/ESPOTH001ORG/roles')).status).toBe(405)
  })

  it.each([
    ['GET', '/people?limit=0', {}],
    ['GET', '/people/ESPOTH001ORG?x=1', {}],
    ['GET', '/people', { headers: { 'Thalamus-Min-Position': 'garbage' } }],
    ['POST', '/pols/ESPOTH001ORG', { body: '{' }],
    ['POST', '/pols/ESPOTH001ORG/page', { body: tooLarge }],
    ['PATCH', '/pols/ESPOTH001ORG/page', { body: '{}', headers: { 'Content-Type': 'text/plain' } }],
    ['POST', '/pols/ESPNEVER1ORG/page', { body: { page_type: 'magical' } }],
    ['GET', '/pols/ESPGON001ORG/page', {}],
    ['PATCH', '/pols/ESPOTH001ORG/gone', { body: {}, headers: stale }],
    ['PUT', '/people/ESPOTH001ORG/roles', { body: { roles: 'root' } }],
    ['POST', '/password/ESPOTH001ORG', { body: { password: 'short' } }],
  ] satisfies [string, string, Send][])(
    'what the caller may comes before the request itself: %s %s',
    async (method, path, send) => {
      expect((await ana.send(method, path, send)).status).toBe(403)
    },
  )

  it.each([
    ['POST', '/pols/ESPNEVER1ORG/page', 404],
    ['POST', '/pols/ESPGON001ORG/page', 410],
    ['PATCH', '/pols/ESPOTH001ORG/never', 404],
    ['PATCH', '/pols/ESPOTH001ORG/gone', 410],
    ['PUT', '/people/ESPGON001ORG', 410],
  ] as const)('the request itself comes before what it is about: %s %s', async (method, path, status) => {
    const send = (more: Send) => hub.root.send(method, path, more)
    expect((await send({ body: '{' })).status).toBe(400)
    expect((await send({ body: tooLarge })).status).toBe(413)
    expect((await send({ body: '{}', headers: { 'Content-Type': 'text/plain' } })).status).toBe(415)
    expect((await send({ body: { creation_info: 5 } })).status).toBe(422)
    expect((await send({ body: {}, headers: { 'Idempotency-Key': 'a b' } })).status).toBe(422)
    expect((await send({ body: {}, headers: stale })).status).toBe(status)
    expect((await send({ body: {} })).status).toBe(status)
  })

  it('an unknown parameter comes before a person who never was, or is gone', async () => {
    for (const person of ['ESPNEVER1ORG', 'ESPGON001ORG']) {
      expect((await hub.root.get(`/pols/${person}?x=1`)).status).toBe(422)
      expect((await hub.root.get(`/pols/${person}/page?x=1`)).status).toBe(422)
    }
    expect((await hub.root.get('/people/ESPNEVER1ORG?x=1')).status).toBe(422)
  })

  it('a removed item comes before a stale revision, and that before what it says', async () => {
    expect((await hub.root.delete('/pols/ESPOTH001ORG/gone', stale)).status).toBe(410)
    expect((await hub.root.delete('/people/ESPOTH001ORG', stale)).status).toBe(412)
    expect((await hub.root.delete('/people/ESPOTH001ORG')).status).toBe(409)
    expect((await hub.root.post('/people/ESPOTH001ORG', { name: 'Ida' }, stale)).status).toBe(412)
    for (const body of [{ roles: ['root'] }, { password: 'a new one' }, { active: false }])
      for (const method of ['PATCH', 'PUT'])
        expect((await hub.root.send(method, '/people/ESPOTH001ORG', { body, headers: stale })).status).toBe(
          412,
        )
    const unknownRole = { roles: ['nobody'] }
    expect((await hub.root.put('/people/ESPOTH001ORG/roles', unknownRole, stale)).status).toBe(412)
    expect((await hub.root.put('/people/ESPNEVER1ORG/roles', unknownRole)).status).toBe(404)
    expect((await hub.root.put('/people/ESPGON001ORG/roles', unknownRole)).status).toBe(410)
  })

  it('a taken id comes before a field the caller may not set', async () => {
    for (const field of [{ roles: ['root'] }, { password: 'gnusolidario' }])
      expect((await doctor.post('/people/ESPOTH001ORG', { name: 'Ida', ...field })).status).toBe(409)
  })
})
