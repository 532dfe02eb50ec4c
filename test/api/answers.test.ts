import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestHub, type TestHub } from '../support/hub.ts'

const portal = 'https://portal.example.org'
let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub({ CORS_ORIGINS: portal })
  await hub.root.post('/people/ESPGNU777ORG', { name: 'Ana' })
})
afterAll(() => hub.close())

describe('every answer', () => {
  it('has a request id, the sender’s where there is one, and may not be cached or sniffed', async () => {
    const paths = ['/livez', '/readyz', '/login', '/people', '/nothing']
    for (const path of paths) {
      const reply = await hub.root.get(path, { 'X-Request-Id': 'abc-123' })
      expect(reply.headers.get('X-Request-Id')).toBe('abc-123')
      expect(reply.headers.get('X-Content-Type-Options')).toBe('nosniff')
      expect(reply.headers.get('Cache-Control')).toBe('private, no-cache')
      expect(reply.headers.has('X-Powered-By')).toBe(false)
    }
    const odd = await hub.nobody.get('/people', { 'X-Request-Id': 'a b' })
    expect(odd.headers.get('X-Request-Id')).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('that refuses is problem details', async () => {
    const refused = await hub.root.get('/people/NOBODY')
    expect(refused.headers.get('Content-Type')).toBe('application/problem+json')
    expect(refused.json).toEqual({
      type: 'urn:thalamus:problem:not-found',
      title: 'Not Found',
      status: 404,
      detail: 'There is no such person.',
    })
  })
})

describe('without credentials', () => {
  it('there is health and documentation, and nothing else', async () => {
    expect((await hub.nobody.get('/livez')).status).toBe(200)
    const ready = await hub.nobody.get('/readyz')
    expect(ready.json).toMatchObject({
      status: 'ready',
      position: expect.any(String),
      projections: expect.arrayContaining([{ name: 'people', position: expect.any(String), lag: 0 }]),
    })
    for (const path of ['/people', '/people/ESPGNU777ORG', '/nodes', '/feed', '/%2e%2e/x', '/livez/x'])
      expect((await hub.nobody.get(path)).status).toBe(401)
    expect((await hub.nobody.send('POST', '/livez')).status).toBe(405)
  })

  it('a browser may ask what it may send', async () => {
    const allowed = await hub.nobody.send('OPTIONS', '/people', { headers: { Origin: portal } })
    expect(allowed.status).toBe(204)
    expect(allowed.headers.get('Access-Control-Allow-Origin')).toBe(portal)
    expect(allowed.headers.get('Access-Control-Allow-Headers')).toContain('Idempotency-Key')
    const foreign = await hub.nobody.send('OPTIONS', '/people', {
      headers: { Origin: 'https://evil.example' },
    })
    expect(foreign.status).toBe(204)
    expect(foreign.headers.has('Access-Control-Allow-Origin')).toBe(false)
    const read = await hub.root.get('/people', { Origin: portal })
    expect(read.headers.get('Access-Control-Expose-Headers')).toContain('Thalamus-Position')
    expect(read.headers.get('Vary')).toBe('Origin')
  })
})

describe('preferences', () => {
  it('leave the body away', async () => {
    const minimal = { Prefer: 'return=minimal' }
    const created = await hub.root.post('/people/ESPPRE001ORG', { name: 'Eva' }, minimal)
    expect([created.status, created.text]).toEqual([201, ''])
    expect(created.headers.get('Location')).toBe('/people/ESPPRE001ORG')
    const patched = await hub.root.patch('/people/ESPPRE001ORG', { name: 'Ida' }, minimal)
    expect([patched.status, patched.text, patched.headers.get('ETag')]).toEqual([204, '', '"1"'])
  })

  it('do not wait for the read side', async () => {
    const reply = await hub.root.patch(
      '/people/ESPGNU777ORG',
      { n: 1 },
      { Prefer: 'respond-async, return=minimal' },
    )
    expect(reply.status).toBe(204)
    const position = reply.headers.get('Thalamus-Position') ?? ''
    const read = await hub.root.get('/people/ESPGNU777ORG', { 'Thalamus-Min-Position': position })
    expect(read.json).toMatchObject({ n: 1 })
  })
})

describe('Thalamus-Min-Position', () => {
  it('is a position of this log', async () => {
    const { json } = await hub.nobody.get('/readyz')
    const { position } = json as { position: string }
    const read = (value: string) => hub.root.get('/people', { 'Thalamus-Min-Position': value })
    expect((await read(position)).status).toBe(200)
    const foreign = position.replace(/^./, first => (first === '0' ? '1' : '0'))
    for (const wrong of ['', 'x', '5', foreign, `${position}0000`]) {
      const refused = await read(wrong)
      expect(refused.status).toBe(422)
      expect(refused.json).toMatchObject({ errors: [{ header: 'Thalamus-Min-Position' }] })
    }
  })
})
