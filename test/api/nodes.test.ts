import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestHub, type TestHub } from '../support/hub.ts'
import {
  bySecret,
  enroll,
  enrolledNode,
  keyPair,
  requestToken,
  tokenOf,
  withToken,
} from '../support/nodes.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub({ ALLOW_PRIVATE_WEBHOOKS: 'on' })
})
afterAll(() => hub.close())

const node = (client_id: string, more: object = {}) => ({
  client_id,
  name: 'General Hospital',
  scopes: ['people:read', 'pols:write'],
  ...more,
})

const nothingWaits = { inbox: { size: 0, oldest: null }, subscriptions: [] }

const issues = async (clientId: string, secret: string): Promise<boolean> =>
  (await requestToken(hub.url, clientId, bySecret(secret))).ok

describe('enrolling a node', () => {
  it('gives a secret once, and never shows it again', async () => {
    const first = await hub.root.post('/nodes', node('a1'))
    expect(first.status).toBe(201)
    expect(first.headers.get('Location')).toBe('/nodes/a1')
    expect(first.headers.get('Cache-Control')).toBe('no-store')
    expect(first.json).toEqual({
      ...node('a1'),
      institution: null,
      status: 'active',
      secrets: 1,
      last_seen: null,
      ...nothingWaits,
      client_secret: expect.stringMatching(/^[\w-]{43}$/),
    })
    const again = await hub.root.post('/nodes', node('a1', { scopes: ['pols:write', 'people:read'] }))
    expect(again.status).toBe(200)
    expect(again.json).not.toHaveProperty('client_secret')
    expect((await hub.root.get('/nodes/a1')).text).not.toMatch(/client_secret|credential|sha256/)
    expect((await hub.root.post('/nodes', node('a1', { name: 'Another' }))).status).toBe(409)
  })

  it('answers a repeat with the same key as the first time, without the secret', async () => {
    const send = () => hub.root.post('/nodes', node('a2'), { 'Idempotency-Key': 'k1' })
    const first = await send()
    const second = await send()
    expect(first.json).toHaveProperty('client_secret')
    expect([second.status, second.headers.get('ETag')]).toEqual([201, first.headers.get('ETag')])
    expect(second.json).not.toHaveProperty('client_secret')
  })

  it('with a key that was used for another node is 422', async () => {
    const send = (client_id: string) => hub.root.post('/nodes', node(client_id), { 'Idempotency-Key': 'k2' })
    expect((await send('a4')).status).toBe(201)
    expect((await send('a5')).status).toBe(422)
    expect((await hub.root.get('/nodes/a5')).status).toBe(404)
  })

  it('takes null for what is left out', async () => {
    const reply = await hub.root.post('/nodes', node('a6', { institution: null, jwks: null }))
    expect(reply.status).toBe(201)
    expect(reply.json).toMatchObject({ institution: null, client_secret: expect.any(String) })
  })

  it('with keys of its own gives no secret', async () => {
    const { publicJwk } = await keyPair('k')
    const reply = await hub.root.post(
      '/nodes',
      node('a3', { jwks: { keys: [publicJwk] }, institution: 'i-1' }),
    )
    expect(reply.status).toBe(201)
    expect(reply.json).toMatchObject({ jwks: { keys: [publicJwk] }, institution: 'i-1', secrets: 0 })
    expect(reply.json).not.toHaveProperty('client_secret')
  })

  it.each([
    [{ client_id: 'UPPER' }, '/client_id'],
    [{ client_id: '' }, '/client_id'],
    [{ client_id: 'x'.repeat(65) }, '/client_id'],
    [{ client_id: null }, '/client_id'],
    [{ name: '' }, '/name'],
    [{ name: 7 }, '/name'],
    [{ scopes: 'people:read' }, '/scopes'],
    [{ scopes: ['people:everything'] }, '/scopes/0'],
    [{ institution: 'with space' }, '/institution'],
    [{ color: 'red' }, '/color'],
    [{ jwks: { keys: [] } }, '/jwks/keys'],
    [{ jwks: { keys: [{ kty: 'oct', k: 'abc' }] } }, '/jwks/keys/0/kty'],
    [
      { jwks: { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43), d: 'A'.repeat(43) }] } },
      '/jwks/keys/0/d',
    ],
    [{ jwks: { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43), kid: '' }] } }, '/jwks/keys/0/kid'],
    [
      { jwks: { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43), alg: 'RS256' }] } },
      '/jwks/keys/0/alg',
    ],
    [
      { jwks: { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43), key_ops: ['sign'] }] } },
      '/jwks/keys/0/key_ops',
    ],
    [
      { jwks: { keys: [{ kty: 'RSA', n: `${'A'.repeat(171)}${'_'.repeat(171)}`, e: 'AQAB' }] } },
      '/jwks/keys/0',
    ],
    [{ jwks: { keys: [{ kty: 'RSA', n: '_'.repeat(342), e: 'AQ' }] } }, '/jwks/keys/0'],
    [{ jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) }] } }, '/jwks/keys/0'],
  ])('is 422 with %j, which names %s', async (wrong, pointer) => {
    const reply = await hub.root.post('/nodes', node('a9', wrong))
    expect(reply.status).toBe(422)
    expect(reply.json).toMatchObject({ errors: [{ pointer }] })
    expect((await hub.root.get('/nodes/a9')).status).toBe(404)
  })

  it('names everything that is missing', async () => {
    const reply = await hub.root.post('/nodes', { client_id: 'a9' })
    expect(reply.json).toMatchObject({ errors: [{ pointer: '/name' }, { pointer: '/scopes' }] })
  })
})

