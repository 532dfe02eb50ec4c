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

const private_ = { ALLOW_PRIVATE_WEBHOOKS: 'on' }

let processes: HubProcesses
let hub: RunningHub
let sink: Sink
beforeAll(async () => {
  processes = await startHubProcesses(private_)
  hub = await processes.serve()
  sink = await startSink()
})
afterAll(async () => {
  await processes?.stop()
  await sink?.close()
})

/** A subscription to people from now on, and how it is. */
const subscribeToPeople = async (node: string) => {
  const client = await enrolledNode(hub.url, asRoot(hub), node, subscriberScopes)
  const { id, secret } = await subscribe(client, { url: sink.url, resources: ['people'] })
  const state = async () => subscriptionIn(await asRoot(hub).get(`/subscriptions/${id}`))
  return { id, secret, client, state }
}

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
    const { id, secret, client, state } = await subscribeToPeople('registry')
    await appendPeople(processes.path, accountsOf(1_000), 9)
    await sink.untilDelivered(5_000)
    await sink.untilDelivered(10_000)
    expect(wrongDeliveries(secret, sink.taken())).toEqual([])
    const refused = sink.deliveries.filter(({ status }) => status === 500).length
    expect(refused).toBeGreaterThan(400)
    // Nothing had to be given twice.
    expect(sink.taken()).toHaveLength(10_000)
    await expect.poll(state, { timeout: 10_000 }).toMatchObject({ lag: 0, failures: 0, deadLetters: 0 })
    await client.delete(`/subscriptions/${id}`)
  })
})

describe('a hub that is killed in the middle of its deliveries', () => {
  it('loses none, and gives none again but with the same id', async () => {
    const { secret } = await subscribeToPeople('archive')
    const refused = new Set<string>()
    sink.answer(({ id, entry: { stream, revision } }) => {
      if (refused.has(id) || chance('seed 8', stream, revision) >= 0.05) return 204
      refused.add(id)
      return 500
    })
    const before = sink.taken().length
    await appendPeople(processes.path, accountsOf(200, 'KILL'), 9)
    for (const share of [400, 1_100]) {
      await sink.untilTaken(before + share)
      await hub.kill('SIGKILL')
      hub = await processes.serve()
    }
    await sink.untilDelivered(10_000 + 2_000)
    const taken = sink.taken().slice(before)
    expect(wrongDeliveries(secret, taken)).toEqual([])
  })
})
