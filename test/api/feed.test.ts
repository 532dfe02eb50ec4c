import { createEventSource, type EventSourceMessage } from 'eventsource-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Client, Reply } from '../support/client.ts'
import { basic } from '../support/client.ts'
import { rootAccount, rootPassword, startTestHub, type TestHub } from '../support/hub.ts'
import { bySecret, enrolledNode, tokenOf } from '../support/nodes.ts'

let hub: TestHub
let root: Client
beforeAll(async () => {
  hub = await startTestHub()
  root = hub.root
})
afterAll(() => hub.close())

interface Entry {
  readonly position: string
  readonly stream: string
  readonly revision: number
  readonly type: string
  readonly resource: string
  readonly id: string
}
interface Page {
  readonly events: readonly Entry[]
  readonly next: string
}

const pageOf = ({ status, json }: Reply): Page => {
  expect(status).toBe(200)
  return json as Page
}
const feed = async (query = '', by: Client = root) => pageOf(await by.get(`/feed${query}`))
const names = (events: readonly Entry[]) => events.map(({ type, id }) => `${type} ${id}`)

/** Everything, page by page. */
const drained = async (query = '', by: Client = root): Promise<readonly Entry[]> => {
  const events: Entry[] = []
  for (let after = ''; ; ) {
    const page = await feed(`?limit=7${query}${after === '' ? '' : `&after=${after}`}`, by)
    if (page.next === after) return events
    events.push(...page.events)
    after = page.next
  }
}

const head = async (): Promise<string> => {
  const { json } = await hub.nobody.get('/readyz')
  return (json as { readonly position: string }).position
}

const auth = { Authorization: basic(rootAccount, rootPassword) }

describe('the feed', () => {
  it('has every event of the resources in commit order, and of nothing else', async () => {
    const start = await head()
    await root.post('/people/ESPFEED01ORG', { name: 'Ana' }, { 'X-Request-Id': 'r1' })
    await root.post('/pols/ESPFEED01ORG/p1', { summary: 'Visit', creation_info: { timestamp: '2024-01-02' } })
    await enrolledNode(hub.url, root, 'not-in-the-feed', [])
    await root.patch('/people/ESPFEED01ORG', { name: 'Eva' })
    const { events, next } = await feed(`?after=${start}`)
    expect(events).toMatchObject([
      {
        stream: 'person-ESPFEED01ORG',
        revision: 0,
        type: 'PersonRegistered',
        resource: 'people',
        id: 'ESPFEED01ORG',
        person: 'ESPFEED01ORG',
        data: { id: 'ESPFEED01ORG', name: 'Ana' },
        actor: { kind: 'person', id: rootAccount },
        recordedAt: expect.stringMatching(/Z$/),
      },
      { type: 'PageWritten', resource: 'pols', id: 'ESPFEED01ORG/p1', occurredAt: '2024-01-02T00:00:00Z' },
      { type: 'PersonChanged', revision: 1, data: { name: 'Eva' } },
    ])
    expect(JSON.stringify(events)).not.toContain('credential')
    expect(next).toBe(events.at(-1)?.position)
    expect(await feed(`?after=${next}`)).toEqual({ events: [], next })
  })

  it('goes on where a page ended, and with the position that a write answered', async () => {
    const start = await head()
    const written = await root.post('/institutions/feed-1', {})
    const position = written.headers.get('thalamus-position')
    await root.post('/institutions/feed-2', {})
    expect(names((await feed(`?after=${start}&limit=1`)).events)).toEqual(['InstitutionRegistered feed-1'])
    expect(names((await feed(`?after=${position}`)).events)).toEqual(['InstitutionRegistered feed-2'])
    const all = await drained()
    expect(names(all)).toContain('InstitutionRegistered feed-1')
    expect(new Set(all.map(entry => entry.position)).size).toBe(all.length)
  })

  it('shows some types or resources, and moves on over the others', async () => {
    const start = await head()
    await root.post('/institutions/feed-3', {})
    await root.patch('/institutions/feed-3', { name: 'x' })
    await root.post('/people/ESPFEED02ORG', {})
    const ofTypes = await feed(`?after=${start}&types=InstitutionChanged`)
    expect(names(ofTypes.events)).toEqual(['InstitutionChanged feed-3'])
    expect(ofTypes.next).toBe(await head())
    expect(names((await feed(`?after=${start}&resources=people,pols`)).events)).toEqual([
      'PersonRegistered ESPFEED02ORG',
    ])
    expect(await feed(`?after=${start}&resources=encounters`)).toEqual({ events: [], next: ofTypes.next })
  })

  it('waits for an event, and answers as soon as there is one', async () => {
    const start = await head()
    const waiting = feed(`?after=${start}&wait=30&resources=institutions`)
    await root.post('/people/ESPFEED03ORG', {})
    await root.post('/institutions/feed-4', {})
    expect(names((await waiting).events)).toEqual(['InstitutionRegistered feed-4'])
  })

  it('answers without an event when the time is over, and says where to go on', async () => {
    const start = await head()
    const waiting = feed(`?after=${start}&wait=1&resources=encounters`)
    await root.post('/institutions/feed-5', {})
    expect(await waiting).toEqual({ events: [], next: await head() })
  })

  it('is streamed as NDJSON to its head, and that is audited', async () => {
    const start = await head()
    await root.post('/institutions/feed-6', { name: 'line\nbreak' })
    const reply = await root.get(`/feed?after=${start}`, { Accept: 'application/x-ndjson' })
    expect(reply.headers.get('content-type')).toBe('application/x-ndjson')
    const lines = reply.text.trimEnd().split('\n')
    expect(lines.map(line => JSON.parse(line))).toEqual((await feed(`?after=${start}`)).events)
    const audited = await root.get('/audit?resource=accesses&limit=2')
    expect(audited.json).toMatchObject([
      { event: 'AuditRead' },
      { event: 'FeedExported', actor: { id: rootAccount }, changes: [{ path: '/after', to: start }] },
    ])
  })

  it.each([
    ['after=nonsense', 'after'],
    ['after=0b5e9d0c1f6a4f7f8f0e5c1d2a3b4c5d-0-1', 'after'],
    ['limit=0', 'limit'],
    ['limit=1001', 'limit'],
    ['limit=007', 'limit'],
    ['wait=61', 'wait'],
    ['wait=x', 'wait'],
    ['types=Nothing', 'types'],
    ['resources=nodes', 'resources'],
    ['since=2024-01-01', 'since'],
    ['limit=1&limit=2', 'limit'],
  ])('refuses %s, and names what is wrong', async (query, parameter) => {
    const reply = await root.get(`/feed?${query}`)
    expect(reply.status).toBe(422)
    expect(reply.json).toMatchObject({ errors: [{ parameter }] })
  })

  it('refuses a position past its end, also as Last-Event-ID', async () => {
    const [, log, number] = /^(.*-)(\d+)$/.exec(await head()) ?? []
    const beyond = `${log}${Number(number) + 100_000_000}`
    expect((await root.get(`/feed?after=${beyond}`)).status).toBe(422)
    const resumed = await root.get('/feed', { Accept: 'text/event-stream', 'Last-Event-ID': beyond })
    expect(resumed.json).toMatchObject({ errors: [{ header: 'Last-Event-ID' }] })
  })

  it('gives what Accept prefers, and 406 for what it has not', async () => {
    const refused = await root.get('/feed', { Accept: 'text/html' })
    expect(refused.status).toBe(406)
    expect(refused.text).toContain('text/event-stream')
    const typeOf = async (accept: string) =>
      (await root.send('HEAD', '/feed', { headers: { Accept: accept } })).headers.get('content-type')
    expect(await typeOf('text/html, */*;q=0.1')).toBe('application/json')
    expect(await typeOf('text/event-stream, application/json;q=0.9')).toBe('text/event-stream')
    expect(await typeOf('application/*;q=0.5, application/x-ndjson')).toBe('application/x-ndjson')
  })
})

