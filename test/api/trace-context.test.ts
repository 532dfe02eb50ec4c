import { afterAll, beforeAll, expect, it } from 'vitest'
import * as E from '#fp/Either'
import { startTestHub, type TestHub } from '../support/hub.ts'
import { enrolledNode } from '../support/nodes.ts'
import { type Sink, startSink } from '../support/sink.ts'
import { subscribe, subscriberScopes } from '../support/subscriptions.ts'

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
let hub: TestHub
let sink: Sink
beforeAll(async () => {
  hub = await startTestHub({ ALLOW_PRIVATE_WEBHOOKS: 'on' })
  sink = await startSink()
})
afterAll(async () => {
  await hub.close()
  await sink.close()
})

const tracesOf = async (stream: string): Promise<readonly (string | undefined)[]> => {
  const run = await hub.core.ports.log.read(stream)
  if (E.isLeft(run)) throw new Error(run.left._tag)
  return run.right.events.map(({ metadata }) => metadata.traceparent)
}

it('an event keeps which trace its request was part of', async () => {
  await hub.root.post('/people/ESPTRACE1ORG', { name: 'Ana' }, { traceparent })
  await hub.root.patch('/people/ESPTRACE1ORG', { name: 'Eva' })
  await hub.root.patch('/people/ESPTRACE1ORG', { name: 'Ida' }, { traceparent: 'not one' })
  expect(await tracesOf('person-ESPTRACE1ORG')).toEqual([traceparent, undefined, undefined])
})

it('a webhook passes it on, and has none where the request had none', async () => {
  const node = await enrolledNode(hub.url, hub.root, 'subscriber', subscriberScopes)
  await subscribe(node, { url: sink.url, person: 'ESPTRACE2ORG', from: 'start' })
  await hub.root.post('/people/ESPTRACE2ORG', { name: 'Ana' }, { traceparent })
  await hub.root.patch('/people/ESPTRACE2ORG', { name: 'Eva' })
  await sink.untilTaken(2)
  expect(sink.deliveries.map(({ headers }) => headers.traceparent)).toEqual([traceparent, undefined])
})

it('neither the feed nor the history shows it', async () => {
  const feed = await hub.root.get('/feed?limit=1000')
  const history = await hub.root.get('/people/ESPTRACE1ORG/history')
  expect(feed.text + history.text).not.toContain('4bf92f3577b34da6a3ce929d0e0e4736')
})