describe('a node', () => {
  it('is changed by a merge patch, with its revision as entity tag', async () => {
    await hub.root.post('/nodes', node('b1', { institution: 'i-1' }))
    const { publicJwk } = await keyPair('k')
    const patch = {
      name: 'New',
      scopes: ['people:read', 'people:read'],
      institution: null,
      jwks: { keys: [publicJwk] },
    }
    const changed = await hub.root.patch('/nodes/b1', patch, { 'If-Match': '"0"' })
    expect(changed.status).toBe(200)
    expect(changed.json).toEqual({
      client_id: 'b1',
      name: 'New',
      institution: null,
      scopes: ['people:read'],
      jwks: { keys: [publicJwk] },
      status: 'active',
      secrets: 1,
      last_seen: null,
      ...nothingWaits,
    })
    const tag = changed.headers.get('ETag')
    expect((await hub.root.get('/nodes/b1')).headers.get('ETag')).toBe(tag)
    expect((await hub.root.patch('/nodes/b1', { name: 'Late' }, { 'If-Match': '"0"' })).status).toBe(412)
    const same = await hub.root.patch('/nodes/b1', { client_id: 'b1', name: 'New' })
    expect([same.status, same.headers.get('ETag')]).toEqual([200, tag])
    const withoutKeys = await hub.root.patch('/nodes/b1', { jwks: null })
    expect(withoutKeys.json).not.toHaveProperty('jwks')
  })

  it.each([
    [{ client_id: 'another' }, '/client_id'],
    [{ status: 'suspended' }, '/status'],
    [{ name: null }, '/name'],
    [{ client_secret: 'x' }, '/client_secret'],
  ])('is not changed by %j', async (wrong, pointer) => {
    await hub.root.post('/nodes', node('b2'))
    const reply = await hub.root.patch('/nodes/b2', wrong)
    expect(reply.status).toBe(422)
    expect(reply.json).toMatchObject({ errors: [{ pointer }] })
  })

  it('that never was is 404, whatever is done to it', async () => {
    expect((await hub.root.get('/nodes/none')).status).toBe(404)
    expect((await hub.root.patch('/nodes/none', { name: 'x' })).status).toBe(404)
    expect((await hub.root.put('/nodes/none/status', { status: 'active' })).status).toBe(404)
    expect((await hub.root.send('POST', '/nodes/none/secrets')).status).toBe(404)
    expect((await hub.root.delete('/nodes/none/secrets/old')).status).toBe(404)
    expect((await hub.root.get('/nodes/UPPER')).status).toBe(404)
    expect((await hub.root.put('/nodes/UPPER/status', { status: 'active' })).status).toBe(422)
  })

  it('is listed in the order of ids, page by page', async () => {
    for (const id of ['c-1', 'c-2', 'c-3']) await hub.root.post('/nodes', node(id))
    const page = await hub.root.get('/nodes?limit=1000')
    const ids = (page.json as { client_id: string }[]).map(({ client_id }) => client_id)
    expect(ids).toEqual([...ids].sort())
    expect(ids).toEqual(expect.arrayContaining(['c-1', 'c-2', 'c-3']))
    const first = await hub.root.get('/nodes?limit=1')
    const next = /<([^>]+)>; rel="next"/.exec(first.headers.get('Link') ?? '')?.[1] ?? ''
    expect((await hub.root.get(next)).json).toMatchObject([{ client_id: ids[1] }])
    expect((await hub.root.get('/nodes?status=active')).status).toBe(422)
  })

  it('is for those only who may', async () => {
    const professional = await hub.person('ESPNODPRO1', ['health_professional'])
    expect((await hub.nobody.get('/nodes')).status).toBe(401)
    expect((await professional.get('/nodes')).status).toBe(403)
    expect((await professional.post('/nodes', node('d1'))).status).toBe(403)
    const reader = await enrolledNode(hub.url, hub.root, 'd2', ['nodes:read'])
    expect((await reader.get('/nodes/d2')).status).toBe(200)
    expect((await reader.post('/nodes', node('d1'))).status).toBe(403)
    expect((await hub.root.delete('/nodes/d2')).status).toBe(405)
  })
})

