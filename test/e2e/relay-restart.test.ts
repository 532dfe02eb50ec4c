import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Reply } from '../support/client.ts'
import { asRoot, type HubProcesses, startHubProcesses } from '../support/hub-processes.ts'
import { accountsOf, appendPeople } from '../support/many-people.ts'
import { bySecret, enroll, tokenOf, withToken } from '../support/nodes.ts'
import type { RunningHub } from '../support/process.ts'
import { type Sink, startSink } from '../support/sink.ts'
import { subscribe, subscriptionIn, wrongDeliveries } from '../support/subscriptions.ts'

let processes: HubProcesses
let hub: RunningHub
let sink: Sink
let busy: Sink
const secrets = new Map<string, string>()
const as = async (name: string) =>
  withToken(hub.url, await tokenOf(hub.url, name, bySecret(secrets.get(name) ?? '')))

beforeAll(async () => {
  processes = await startHubProcesses({ ALLOW_PRIVATE_WEBHOOKS: 'on' })
  hub = await processes.serve()
  sink = await startSink()
  busy = await startSink()
  const scopes = ['subscriptions:write', 'people:read', 'messages:send', 'messages:read']
  for (const name of ['hospital', 'lab']) secrets.set(name, await enroll(asRoot(hub), name, scopes))
})
afterAll(async () => {
  await processes?.stop()
  await sink?.close()
  await busy?.close()
})

const idIn = ({ json }: Reply) => String((json as { readonly id: string }).id)

/** What the laboratory sees of its inbox and its subscriptions, and the hospital of what it sent. */
const shown = async (sent: readonly string[]) => {
  const [lab, hospital] = [await as('lab'), await as('hospital')]
  const replies = [
    await lab.get('/messages'),
    await lab.get('/subscriptions'),
    ...(await Promise.all(sent.map(id => hospital.get(`/messages/${id}`)))),
  ]
  expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200))
  return replies.map(({ json }) => json)
}

describe('the inbox and the subscriptions of a node', () => {
  it('are the same after the hub was stopped, its read models deleted or built anew, and started again', async () => {
    const [lab, hospital] = [await as('lab'), await as('hospital')]
    const sent: string[] = []
    for (let n = 0; n < 5; n += 1)
      sent.push(idIn(await hospital.post('/messages', { to: ['lab'], type: 'order', body: { n } })))
    await lab.get('/messages?limit=3')
    expect((await lab.send('POST', `/messages/${sent[1]}/ack`)).status).toBe(204)

    const { id, secret } = await subscribe(lab, { url: sink.url, resources: ['people'] })
    const paused = await subscribe(lab, { url: sink.url, resources: ['people'] })
    await lab.patch(`/subscriptions/${paused.id}`, { status: 'paused' })
    const waiting = await subscribe(lab, { url: busy.url, resources: ['people'] })
    busy.answer((_, response) => {
      response.setHeader('Retry-After', '3600')
      return 429
    })
    await appendPeople(processes, accountsOf(10), 1)
    await sink.untilDelivered(20)
    const stateOf = async (subscription: string) =>
      subscriptionIn(await lab.get(`/subscriptions/${subscription}`))
    // The first time it is given all without a place: later it sees the same.
    await lab.get('/messages')
    for (const active of [id, waiting.id])
      await expect.poll(async () => (await stateOf(active)).lag, { timeout: 40_000 }).toBe(0)
    const before = await shown(sent)
    const refused = busy.deliveries.length

    expect(await processes.command(['rebuild'])).toMatchObject({ code: 0, err: '' })
    expect(await shown(sent)).toEqual(before)

    await hub.kill('SIGTERM')
    for (const file of readdirSync(processes.path).filter(name => name.startsWith('read.db')))
      rmSync(join(processes.path, file))
    hub = await processes.serve()
    expect(await shown(sent)).toEqual(before)

    await appendPeople(processes, accountsOf(10, 'AFTER'), 0)
    await sink.untilDelivered(30)
    expect(wrongDeliveries(secret, sink.taken())).toEqual([])
    // Each once; and nothing before its time to who said when to come again.
    expect(sink.deliveries).toHaveLength(30)
    expect(busy.deliveries).toHaveLength(refused)
  })
})
