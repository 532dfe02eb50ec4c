import { Webhook } from 'standardwebhooks'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Client, Reply } from '../support/client.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'
import { bySecret, enroll, enrolledNode, tokenOf, withToken } from '../support/nodes.ts'
import { type Sink, startSink } from '../support/sink.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub({ ALLOW_PRIVATE_WEBHOOKS: 'on' })
})
afterAll(() => hub.close())

const sinks: Sink[] = []
afterEach(async () => {
  for (const sink of sinks.splice(0)) await sink.close()
})
const newSink = async (): Promise<Sink> => {
  const sink = await startSink()
  sinks.push(sink)
  return sink
}

interface Subscription {
  readonly id: string
  readonly status: string
  readonly secret: string
  readonly position: string
  readonly lag: number
  readonly failures: number
  readonly deadLetters: number
  readonly lastError: { readonly error: string } | null
  readonly denied: { readonly needed: readonly string[] } | null
}
const subscriptionIn = ({ json }: Reply) => json as Subscription

const scopes = ['subscriptions:write', 'people:read', 'pols:read', 'events:read']
let nodes = 0
const newNode = async (held: readonly string[] = scopes) => {
  nodes += 1
  const id = `subscriber-${nodes}`
  const secret = await enroll(hub.root, id, held)
  return { id, client: withToken(hub.url, await tokenOf(hub.url, id, bySecret(secret))) }
}

let accounts = 0
const newAccount = (): string => {
  accounts += 1
  return `ESPHOOK${String(accounts).padStart(3, '0')}ORG`
}

const subscribe = async (client: Client, asked: { url: string; [member: string]: never | unknown }) => {
  const reply = await client.post('/subscriptions', asked as never)
  expect(reply.status, reply.text).toBe(201)
  return subscriptionIn(reply)
}

