import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Client } from '../support/client.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'
import { accountsOf, appendPeopleTo } from '../support/many-people.ts'
import { enrolledNode } from '../support/nodes.ts'
import { type Answering, type Sink, startSink } from '../support/sink.ts'
import {
  type Subscription,
  subscribe,
  subscriberScopes,
  subscriptionIn,
  wrongDeliveries,
} from '../support/subscriptions.ts'

const people = 40
/** Posts of one subscription that may be under way at the same time. */
const mostPosts = 16
const retryAfterSeconds = 3

let hub: TestHub
let client: Client
const sinks: Sink[] = []
const newSink = async (port?: number): Promise<Sink> => {
  const sink = await startSink(port)
  sinks.push(sink)
  return sink
}

interface Receiver {
  readonly sink: Sink
  readonly subscription: Subscription
}
const newReceiver = async (answering: Answering): Promise<Receiver> => {
  const sink = await newSink()
  sink.answer(answering)
  return { sink, subscription: await subscribe(client, { url: sink.url, resources: ['people'] }) }
}
const stateOf = async ({ subscription: { id } }: Receiver) =>
  subscriptionIn(await client.get(`/subscriptions/${id}`))
const errorOf = async (receiver: Receiver) => (await stateOf(receiver)).lastError?.error

let elsewhere: Sink
let good: Receiver
let down: Receiver
let failing: Receiver
let busy: Receiver
let gone: Receiver
let redirecting: Receiver
let endless: Receiver
let dripping: Receiver
/** Of the busy one: when it first said when to come again, and when each delivery came. */
let busySince = 0
const cameAt: number[] = []
const endlesslyAnswered = new Set<string>()

/** All of them from the start, and every event at once. */
beforeAll(async () => {
  hub = await startTestHub({ ALLOW_PRIVATE_WEBHOOKS: 'on' })
  client = await enrolledNode(hub.url, hub.root, 'subscriber', subscriberScopes)
  elsewhere = await newSink()
  good = await newReceiver(() => 204)
  down = await newReceiver(() => 204)
  await down.sink.close()
  failing = await newReceiver(() => 500)
  busy = await newReceiver((_, response) => {
    const now = performance.now()
    cameAt.push(now)
    if (busySince === 0) busySince = now
    if (now - busySince >= retryAfterSeconds * 1_000) return 204
    response.setHeader('Retry-After', retryAfterSeconds)
    return 429
  })
  gone = await newReceiver(() => 410)
  redirecting = await newReceiver((_, response) => {
    response.setHeader('Location', elsewhere.url)
    return 307
  })
  endless = await newReceiver(async ({ id }, response) => {
    endlesslyAnswered.add(id)
    response.writeHead(200)
    const closed = once(response, 'close')
    let isOpen = true
    closed.then(() => {
      isOpen = false
    })
    while (isOpen)
      if (!response.write('more '.repeat(1_000))) await Promise.race([once(response, 'drain'), closed])
    return undefined
  })
  let drips = 0
  dripping = await newReceiver((_, { socket }) => {
    drips += 1
    if (drips > mostPosts) return 204
    socket?.write('HTTP/1.1 204 No Content\r\nX-Slow: ')
    const timer = setInterval(() => socket?.write('.'), 200)
    socket?.on('close', () => clearInterval(timer))
    return undefined
  })
  await appendPeopleTo(hub.core.ports.log, accountsOf(people), 1)
  await good.sink.untilDelivered(2 * people)
})
afterAll(async () => {
  await hub?.close()
  for (const sink of sinks) await sink.close()
})

const hasAll = async ({ sink, subscription }: Receiver): Promise<void> => {
  await sink.untilDelivered(2 * people)
  expect(wrongDeliveries(subscription.secret, sink.taken())).toEqual([])
}

describe('a receiver beside others that misbehave', () => {
  it('is given everything in order, once, before they take anything', async () => {
    expect(wrongDeliveries(good.subscription.secret, good.sink.taken())).toEqual([])
    expect(good.sink.deliveries).toHaveLength(2 * people)
    // None of the others has taken anything; the longer they fail, the longer are the pauses.
    await expect.poll(() => errorOf(down)).toBe('connection refused')
    down = { ...down, sink: await newSink(Number(new URL(down.sink.url).port)) }
    await expect.poll(() => errorOf(failing)).toBe('the receiver answered 500')
    await expect.poll(() => errorOf(redirecting)).toBe('the receiver answered 307')
    for (const { sink } of [failing, redirecting]) sink.answer(() => 204)
  })
})

describe('a receiver', () => {
  it('that has disabled its subscription with 410 is sent nothing more', async () => {
    await expect.poll(async () => (await stateOf(gone)).status, { timeout: 10_000 }).toBe('disabled')
    expect(gone.sink.deliveries.length).toBeLessThanOrEqual(mostPosts)
    expect(await errorOf(gone)).toBe('the receiver answered 410')
  })

  it('that redirects is not followed', async () => {
    await hasAll(redirecting)
    expect(elsewhere.deliveries).toEqual([])
  })

  it('that was down is given everything once it is up again', () => hasAll(down))

  it('that failed is given everything once it does not', () => hasAll(failing))

  it('that says when to come again is sent nothing before', async () => {
    await hasAll(busy)
    const early = cameAt.filter(time => time - busySince < retryAfterSeconds * 1_000)
    // Those that were under way already.
    expect(early.length).toBeLessThanOrEqual(mostPosts)
  })

  it('whose answer does not end has taken what it answered', async () => {
    await expect.poll(async () => (await stateOf(endless)).lag, { timeout: 30_000 }).toBe(0)
    expect(endlesslyAnswered.size).toBe(2 * people)
    expect(await stateOf(endless)).toMatchObject({ failures: 0, lastError: null })
  })

  it('whose answer drips is given up after ten seconds, and tried again', async () => {
    await hasAll(dripping)
    expect(await errorOf(dripping)).toBe('timed out')
  })
})