describe('the secrets of a node', () => {
  it('are two while it changes over, and never three', async () => {
    const old = await enroll(hub.root, 'e1', ['people:read'])
    const second = await hub.root.send('POST', '/nodes/e1/secrets', { headers: { Prefer: 'return=minimal' } })
    expect(second.status).toBe(201)
    expect(second.headers.get('Cache-Control')).toBe('no-store')
    const { client_id, client_secret } = second.json as { client_id: string; client_secret: string }
    expect(client_id).toBe('e1')
    expect([await issues('e1', old), await issues('e1', client_secret)]).toEqual([true, true])
    expect((await hub.root.get('/nodes/e1')).json).toMatchObject({ secrets: 2 })
    expect((await hub.root.send('POST', '/nodes/e1/secrets')).status).toBe(409)
    for (let i = 0; i < 2; i += 1) expect((await hub.root.delete('/nodes/e1/secrets/old')).status).toBe(204)
    expect([await issues('e1', old), await issues('e1', client_secret)]).toEqual([false, true])
  })
})

describe('the status of a node', () => {
  it('keeps it out at once when suspended, and lets it in again', async () => {
    const secret = await enroll(hub.root, 'f1', ['people:read'])
    const token = await tokenOf(hub.url, 'f1', bySecret(secret))
    const client = hub.as('', '')
    const get = () => client.send('GET', '/people', { headers: { Authorization: `Bearer ${token}` } })
    expect((await get()).status).toBe(200)
    const suspended = await hub.root.put('/nodes/f1/status', { status: 'suspended' })
    expect(suspended.json).toMatchObject({ status: 'suspended' })
    expect((await get()).status).toBe(401)
    expect(await issues('f1', secret)).toBe(false)
    expect((await hub.root.put('/nodes/f1/status', { status: 'suspended' })).status).toBe(200)
    await hub.root.put('/nodes/f1/status', { status: 'active' })
    // What was issued before a suspension stays void.
    expect((await get()).status).toBe(401)
    const next = withToken(hub.url, await tokenOf(hub.url, 'f1', bySecret(secret)))
    expect((await next.get('/people')).status).toBe(200)
  })

  it('is final once retired', async () => {
    await enroll(hub.root, 'f2', ['people:read'])
    expect((await hub.root.put('/nodes/f2/status', { status: 'retired' })).status).toBe(200)
    expect((await hub.root.put('/nodes/f2/status', { status: 'retired' })).status).toBe(200)
    expect((await hub.root.put('/nodes/f2/status', { status: 'active' })).status).toBe(409)
    expect((await hub.root.patch('/nodes/f2', { name: 'x' })).status).toBe(409)
    expect((await hub.root.send('POST', '/nodes/f2/secrets')).status).toBe(409)
    expect((await hub.root.put('/nodes/f2/status', { status: 'asleep' })).status).toBe(422)
  })
})

