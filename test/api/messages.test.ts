import { createHash, randomUUID } from 'node:crypto'
import { createEventSource } from 'eventsource-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Client, Reply } from '../support/client.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'
import { bySecret, enroll, enrolledNode, tokenOf, withToken } from '../support/nodes.ts'

let hub: TestHub
let hospital: Client
let lab: Client
let clinic: Client
beforeAll(async () => {
  hub = await startTestHub()
  const scopes = ['messages:send', 'messages:read']
  hospital = await enrolledNode(hub.url, hub.root, 'hospital', scopes)
  lab = await enrolledNode(hub.url, hub.root, 'lab', scopes)
  clinic = await enrolledNode(hub.url, hub.root, 'clinic', scopes)
})
afterAll(() => hub.close())

interface Message {
  readonly id: string
  readonly from: string
  readonly body: unknown
  readonly states: Readonly<Record<string, string>>
}

const messageIn = ({ json }: Reply) => json as Message
const inboxIn = ({ json }: Reply) => json as { messages: readonly Message[]; next: string }

const order = (n: number, to: readonly string[] = ['lab']) => ({ to, type: 'order', body: { n } })

/** Each case has nodes of its own: inboxes begin empty. */
let nodes = 0
const newNode = async () => {
  nodes += 1
  const id = `node-${nodes}`
  const secret = await enroll(hub.root, id, ['messages:send', 'messages:read'])
  const token = await tokenOf(hub.url, id, bySecret(secret))
  return { id, client: withToken(hub.url, token), headers: { Authorization: `Bearer ${token}` } }
}

