import { afterEach, describe, expect, it } from 'vitest'
import type { PostOutcome } from '../../relay/post-outcome.ts'
import { makeWebhookClient, type WebhookClientOptions } from '../../relay/webhook-client.ts'
import { type Answer, answering, type Receiver, startReceiver } from '../support/receiver.ts'

const open: { readonly close: () => Promise<void> }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

const receiverOf = async (answer: Answer): Promise<Receiver> => {
  const receiver = await startReceiver(answer)
  open.push(receiver)
  return receiver
}
const clientOf = (options: Partial<WebhookClientOptions> = {}) => {
  const client = makeWebhookClient({ allowPrivate: true, ...options })
  open.push(client)
  return client
}
const never = new AbortController().signal
const post = (url: string, options: Partial<WebhookClientOptions> = {}): Promise<PostOutcome> =>
  clientOf(options).post(url, { 'content-type': 'application/json' }, '{"a":"ñ"}', never)

describe('a post', () => {
  it('carries the headers and the body', async () => {
    const receiver = await receiverOf(answering(200))
    await post(`${receiver.url}/a%20b?node=7`)
    const [request = ''] = receiver.requests
    expect(request).toMatch(/^POST \/hook\/a%20b\?node=7 HTTP\/1\.1\r\n/)
    expect(request).toMatch(/\r\nhost: 127\.0\.0\.1:\d+\r\n/i)
    expect(request).toMatch(/\r\nuser-agent: Thalamus\r\n/i)
    expect(request).toMatch(/\r\ncontent-type: application\/json\r\n/i)
    expect(request).toMatch(/\r\ncontent-length: 10\r\n/i)
    expect(request).toMatch(/\r\n\r\n\{"a":"ñ"\}$/)
  })

  it.each([200, 204, 400, 410, 429, 500, 503])('is answered with %i', async status => {
    const { url } = await receiverOf(
      status === 204 ? socket => socket.write('HTTP/1.1 204 No Content\r\n\r\n') : answering(status),
    )
    expect(await post(url)).toEqual({ is: 'answered', status })
  })

  it.each([301, 302, 303, 307, 308])('does not follow a %i', async status => {
    const elsewhere = await receiverOf(answering(200))
    const { url } = await receiverOf(answering(status, `Location: ${elsewhere.url}\r\n`))
    expect(await post(url)).toEqual({ is: 'answered', status })
    expect(elsewhere.connections).toEqual([])
  })

  it('is answered behind interim answers', async () => {
    const { url } = await receiverOf((...request) => {
      request[0].write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(3))
      answering(201)(...request)
    })
    expect(await post(url)).toEqual({ is: 'answered', status: 201 })
  })

  it('says how long the receiver asks to wait, in seconds', async () => {
    const { url } = await receiverOf(answering(429, 'Retry-After: 120\r\n'))
    expect(await post(url)).toEqual({ is: 'answered', status: 429, retryAfterMilliseconds: 120_000 })
  })

  it('says how long the receiver asks to wait, until a date', async () => {
    const date = new Date(Date.now() + 3_600_000).toUTCString()
    const { url } = await receiverOf(answering(503, `Retry-After: ${date}\r\n`))
    const outcome = await post(url)
    const wait = outcome.is === 'answered' ? outcome.retryAfterMilliseconds : undefined
    expect(wait).toBeGreaterThan(3_500_000)
    expect(wait).toBeLessThanOrEqual(3_600_000)
  })

  it('is refused by a port on which nobody listens', async () => {
    const receiver = await startReceiver(answering(200))
    await receiver.close()
    expect(await post(receiver.url)).toEqual({ is: 'failed', reason: 'connection refused' })
  })

  it.each([
    ['no URL', 'hooks', {}],
    ['another scheme', 'ftp://127.0.0.1/hook', {}],
    ['a header that is none', 'http://127.0.0.1:1/hook', { 'webhook-id': 'a\r\nb: c' }],
  ])('is not sent: %s', async (_, url, headers) => {
    expect(await clientOf().post(url, headers, '', never)).toEqual({ is: 'failed', reason: 'not sent' })
  })

  it('can be stopped', async () => {
    const stop = new AbortController()
    const { url } = await receiverOf(() => stop.abort())
    const client = clientOf()
    expect(await client.post(url, {}, '', stop.signal)).toEqual({ is: 'failed', reason: 'stopped' })
    expect(await client.post(url, {}, '', stop.signal)).toEqual({ is: 'failed', reason: 'not sent' })
  })
})

describe('the connections of a client', () => {
  it('are used again', async () => {
    const receiver = await receiverOf(answering(200))
    const client = clientOf()
    for (let number = 0; number < 20; number += 1) await client.post(receiver.url, {}, 'body', never)
    expect(receiver.requests).toHaveLength(20)
    // An answer is the outcome a moment before its connection is free again.
    expect(receiver.connections.length).toBeLessThanOrEqual(2)
  })

  it('are no more than allowed for an origin; posts beyond them wait', async () => {
    const receiver = await receiverOf(answering(200))
    const client = clientOf({ connectionsPerOrigin: 3 })
    const posts = Array.from({ length: 30 }, () => client.post(receiver.url, {}, 'body', never))
    expect(await Promise.all(posts)).toEqual(posts.map(() => ({ is: 'answered', status: 200 })))
    expect(receiver.connections).toHaveLength(3)
  })

  it('fail for all posts that waited for them', async () => {
    const receiver = await startReceiver(answering(200))
    await receiver.close()
    const client = clientOf({ connectionsPerOrigin: 2 })
    const posts = Array.from({ length: 20 }, () => client.post(receiver.url, {}, 'body', never))
    expect(await Promise.all(posts)).toEqual(
      posts.map(() => ({ is: 'failed', reason: 'connection refused' })),
    )
  })

  it('end with the client, which stops the posts under way', async () => {
    const client = clientOf({ connectionsPerOrigin: 2 })
    const { url } = await receiverOf((_socket, _request, number) => number === 2 && void client.close())
    const posts = Array.from({ length: 5 }, () => client.post(url, {}, 'body', never))
    expect(await Promise.all(posts)).toEqual(posts.map(() => ({ is: 'failed', reason: 'stopped' })))
    expect(await client.post(url, {}, 'body', never)).toEqual({ is: 'failed', reason: 'not sent' })
  })
})