describe('a subscription', () => {
  it('is sent what it asks for, signed so that the package of Standard Webhooks verifies it', async () => {
    const sink = await newSink()
    const { client } = await newNode()
    const { id, secret } = await subscribe(client, { url: sink.url, resources: ['people'] })
    const account = newAccount()
    await hub.root.post(`/people/${account}`, { name: 'Ana' })
    await hub.root.patch(`/people/${account}`, { name: 'Eva' })
    await sink.untilTaken(2)
    const [first, second] = sink.deliveries
    expect(first?.entry).toMatchObject({
      type: 'PersonRegistered',
      id: account,
      person: account,
      revision: 0,
    })
    expect(second?.entry).toMatchObject({ type: 'PersonChanged', data: { name: 'Eva' } })
    expect(first?.headers['content-type']).toBe('application/json')
    const headers = {
      'webhook-id': String(first?.headers['webhook-id']),
      'webhook-timestamp': String(first?.headers['webhook-timestamp']),
      'webhook-signature': String(first?.headers['webhook-signature']),
    }
    expect(new Webhook(secret).verify(first?.body ?? '', headers)).toMatchObject({ id: account })
    expect(() => new Webhook(secret).verify(`${first?.body} `, headers)).toThrow()

    await expect
      .poll(async () => subscriptionIn(await client.get(`/subscriptions/${id}`)).lag, { timeout: 20_000 })
      .toBe(0)
    expect((await client.get(`/subscriptions/${id}`)).text).not.toContain('whsec_')
    expect((await client.get('/subscriptions')).json).toMatchObject([{ id, status: 'active' }])
  })

  it('is filtered by type, resource and person', async () => {
    const sink = await newSink()
    const { client } = await newNode()
    const [one, other] = [newAccount(), newAccount()]
    await subscribe(client, {
      url: sink.url,
      types: ['PersonChanged', 'PageWritten'],
      person: one.toLowerCase(),
    })
    for (const account of [one, other]) {
      await hub.root.post(`/people/${account}`, { name: 'Ana' })
      await hub.root.patch(`/people/${account}`, { name: 'Eva' })
      await hub.root.post(`/pols/${account}/p1`, { summary: 'Visit' })
    }
    await sink.untilTaken(2)
    await hub.root.patch(`/people/${one}`, { name: 'Last' })
    await sink.untilTaken(3)
    expect(sink.deliveries.map(({ entry }) => `${entry.type} ${entry.person}`).sort()).toEqual([
      `PageWritten ${one}`,
      `PersonChanged ${one}`,
      `PersonChanged ${one}`,
    ])
  })

  it('begins where it is told to: at a position, or at the start', async () => {
    const account = newAccount()
    const written = await hub.root.post(`/people/${account}`, { name: 'Ana' })
    const from = written.headers.get('thalamus-position')
    await hub.root.patch(`/people/${account}`, { name: 'Eva' })
    const { client } = await newNode()
    const [sink, all] = [await newSink(), await newSink()]
    await subscribe(client, { url: sink.url, from, person: account })
    await subscribe(client, { url: all.url, from: 'start', person: account })
    await Promise.all([sink.untilTaken(1), all.untilTaken(2)])
    expect(sink.deliveries.map(({ entry }) => entry.type)).toEqual(['PersonChanged'])
    expect(all.deliveries.map(({ entry }) => entry.type)).toEqual(['PersonRegistered', 'PersonChanged'])
  })

  it('is tried again after a failure, in order, with the same id, and holds up no other stream', async () => {
    const sink = await newSink()
    const { client } = await newNode()
    const [failing, other] = [newAccount(), newAccount()]
    let failures = 1
    sink.answer(({ entry }) => (entry.id === failing && failures-- > 0 ? 500 : 204))
    const { id } = await subscribe(client, { url: sink.url, resources: ['people'] })
    await hub.root.post(`/people/${failing}`, { name: 'Ana' })
    await hub.root.patch(`/people/${failing}`, { name: 'Eva' })
    await hub.root.post(`/people/${other}`, { name: 'Ana' })
    await sink.untilTaken(1)
    expect(sink.taken().map(({ entry }) => entry.id)).toEqual([other])
    await sink.untilTaken(3)
    const ofFailing = sink.deliveries.filter(({ entry }) => entry.id === failing)
    expect(ofFailing.map(({ entry, status }) => [entry.revision, status])).toEqual([
      [0, 500],
      [0, 204],
      [1, 204],
    ])
    expect(ofFailing[0]?.id).toBe(ofFailing[1]?.id)
    await expect
      .poll(async () => subscriptionIn(await client.get(`/subscriptions/${id}`)))
      .toMatchObject({ failures: 0, lastError: { error: 'the receiver answered 500' }, deadLetters: 0 })
  })

  it('is disabled by 410, and goes on where it stopped once it is set active', async () => {
    const sink = await newSink()
    const { client } = await newNode()
    const account = newAccount()
    sink.answer(() => 410)
    const { id } = await subscribe(client, { url: sink.url, person: account })
    await hub.root.post(`/people/${account}`, { name: 'Ana' })
    await expect
      .poll(async () => subscriptionIn(await client.get(`/subscriptions/${id}`)).status)
      .toBe('disabled')
    await hub.root.patch(`/people/${account}`, { name: 'Eva' })
    sink.answer(() => 204)
    expect((await client.patch(`/subscriptions/${id}`, { status: 'active' })).status).toBe(200)
    await sink.untilTaken(2)
    expect(sink.taken().map(({ entry }) => entry.revision)).toEqual([0, 1])
  })

  it('waits while it is paused', async () => {
    const sink = await newSink()
    const { client } = await newNode()
    const account = newAccount()
    const { id } = await subscribe(client, { url: sink.url, person: account })
    await hub.root.post(`/people/${account}`, { name: 'Ana' })
    await sink.untilTaken(1)
    expect(subscriptionIn(await client.patch(`/subscriptions/${id}`, { status: 'paused' })).status).toBe(
      'paused',
    )
    await hub.root.patch(`/people/${account}`, { name: 'Eva' })
    const other = await newSink()
    const { client: witness } = await newNode()
    await subscribe(witness, { url: other.url, person: account, from: 'start' })
    await other.untilTaken(2)
    expect(sink.deliveries).toHaveLength(1)
    await client.patch(`/subscriptions/${id}`, { status: 'active' })
    await sink.untilTaken(2)
  })

  it('waits while its node lacks a right, and goes on once it has it', async () => {
    const sink = await newSink()
    const { id: node, client } = await newNode()
    const account = newAccount()
    const { id } = await subscribe(client, { url: sink.url, person: account, resources: ['people', 'pols'] })
    await hub.root.patch(`/nodes/${node}`, { scopes: scopes.filter(scope => scope !== 'pols:read') })
    await hub.root.post(`/people/${account}`, { name: 'Ana' })
    const asRoot = () => hub.root.get(`/subscriptions/${id}`)
    await expect.poll(async () => subscriptionIn(await asRoot()).denied?.needed).toEqual(['pols:read'])
    await hub.root.put(`/nodes/${node}/status`, { status: 'suspended' })
    await hub.root.put(`/nodes/${node}/status`, { status: 'active' })
    expect(sink.deliveries).toEqual([])
    await hub.root.patch(`/nodes/${node}`, { scopes })
    await sink.untilTaken(1)
    expect(subscriptionIn(await asRoot()).denied).toBeNull()
    // Who looks at the audit sees that it was denied.
    const audit = await hub.root.get('/audit?resource=subscriptions&limit=1000')
    expect(audit.text).toContain('SubscriptionDenied')
  })

  it('has a new secret beside the old one for a day after a rotation', async () => {
    const sink = await newSink()
    const { client } = await newNode()
    const account = newAccount()
    const { id, secret } = await subscribe(client, { url: sink.url, person: account })
    const rotated = await client.send('POST', `/subscriptions/${id}/secret`)
    expect(rotated.status).toBe(201)
    const { secret: next } = subscriptionIn(rotated)
    expect(next).not.toBe(secret)
    await hub.root.post(`/people/${account}`, { name: 'Ana' })
    await sink.untilTaken(1)
    const [delivery] = sink.deliveries
    expect(String(delivery?.headers['webhook-signature']).split(' ')).toHaveLength(2)
    for (const one of [secret, next])
      expect(
        new Webhook(one).verify(delivery?.body ?? '', delivery?.headers as Record<string, string>),
      ).toMatchObject({ id: account })
  })

  it('sends a ping and says what came back', async () => {
    const sink = await newSink()
    const { client } = await newNode()
    const { id } = await subscribe(client, { url: sink.url })
    expect((await client.send('POST', `/subscriptions/${id}/test`)).json).toEqual({
      delivered: true,
      status: 204,
      error: null,
    })
    expect(JSON.parse(sink.deliveries[0]?.body ?? '')).toMatchObject({ type: 'ping', subscription: id })
    sink.answer(() => 503)
    expect((await client.send('POST', `/subscriptions/${id}/test`)).json).toEqual({
      delivered: false,
      status: 503,
      error: 'the receiver answered 503',
    })
  })

  it('is nobody else’s', async () => {
    const sink = await newSink()
    const { client } = await newNode()
    const { client: other } = await newNode()
    const { id } = await subscribe(client, { url: sink.url })
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/secret'],
      ['POST', '/test'],
      ['GET', '/dead-letters'],
    ] as const)
      expect((await other.send(method, `/subscriptions/${id}${path}`)).status).toBe(404)
    expect((await other.patch(`/subscriptions/${id}`, { status: 'paused' })).status).toBe(404)
    expect((await other.get('/subscriptions')).json).toEqual([])
    expect(subscriptionIn(await hub.root.get(`/subscriptions/${id}`)).id).toBe(id)
    expect((await client.delete(`/subscriptions/${id}`)).status).toBe(204)
    expect((await client.get(`/subscriptions/${id}`)).status).toBe(410)
    expect((await client.get('/subscriptions')).json).toEqual([])
  })

  it('is made by root for a node', async () => {
    const sink = await newSink()
    const { id: node, client } = await newNode()
    const made = await hub.root.post('/subscriptions', { node, url: sink.url, resources: ['people'] })
    expect(made.status).toBe(201)
    expect((await client.get('/subscriptions')).json).toMatchObject([{ id: subscriptionIn(made).id, node }])
    const refused = await hub.root.post('/subscriptions', {
      node,
      url: sink.url,
      resources: ['institutions'],
    })
    expect(refused.status).toBe(422)
    expect((await hub.root.post('/subscriptions', { url: sink.url })).status).toBe(422)
  })

  it('is refused for what its node may not read', async () => {
    const { client } = await newNode(['subscriptions:write', 'people:read'])
    const sink = await newSink()
    expect((await client.post('/subscriptions', { url: sink.url, resources: ['pols'] })).status).toBe(403)
    expect((await client.post('/subscriptions', { url: sink.url, types: ['PageWritten'] })).status).toBe(403)
    const made = await client.post('/subscriptions', { url: sink.url })
    expect(made.json).toMatchObject({ resources: ['people'], types: null })
    const none = await enrolledNode(hub.url, hub.root, 'without-subscriptions', ['people:read'])
    expect((await none.get('/subscriptions')).status).toBe(403)
  })

  it.each([
    ['no URL', {}, '/url'],
    ['a URL of another scheme', { url: 'ftp://example.org/' }, '/url'],
    ['credentials in the URL', { url: 'https://a:b@example.org/' }, '/url'],
    ['an unknown resource', { url: 'https://example.org/', resources: ['cats'] }, '/resources/0'],
    ['an unknown type', { url: 'https://example.org/', types: ['CatFed'] }, '/types/0'],
    ['a person that cannot be', { url: 'https://example.org/', person: 'a b' }, '/person'],
    ['a position of no log', { url: 'https://example.org/', from: 'x' }, '/from'],
    ['an unknown member', { url: 'https://example.org/', secret: 'x' }, '/secret'],
  ])('is refused with %s', async (_, asked, pointer) => {
    const { client } = await newNode()
    const refused = await client.post('/subscriptions', asked)
    expect(refused.status).toBe(422)
    expect(refused.json).toMatchObject({ errors: [{ pointer }] })
  })
})

describe('a hub that sends nothing to private addresses', () => {
  it('refuses them, however they are spelled', async () => {
    const careful = await startTestHub()
    try {
      const client = await enrolledNode(careful.url, careful.root, 'careful', scopes)
      for (const host of [
        '127.0.0.1',
        '2130706433',
        '0177.0.0.1',
        '[::1]',
        '[::ffff:127.0.0.1]',
        '10.1.2.3',
        'localhost',
        '169.254.169.254',
      ]) {
        const refused = await client.post('/subscriptions', { url: `http://${host}/hook` })
        expect(refused.status, host).toBe(422)
        expect(refused.json).toMatchObject({ errors: [{ pointer: '/url' }] })
      }
    } finally {
      await careful.close()
    }
  })
})