describe('a node with nodes:write', () => {
  it('manages only nodes whose scopes are among its token’s, and never itself', async () => {
    const manager = await enrolledNode(hub.url, hub.root, 'g1', ['nodes:write', 'nodes:read', 'people:read'])
    const weak = { ...node('g2'), scopes: ['people:read'] }
    expect((await manager.post('/nodes', weak)).status).toBe(201)
    expect((await manager.patch('/nodes/g2', { name: 'Weak' })).status).toBe(200)
    expect((await manager.send('POST', '/nodes/g2/secrets')).status).toBe(201)
    expect((await manager.delete('/nodes/g2/secrets/old')).status).toBe(204)
    expect((await manager.put('/nodes/g2/status', { status: 'suspended' })).status).toBe(200)

    expect((await manager.post('/nodes', node('g3'))).status).toBe(403)
    await hub.root.post('/nodes', node('g5'))
    expect((await manager.post('/nodes', node('g5'))).status).toBe(403)
    expect((await hub.root.get('/nodes/g3')).status).toBe(404)
    expect((await manager.patch('/nodes/g2', { scopes: ['people:write'] })).status).toBe(403)
    await hub.root.post('/nodes', node('g4'))
    for (const id of ['g4', 'g1']) {
      expect((await manager.patch(`/nodes/${id}`, { scopes: ['people:read'] })).status).toBe(403)
      expect((await manager.put(`/nodes/${id}/status`, { status: 'suspended' })).status).toBe(403)
      expect((await manager.send('POST', `/nodes/${id}/secrets`)).status).toBe(403)
      expect((await manager.delete(`/nodes/${id}/secrets/old`)).status).toBe(403)
    }
  })
})

describe('when a node was last seen', () => {
  it('is shown, and no event', async () => {
    const client = await enrolledNode(hub.url, hub.root, 'h1', ['people:read'])
    await client.get('/people')
    await expect
      .poll(async () => (await hub.root.get('/nodes/h1')).json)
      .toMatchObject({ last_seen: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) })
    expect((await hub.root.get('/nodes/h1')).headers.get('ETag')).toBe('"0"')
  })
})

describe('what a node has not taken yet', () => {
  it('is shown with it: its inbox, and how its webhooks go', async () => {
    const scopes = ['messages:send', 'messages:read', 'subscriptions:write', 'people:read']
    const client = await enrolledNode(hub.url, hub.root, 'sync-1', scopes)
    const sent = await client.post('/messages', { to: ['sync-1'], type: 'order', body: { n: 1 } })
    const { id, sentAt } = sent.json as { readonly id: string; readonly sentAt: string }
    const made = await client.post('/subscriptions', { url: 'http://127.0.0.1:9/', resources: ['people'] })
    const subscription = (made.json as { readonly id: string }).id
    const shown = await hub.root.get('/nodes/sync-1')
    expect(shown.json).toMatchObject({
      inbox: { size: 1, oldest: sentAt },
      subscriptions: [{ id: subscription, status: 'active', deadLetters: 0 }],
    })
    await client.send('POST', `/messages/${id}/ack`)
    await client.delete(`/subscriptions/${subscription}`)
    expect((await hub.root.get('/nodes/sync-1')).json).toMatchObject(nothingWaits)
  })
})