describe('who may follow it', () => {
  it('needs the right to the feed, and sees the resources that may be read', async () => {
    const start = await head()
    await root.post('/people/ESPFEED04ORG', {})
    await root.post('/institutions/feed-7', {})
    const people = await enrolledNode(hub.url, root, 'feed-people', ['feed:read', 'people:read'])
    expect(names((await feed(`?after=${start}`, people)).events)).toEqual(['PersonRegistered ESPFEED04ORG'])
    const refused = await people.get('/feed?resources=people,institutions')
    expect(refused.status).toBe(403)
    expect(refused.text).toContain('institutions:read')
    const reading = await enrolledNode(hub.url, root, 'feed-none', ['people:read'])
    expect((await reading.get('/feed')).status).toBe(403)
    const professional = await hub.person('ESPFEED05ORG', ['health_professional'])
    expect((await professional.get('/feed')).status).toBe(403)
    const auditor = await hub.person('ESPFEED06ORG', ['auditor'])
    expect((await auditor.get('/feed')).status).toBe(403)
  })
})

/** Reads a stream of server-sent events, as bytes come. */
const opened = async (headers: Readonly<Record<string, string>>, query = '') => {
  const ending = new AbortController()
  const answer = await fetch(`${hub.url}/feed${query}`, {
    headers: { Accept: 'text/event-stream', ...headers },
    signal: ending.signal,
  })
  const reader = answer.body?.getReader()
  let text = ''
  return {
    answer,
    /** What has come, once it holds this; or all of it, once it has ended. */
    until: async (part: string | undefined) => {
      while (part === undefined || !text.includes(part)) {
        const chunk = await reader?.read()
        if (chunk === undefined || chunk.done) return text
        text += Buffer.from(chunk.value).toString()
      }
      return text
    },
    leave: () => ending.abort(),
  }
}

