import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Client, Reply } from '../support/client.ts'
import { asRoot, type HubProcesses, startHubProcesses } from '../support/hub-processes.ts'
import { accountsOf, appendPeople } from '../support/many-people.ts'
import { enroll, withToken } from '../support/nodes.ts'
import type { RunningHub, RunningProcess } from '../support/process.ts'
import { type Sink, startSink } from '../support/sink.ts'
import { type Subscription, subscribe, subscriptionIn, wrongDeliveries } from '../support/subscriptions.ts'

const nodeScopes = ['subscriptions:write', 'people:read', 'messages:send', 'messages:read']
const publicUrl = { PUBLIC_URL: 'http://hub.example.org', ALLOW_PRIVATE_WEBHOOKS: 'on' }

let processes: HubProcesses
/** Answers requests, and neither projects nor delivers. */
let api: RunningHub
let first: RunningHub
let second: RunningProcess
let sink: Sink
let subscription: Subscription
let token = ''
let events = 0

beforeAll(async () => {
  processes = await startHubProcesses(publicUrl)
  first = await processes.serve()
  api = await processes.serve(['--no-projector'])
  sink = await startSink()
  token = await tokenFor('lab')
  subscription = await subscribe(withToken(api.url, token), { url: sink.url, resources: ['people'] })
})
afterAll(async () => {
  await processes?.stop()
  await sink?.close()
})

const tokenFor = async (name: string) => {
  const secret = await enroll(asRoot(api), name, nodeScopes)
  const answer = await fetch(`${api.url}/oidc/token`, {
    method: 'POST',
    headers: { Authorization: `Basic ${btoa(`${name}:${secret}`)}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  })
  return String(JSON.parse(await answer.text()).access_token)
}

const append = async (name: string, people: number, changes = 4): Promise<void> => {
  await appendPeople(processes, accountsOf(people, name), changes)
  events += people * (changes + 1)
}
const allIsDelivered = async (): Promise<void> => {
  await sink.untilDelivered(events)
  expect(wrongDeliveries(subscription.secret, sink.taken())).toEqual([])
}

const inboxIn = ({ json }: Reply) => json as { readonly messages: readonly unknown[]; readonly next: string }
const messagesIn = (reply: Reply) => inboxIn(reply).messages
const nextOf = async (client: Client): Promise<string> => inboxIn(await client.get('/messages')).next

describe('two processes that deliver, and one that does not', () => {
  it('deliver each event once while nothing happens to them', async () => {
    second = await processes.project()
    await append('ONE', 40)
    await allIsDelivered()
    expect(sink.deliveries).toHaveLength(events)
    const state = async (id: string) => subscriptionIn(await asRoot(api).get(`/subscriptions/${id}`))
    await expect.poll(() => state(subscription.id), { timeout: 10_000 }).toMatchObject({ lag: 0 })
  })

  it('give a message that is sent at one to whoever waits at the other', async () => {
    const hospital = withToken(first.url, await tokenFor('hospital'))
    const waiting = withToken(api.url, token).get('/messages?wait=30')
    const order = { to: ['lab'], type: 'order', body: { n: 1 } }
    expect((await hospital.post('/messages', order)).status).toBe(201)
    expect(messagesIn(await waiting)).toMatchObject([{ from: 'hospital', body: { n: 1 } }])
  })

  it('go on within seconds when the one that delivers is killed', async () => {
    const before = sink.taken().length
    await append('TWO', 200)
    await sink.untilTaken(before + 200)
    await first.kill('SIGKILL')
    const [killed, taken] = [performance.now(), sink.taken().length]
    await sink.untilTaken(taken + 1)
    const took = performance.now() - killed
    expect(took).toBeLessThan(10_000)
    await allIsDelivered()
  })

  it('lose nothing when the one that delivers is stopped for longer than its lease, and goes on', async () => {
    const third = await processes.project()
    const held = Promise.withResolvers<number>()
    const arrived = Promise.withResolvers<void>()
    sink.answer(() => {
      arrived.resolve()
      return held.promise
    })
    const before = sink.taken().length
    await append('THREE', 100)
    await arrived.promise
    second.freeze()
    held.resolve(204)
    sink.answer(() => 204)
    // More than what was under way: the other one has taken over.
    await sink.untilTaken(before + 100)
    second.thaw()
    await append('FOUR', 100)
    await allIsDelivered()
    await third.kill('SIGKILL')
    await append('FIVE', 20)
    await allIsDelivered()
  })

  it('leave nobody who delivers: the third only says how far it is', async () => {
    await second.kill('SIGKILL')
    const before = sink.deliveries.length
    await append('SIX', 1)
    const lab = withToken(api.url, token)
    // It has looked several times whether there is something to do, were it to do it.
    expect(messagesIn(await lab.get(`/messages?wait=3&after=${await nextOf(lab)}`))).toEqual([])
    expect(sink.deliveries).toHaveLength(before)
    const [shown] = (await lab.get('/subscriptions')).json as readonly Subscription[]
    expect(shown?.lag).toBeGreaterThan(0)
    second = await processes.project()
    await allIsDelivered()
  })
})
