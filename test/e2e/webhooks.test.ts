import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { asRoot, type HubProcesses, startHubProcesses } from '../support/hub-processes.ts'
import { accountsOf, appendPeople } from '../support/many-people.ts'
import { enrolledNode } from '../support/nodes.ts'
import type { RunningHub } from '../support/process.ts'
import { type Sink, startSink } from '../support/sink.ts'
import {
  chance,
  subscribe,
  subscriberScopes,
  subscriptionIn,
  wrongDeliveries,
} from '../support/subscriptions.ts'

let processes: HubProcesses
let hub: RunningHub
let sink: Sink
beforeAll(async () => {
  processes = await startHubProcesses({ ALLOW_PRIVATE_WEBHOOKS: 'on' })
  hub = await processes.serve()
  sink = await startSink()
})
afterAll(async () => {
  await processes?.stop()
  await sink?.close()
})

describe('a receiver that refuses one in twenty', () => {
  it('is given 10,000 events, those of each stream in order, all of them signed', async () => {
    const attempts = new Map<string, number>()
    sink.answer(({ entry: { stream, revision } }) => {
      const name = `${stream} ${revision}`
      const attempt = (attempts.get(name) ?? 0) + 1
      attempts.set(name, attempt)
      // With this seed nothing is refused three times: the pause after that is half a minute.
      return chance('seed 8', name, attempt) < 0.05 ? 500 : 204
    })
    const client = await enrolledNode(hub.url, asRoot(hub), 'registry', subscriberScopes)
    const { id, secret } = await subscribe(client, { url: sink.url, resources: ['people'] })
    await appendPeople(processes, accountsOf(1_000), 9)
    await sink.untilDelivered(5_000)
    await sink.untilDelivered(10_000)
    expect(wrongDeliveries(secret, sink.taken())).toEqual([])
    const refused = sink.deliveries.filter(({ status }) => status === 500).length
    expect(refused).toBeGreaterThan(400)
    // Nothing had to be given twice.
    expect(sink.taken()).toHaveLength(10_000)
    await expect
      .poll(async () => subscriptionIn(await client.get(`/subscriptions/${id}`)), { timeout: 10_000 })
      .toMatchObject({ lag: 0, failures: 0, deadLetters: 0 })
  }, 120_000)
})
