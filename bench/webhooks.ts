import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { makeWebhookClient } from '../relay/webhook-client.ts'
import type { MeasuredServer } from './load.ts'
import { type Cost, type Latency, latencyOf } from './measure.ts'
import { costOf } from './rebuild-round.ts'
import { accountOf, pageOf } from './seed.ts'
import { type MeasuredSink, sharedClock } from './sink.ts'
import { rootHeaders } from './stores.ts'

/** As many as the hub posts at once for one subscription. */
const concurrency = 16
const { signal } = new AbortController()
const json = { 'Content-Type': 'application/json' }
const created = z.object({ id: z.string() })

/** A subscription of the node to pages that are written, and how it is ended. */
const subscribe = async (hub: MeasuredServer, sink: MeasuredSink, token: string, from: object) => {
  const headers = { Authorization: `Bearer ${token}`, ...json }
  const answer = await fetch(`${hub.url}/subscriptions`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ url: sink.url, resources: ['pols'], types: ['PageWritten'], ...from }),
  })
  if (answer.status !== 201) throw new Error(`a subscription was answered ${answer.status}`)
  const { id } = created.parse(await answer.json())
  return async () => {
    await fetch(`${hub.url}/subscriptions/${id}`, { method: 'DELETE', headers })
  }
}

/** The pages of the log as the hub sends them. */
export const bodiesOf = async ({ url }: MeasuredServer): Promise<readonly string[]> => {
  const answer = await fetch(`${url}/feed?types=PageWritten`, {
    headers: { ...rootHeaders, Accept: 'application/x-ndjson' },
  })
  return (await answer.text()).split('\n').filter(line => line.includes('"PageWritten"'))
}

/** Counts what a sink has been sent so far, over all rounds. */
export const makeRounds = (hub: MeasuredServer, sink: MeasuredSink, token: string) => {
  const client = makeWebhookClient({ allowPrivate: true })
  let arrived = 0

  /** All pages of the log, from the first that arrives to the last. */
  const deliver = async (pages: number): Promise<Cost> => {
    const before = await hub.used()
    const end = await subscribe(hub, sink, token, { from: 'start' })
    const first = await sink.arrivalOf(arrived + 1)
    arrived += pages
    const milliseconds = (await sink.arrivalOf(arrived)) - first
    const after = await hub.used()
    await end()
    return {
      operations: pages - 1,
      milliseconds,
      cpuMilliseconds: after.cpuMilliseconds - before.cpuMilliseconds,
    }
  }

  /** The same bodies, posted by the same client and no hub. */
  const post = (bodies: readonly string[]): Promise<Cost> =>
    costOf(async () => {
      const queue = bodies.values()
      const worker = async () => {
        for (const body of queue) {
          const outcome = await client.post(sink.url, { 'content-type': 'application/json' }, body, signal)
          if (outcome.is !== 'answered') throw new Error(`a post ended: ${outcome.is}`)
        }
      }
      await Promise.all(Array.from({ length: concurrency }, worker))
      arrived += bodies.length
      return bodies.length
    })

  /** From the answer of a write, and from its sending, to its arrival, on a hub with nothing else to do. */
  const measureLatency = async (writes: number): Promise<{ answered: Latency; sent: Latency }> => {
    const end = await subscribe(hub, sink, token, {})
    const [answered, sent]: [number[], number[]] = [[], []]
    for (let n = 0; n < writes; n += 1) {
      const [account, id] = [accountOf(n), randomUUID()]
      const sentAt = sharedClock()
      const answer = await fetch(`${hub.url}/pols/${account}/${id}`, {
        method: 'POST',
        headers: { ...rootHeaders, ...json },
        body: JSON.stringify(pageOf(account, id, n)),
      })
      await answer.text()
      const answeredAt = sharedClock()
      if (answer.status !== 201) throw new Error(`a write was answered ${answer.status}`)
      arrived += 1
      const at = await sink.arrivalOf(arrived)
      answered.push(at - answeredAt)
      sent.push(at - sentAt)
    }
    await end()
    return { answered: latencyOf(answered), sent: latencyOf(sent) }
  }

  return { deliver, post, measureLatency, close: client.close }
}