describe('a message', () => {
  it('is answered to its sender with the state of each recipient', async () => {
    const { id } = await newNode()
    const sent = await hospital.post('/messages', {
      to: [id, 'lab'],
      type: 'order',
      subject: 'Blood count',
      body: { test: 'CBC', n: 1.5, none: null },
    })
    expect(sent.status).toBe(201)
    const message = messageIn(sent)
    expect(sent.headers.get('location')).toBe(`/messages/${message.id}`)
    expect(message).toMatchObject({
      from: 'hospital',
      to: [id, 'lab'],
      type: 'order',
      subject: 'Blood count',
      contentType: 'application/json',
      body: { test: 'CBC', n: 1.5, none: null },
      expires: null,
      replyTo: null,
      states: { [id]: 'queued', lab: 'queued' },
    })
    expect(messageIn(await hospital.get(`/messages/${message.id}`))).toEqual(message)
  })

  it('waits for its recipient, the oldest first, until it is acknowledged', async () => {
    const { id, client } = await newNode()
    for (const n of [1, 2, 3]) await hospital.post('/messages', order(n, [id]))
    const first = inboxIn(await client.get('/messages'))
    expect(first.messages.map(({ body }) => body)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
    expect(first.messages[0]?.states).toEqual({ [id]: 'delivered' })
    expect(inboxIn(await client.get('/messages')).messages).toHaveLength(3)

    const acked = await client.send('POST', `/messages/${first.messages[0]?.id}/ack`)
    expect(acked.status).toBe(204)
    expect((await client.send('POST', `/messages/${first.messages[0]?.id}/ack`)).status).toBe(204)
    expect(inboxIn(await client.get('/messages')).messages.map(({ body }) => body)).toEqual([
      { n: 2 },
      { n: 3 },
    ])
  })

  it('is given page by page, and after a place only what came later', async () => {
    const { id, client } = await newNode()
    for (const n of [1, 2, 3]) await hospital.post('/messages', order(n, [id]))
    const page = inboxIn(await client.get('/messages?limit=2'))
    expect(page.messages.map(({ body }) => body)).toEqual([{ n: 1 }, { n: 2 }])
    const rest = inboxIn(await client.get(`/messages?after=${page.next}`))
    expect(rest.messages.map(({ body }) => body)).toEqual([{ n: 3 }])
    const end = inboxIn(await client.get(`/messages?after=${rest.next}`))
    expect(end).toEqual({ messages: [], next: rest.next })
  })

  it('shows its sender how far it is for each recipient', async () => {
    const [one, other] = [await newNode(), await newNode()]
    const { id } = messageIn(await hospital.post('/messages', order(1, [one.id, other.id])))
    await one.client.get('/messages')
    await one.client.send('POST', `/messages/${id}/ack`)
    await other.client.get('/messages')
    expect(messageIn(await hospital.get(`/messages/${id}`)).states).toEqual({
      [one.id]: 'acknowledged',
      [other.id]: 'delivered',
    })
    expect(messageIn(await other.client.get(`/messages/${id}`)).states).toEqual({ [other.id]: 'delivered' })
  })

  it('is nobody’s but its sender’s and its recipients’', async () => {
    const { id } = messageIn(await hospital.post('/messages', order(1)))
    expect((await clinic.get(`/messages/${id}`)).status).toBe(404)
    expect((await clinic.send('POST', `/messages/${id}/ack`)).status).toBe(404)
    expect((await clinic.get('/messages/never-was')).status).toBe(404)
    expect((await hospital.send('POST', `/messages/${id}/ack`)).status).toBe(403)
    expect((await hub.root.get(`/messages/${id}`)).status).toBe(403)
  })

  it('is acknowledged with others at once', async () => {
    const { id, client } = await newNode()
    const sent = [1, 2].map(async n => messageIn(await hospital.post('/messages', order(n, [id]))).id)
    const ids = await Promise.all(sent)
    const acked = await client.post('/messages/acks', { ids: [...ids, 'never-was'] })
    expect(acked.status).toBe(200)
    expect(acked.json).toEqual({
      states: { [ids[0] ?? '']: 'acknowledged', [ids[1] ?? '']: 'acknowledged', 'never-was': 'not found' },
    })
    expect((await client.post('/messages/acks', { ids })).json).toMatchObject({
      states: { [ids[0] ?? '']: 'acknowledged' },
    })
    expect(inboxIn(await client.get('/messages')).messages).toEqual([])
  })

  it('is sent once with an Idempotency-Key, however often', async () => {
    const { id, client } = await newNode()
    const key = { 'Idempotency-Key': randomUUID() }
    const [first, again] = [
      await hospital.post('/messages', order(1, [id]), key),
      await hospital.post('/messages', order(1, [id]), key),
    ]
    expect([first.status, again.status]).toEqual([201, 201])
    expect(again.json).toEqual(first.json)
    expect(inboxIn(await client.get('/messages')).messages).toHaveLength(1)
    expect((await hospital.post('/messages', order(2, [id]), key)).status).toBe(422)
  })

  it('is answered again when it is sent again after it has expired', async () => {
    const { id } = await newNode()
    const key = { 'Idempotency-Key': randomUUID() }
    const expires = new Date(Date.now() + 300).toISOString()
    const first = await hospital.post('/messages', { ...order(1, [id]), expires }, key)
    expect(first.status).toBe(201)
    // RFC 3339 has a zone: without one it would be the reader's own.
    expect(Date.parse(String((first.json as { expires: string }).expires))).toBe(Date.parse(expires))
    await expect
      .poll(async () => messageIn(await hospital.get(`/messages/${messageIn(first).id}`)).states)
      .toEqual({ [id]: 'expired' })
    const again = await hospital.post('/messages', { ...order(1, [id]), expires }, key)
    expect([again.status, messageIn(again).id]).toEqual([201, messageIn(first).id])
  })

  it.each([
    ['no recipient', { to: [], type: 'order', body: 1 }, '/to'],
    ['an unknown recipient', { to: ['nobody-here'], type: 'order', body: 1 }, '/to/0'],
    ['no type', { to: ['lab'], body: 1 }, '/type'],
    ['no body', { to: ['lab'], type: 'order' }, '/body'],
    ['a body and content', { to: ['lab'], type: 'order', body: 1, content: true }, '/body'],
    ['a time to expire that is past', { to: ['lab'], type: 'x', body: 1, expires: '2020-01-01' }, '/expires'],
    ['a type of content that is none', { to: ['lab'], type: 'x', body: 1, contentType: 'x' }, '/contentType'],
    ['an unknown member', { to: ['lab'], type: 'x', body: 1, priority: 1 }, '/priority'],
  ])('is refused with %s', async (_, body, pointer) => {
    const refused = await hospital.post('/messages', body)
    expect(refused.status).toBe(422)
    expect(refused.json).toMatchObject({ errors: [{ pointer }] })
  })

  it('has at most 2 MiB', async () => {
    const large = await hospital.post('/messages', { to: ['lab'], type: 'scan', body: 'x'.repeat(2_000_000) })
    expect(large.status).toBe(201)
    const tooLarge = await hospital.post('/messages', {
      to: ['lab'],
      type: 'scan',
      body: 'x'.repeat(2_100_000),
    })
    expect(tooLarge.status).toBe(413)
    expect(tooLarge.text).toContain('2 MiB')
  })

  it('keeps every body as it came', async () => {
    const { id, client } = await newNode()
    const bodies = [null, false, 'text', 0, [], { a: { b: [1, { c: null }] } }, 'ünïcode \u2028']
    for (const body of bodies) await hospital.post('/messages', { to: [id], type: 'any', body })
    expect(inboxIn(await client.get('/messages')).messages.map(({ body }) => body)).toEqual(bodies)
  })

  it('expires for who has not acknowledged it', async () => {
    const { id, client } = await newNode()
    const expires = new Date(Date.now() + 300).toISOString()
    const sent = messageIn(await hospital.post('/messages', { ...order(1, [id]), expires }))
    await expect
      .poll(async () => messageIn(await hospital.get(`/messages/${sent.id}`)).states)
      .toEqual({ [id]: 'expired' })
    expect(inboxIn(await client.get('/messages')).messages).toEqual([])
    // Whoever was given it may have done what it says.
    expect((await client.send('POST', `/messages/${sent.id}/ack`)).status).toBe(204)
    expect(messageIn(await hospital.get(`/messages/${sent.id}`)).states).toEqual({ [id]: 'acknowledged' })
  })
})

describe('an inbox', () => {
  const bodiesIn = (reply: Reply) => inboxIn(reply).messages.map(({ body }) => body)
  const stateOf = async (id: string) => messageIn(await hospital.get(`/messages/${id}`)).states

  it('hides nothing behind messages that have expired', async () => {
    const { id, client } = await newNode()
    const expires = new Date(Date.now() + 300).toISOString()
    const mortal = [1, 2, 3].map(n => hospital.post('/messages', { ...order(n, [id]), expires }))
    const [sent] = (await Promise.all(mortal)).map(messageIn)
    await hospital.post('/messages', order(4, [id]))
    await expect.poll(() => stateOf(sent?.id ?? '')).toEqual({ [id]: 'expired' })
    expect(bodiesIn(await client.get('/messages?limit=1'))).toEqual([{ n: 4 }])
  })

  it('hides nothing behind a whole page of messages that have expired', async () => {
    const { id, client } = await newNode()
    const expires = new Date(Date.now() + 1_500).toISOString()
    const mortal = Array.from({ length: 101 }, (_, n) =>
      hospital.post('/messages', { ...order(n, [id]), expires }, { Prefer: 'respond-async' }),
    )
    const [sent] = (await Promise.all(mortal)).map(messageIn)
    await hospital.post('/messages', order(-1, [id]))
    await expect.poll(() => stateOf(sent?.id ?? ''), { timeout: 5_000 }).toEqual({ [id]: 'expired' })
    expect(bodiesIn(await client.get('/messages'))).toEqual([{ n: -1 }])
  })

  it('says where to go on, also where all that it holds has expired', async () => {
    const { id, client } = await newNode()
    const expires = new Date(Date.now() + 300).toISOString()
    const sent = messageIn(await hospital.post('/messages', { ...order(1, [id]), expires }))
    await expect.poll(() => stateOf(sent.id)).toEqual({ [id]: 'expired' })
    const empty = inboxIn(await client.get('/messages?wait=1'))
    expect(empty.messages).toEqual([])
    await hospital.post('/messages', order(2, [id]))
    expect(bodiesIn(await client.get(`/messages?after=${empty.next}`))).toEqual([{ n: 2 }])
  })

  it('gives nothing to HEAD: the message is still queued', async () => {
    const { id, client } = await newNode()
    const sent = messageIn(await hospital.post('/messages', order(1, [id])))
    const head = await client.send('HEAD', '/messages')
    expect([head.status, head.text]).toEqual([200, ''])
    expect(await stateOf(sent.id)).toEqual({ [id]: 'queued' })
    const got = await client.get('/messages')
    expect(got.headers.get('content-length')).toBe(head.headers.get('content-length'))
    expect(await stateOf(sent.id)).toEqual({ [id]: 'delivered' })
  })

  it('gives one message to many recipients at once', async () => {
    const many = await Promise.all(Array.from({ length: 10 }, newNode))
    const waiting = many.map(({ client }) => client.get('/messages?wait=30'))
    const to = many.map(({ id }) => id)
    const sent = messageIn(await hospital.post('/messages', order(1, to)))
    for (const reply of await Promise.all(waiting)) expect(bodiesIn(reply)).toEqual([{ n: 1 }])
    expect(await stateOf(sent.id)).toEqual(Object.fromEntries(to.map(id => [id, 'delivered'])))
  })

  it('ends with the right to it, also while it waits', async () => {
    const { id, client, headers } = await newNode()
    const waiting = client.get('/messages?wait=30')
    const source = await fetch(`${hub.url}/messages`, {
      headers: { ...headers, Accept: 'text/event-stream' },
    })
    expect((await hub.root.put(`/nodes/${id}/status`, { status: 'suspended' })).status).toBe(200)
    await hospital.post('/messages', order(1, [id]))
    expect((await waiting).status).toBe(401)
    expect(await source.text()).not.toContain('data:')
  })
})

describe('an empty inbox', () => {
  it('waits for a message as long as it is told to', async () => {
    const { id, client } = await newNode()
    const waiting = client.get('/messages?wait=30')
    await hospital.post('/messages', order(7, [id]))
    expect(inboxIn(await waiting).messages.map(({ body }) => body)).toEqual([{ n: 7 }])
  })

  it('is answered empty after that', async () => {
    const { client } = await newNode()
    const answer = await client.get('/messages?wait=1')
    expect(answer.status).toBe(200)
    expect(inboxIn(answer).messages).toEqual([])
  })

  it.each(['limit=0', 'limit=1001', 'wait=61', 'wait=-1', 'after=x', 'from=1'])(
    'refuses %s',
    async parameter => {
      expect((await lab.get(`/messages?${parameter}`)).status).toBe(422)
    },
  )

  it('is followed live as server-sent events', async () => {
    const { id, headers } = await newNode()
    await hospital.post('/messages', order(1, [id]))
    const source = createEventSource({ url: `${hub.url}/messages`, headers })
    const bodies: unknown[] = []
    for await (const { data } of source) {
      bodies.push(JSON.parse(data).body)
      if (bodies.length === 2) break
      await hospital.post('/messages', order(2, [id]))
    }
    source.close()
    expect(bodies).toEqual([{ n: 1 }, { n: 2 }])
  })
})

describe('the content of a message', () => {
  const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251)

  it('follows by a request of its own, before which nobody is given the message', async () => {
    const { id, client, headers: credentials } = await newNode()
    const sent = await hospital.post('/messages', { to: [id], type: 'scan', content: true })
    expect(sent.status).toBe(201)
    const message = messageIn(sent)
    expect(sent.json).toMatchObject({ body: null, content: null, contentType: null })
    expect(inboxIn(await client.get('/messages')).messages).toEqual([])
    expect((await client.get(`/messages/${message.id}`)).status).toBe(404)

    const path = `/messages/${message.id}/content`
    const headers = { 'Content-Type': 'application/dicom' }
    const stored = await hospital.send('PUT', path, { body: bytes, headers })
    expect(stored.status).toBe(201)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    expect(stored.json).toMatchObject({
      contentType: 'application/dicom',
      content: { size: bytes.length, sha256 },
    })
    expect((await hospital.send('PUT', path, { body: bytes, headers })).status).toBe(200)
    expect((await hospital.send('PUT', path, { body: 'other', headers })).status).toBe(409)

    expect(inboxIn(await client.get('/messages')).messages).toMatchObject([
      { id: message.id, content: { size: bytes.length } },
    ])
    expect((await client.get(`${path}?x=1`)).status).toBe(422)
    const read = await fetch(`${hub.url}${path}`, { headers: credentials })
    expect(read.headers.get('content-type')).toBe('application/dicom')
    expect(Buffer.from(await read.arrayBuffer()).equals(bytes)).toBe(true)
  })

  it('is the sender’s to give, and checked against the digest that is sent with it', async () => {
    const { id, client } = await newNode()
    const message = messageIn(await hospital.post('/messages', { to: [id], type: 'scan', content: true }))
    const path = `/messages/${message.id}/content`
    expect((await client.send('PUT', path, { body: bytes })).status).toBe(403)
    expect((await clinic.send('PUT', path, { body: bytes })).status).toBe(404)
    const headers = { 'Content-Digest': 'sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:' }
    expect((await hospital.send('PUT', path, { body: bytes, headers })).status).toBe(422)
    expect(inboxIn(await client.get('/messages')).messages).toEqual([])
  })
})