describe('the event stream', () => {
  it('follows the feed live: each event with its position as id', async () => {
    const start = await head()
    const stream = await opened(auth, `?after=${start}`)
    expect(stream.answer.headers.get('content-type')).toBe('text/event-stream')
    await root.post('/institutions/sse-1', {})
    const text = await stream.until('sse-1"')
    const [entry] = (await feed(`?after=${start}`)).events
    expect(text).toContain(`id: ${entry?.position}\ndata: {`)
    stream.leave()
  })

  it('goes on after Last-Event-ID, which comes before `after`', async () => {
    await root.post('/institutions/sse-2', {})
    const middle = await head()
    await root.post('/institutions/sse-3', {})
    const stream = await opened({ ...auth, 'Last-Event-ID': middle }, `?after=${await head()}`)
    const text = await stream.until('sse-3"')
    expect(text).not.toContain('sse-2"')
    stream.leave()
  })

  it('tells a reader who is shown nothing where it stands, every fifteen seconds', async () => {
    const stream = await opened(auth, `?after=${await head()}&resources=encounters`)
    await root.post('/institutions/sse-4', {})
    const position = await head()
    const text = await stream.until(`id: ${position}\n\n`)
    expect(text).toMatch(/^: .*$/m)
    expect(text).not.toContain('data:')
    stream.leave()
  }, 30_000)

  it('ends when the node is suspended, its right is taken away, or the person deactivated', async () => {
    const follower = async (clientId: string) => {
      const enrolled = await root.post('/nodes', {
        client_id: clientId,
        name: clientId,
        scopes: ['feed:read', 'people:read'],
      })
      const { client_secret } = enrolled.json as { readonly client_secret: string }
      const token = await tokenOf(hub.url, clientId, bySecret(client_secret))
      return opened({ Authorization: `Bearer ${token}` }, `?after=${await head()}`)
    }
    const suspended = await follower('sse-suspended')
    await root.put('/nodes/sse-suspended/status', { status: 'suspended' })
    await suspended.until(undefined)
    const narrowed = await follower('sse-narrowed')
    await root.patch('/nodes/sse-narrowed', { scopes: ['people:read'] })
    await narrowed.until(undefined)
    await hub.person('ESPSSE001ORG', ['root'])
    const person = await opened(
      { Authorization: basic('ESPSSE001ORG', 'gnusolidario') },
      `?after=${await head()}`,
    )
    await root.put('/people/ESPSSE001ORG/active', { active: false })
    await person.until(undefined)
  })

  it('ends at once when the hub does', async () => {
    const other = await startTestHub()
    const answer = await fetch(`${other.url}/feed`, { headers: { ...auth, Accept: 'text/event-stream' } })
    const waiting = other.root.get('/feed?wait=60&resources=encounters')
    const text = answer.text()
    await other.nobody.get('/livez')
    await other.close()
    expect(await text).toContain('PersonRegistered')
    expect((await waiting).status).toBe(200)
  })

  it('gives each of two hundred clients everything, by one following of the log', async () => {
    const start = await head()
    const streams = await Promise.all(
      Array.from({ length: 200 }, () => opened(auth, `?after=${start}&resources=institutions`)),
    )
    await Promise.all(Array.from({ length: 20 }, (_, n) => root.post(`/institutions/crowd-${n}`, {})))
    await root.post('/institutions/crowd-last', {})
    const texts = await Promise.all(streams.map(stream => stream.until('crowd-last"')))
    for (const text of texts) expect(text).toBe(texts[0])
    for (const stream of streams) stream.leave()
  })

  it('is followed by a client of npm through twenty interruptions: each event once, in order', async () => {
    const start = await head()
    const writes = 2_000
    const seen: string[] = []
    const ids: string[] = []
    // A generator with a seed (mulberry32): the same interruptions in every run.
    let seed = 20_240_102
    const random = () => {
      seed = (seed + 0x6d2b79f5) | 0
      let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
    }
    const cuts = new Set<number>()
    while (cuts.size < 20) cuts.add(Math.floor(random() * writes))
    const following = (async () => {
      let lastEventId = start
      let cut = 0
      while (seen.length < writes) {
        const source = createEventSource({
          url: `${hub.url}/feed?resources=domiciliary-units`,
          headers: auth,
          initialLastEventId: lastEventId,
        })
        for await (const message of source as AsyncIterable<EventSourceMessage>) {
          seen.push(JSON.parse(message.data).id)
          ids.push(message.id ?? '')
          lastEventId = message.id ?? lastEventId
          if (seen.length >= writes || cuts.has(seen.length)) break
        }
        source.close()
        cut += 1
      }
      return cut
    })()
    for (let n = 0; n < writes; n += 20)
      await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          root.post(`/domiciliary-units/cut-${n + i}`, {}, { Prefer: 'respond-async, return=minimal' }),
        ),
      )
    expect(await following).toBeGreaterThanOrEqual(20)
    expect(new Set(seen).size).toBe(writes)
    expect(seen).toHaveLength(writes)
    const numbers = ids.map(id => Number(id.slice(id.lastIndexOf('-') + 1)))
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
  }, 60_000)
})
