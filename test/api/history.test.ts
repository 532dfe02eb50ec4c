import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isObject } from '../../domain/json.ts'
import type { Client, Reply } from '../support/client.ts'
import { rootAccount, startTestHub, type TestHub } from '../support/hub.ts'
import { enrolledNode } from '../support/nodes.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
})
afterAll(() => hub.close())

interface Entry {
  readonly revision: number
  readonly event: string
  readonly changes: readonly { readonly path: string; readonly from?: unknown; readonly to?: unknown }[]
}

const entriesOf = (reply: Reply): readonly Entry[] => {
  expect(reply.status).toBe(200)
  return Array.isArray(reply.json) ? reply.json : []
}

const nextPathOf = ({ headers }: Reply): string | undefined =>
  /^<([^>]+)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1]

describe('the history of an item', () => {
  it('has every change, newest first, with who, when and which fields', async () => {
    const node = await enrolledNode(hub.url, hub.root, 'lab', ['people:write'])
    await hub.root.post('/people/ESPHIS001ORG', {
      name: 'Ana',
      address: { city: 'Las Palmas', zip: '35001' },
    })
    const occurred = { modification_info: { timestamp: '2024-05-06T07:08:09Z' } }
    await node.send('PATCH', '/people/ESPHIS001ORG', {
      body: { name: 'Ana María', address: { zip: null }, ...occurred },
      headers: { 'X-Request-Id': 'request-of-the-lab' },
    })
    const [changed, registered] = entriesOf(await hub.root.get('/people/ESPHIS001ORG/history'))
    expect(registered).toMatchObject({
      revision: 0,
      event: 'PersonRegistered',
      actor: { kind: 'person', id: rootAccount },
      changes: expect.arrayContaining([
        { path: '/name', to: 'Ana' },
        { path: '/address', to: { city: 'Las Palmas', zip: '35001' } },
      ]),
    })
    expect(changed).toMatchObject({
      revision: 1,
      event: 'PersonChanged',
      actor: { kind: 'node', id: 'lab', node: 'lab' },
      requestId: 'request-of-the-lab',
      occurredAt: '2024-05-06T07:08:09Z',
      recordedAt: expect.stringMatching(/^20\d\d-.*Z$/),
      position: expect.any(String),
      changes: [
        { path: '/name', from: 'Ana', to: 'Ana María' },
        { path: '/address/zip', from: '35001' },
        { path: '/modification_info', to: occurred.modification_info },
      ],
    })
  })

  it('has an entry of what was removed, and goes on being answered', async () => {
    await hub.root.post('/institutions/his-1', { name: 'Clinic' })
    await hub.root.delete('/institutions/his-1')
    const entries = entriesOf(await hub.root.get('/institutions/his-1/history'))
    expect(entries.map(({ event }) => event)).toEqual(['InstitutionRemoved', 'InstitutionRegistered'])
    expect(entries[0]?.changes).toContainEqual({ path: '/name', from: 'Clinic' })
    expect((await hub.root.get('/institutions/his-1/history/1')).status).toBe(410)
    expect((await hub.root.get('/institutions/his-1/history/0')).json).toMatchObject({ name: 'Clinic' })
  })

  it('is right immediately after a write', async () => {
    await hub.root.post('/institutions/his-2', { n: 0 })
    for (let n = 1; n <= 20; n += 1) {
      await hub.root.patch('/institutions/his-2', { n })
      const [newest] = entriesOf(await hub.root.get('/institutions/his-2/history?limit=1'))
      expect(newest).toMatchObject({ revision: n, changes: [{ path: '/n', from: n - 1, to: n }] })
    }
  })

  it('is paged: each change once, from the newest to the first', async () => {
    const revisions: number[] = []
    let path: string | undefined = '/institutions/his-2/history?limit=6'
    while (path !== undefined) {
      const page: Reply = await hub.root.get(path)
      revisions.push(...entriesOf(page).map(({ revision }) => revision))
      path = nextPathOf(page)
    }
    expect(revisions).toEqual(Array.from({ length: 21 }, (_, n) => 20 - n))
  })

  it('is of pages of life, encounters and nodes, too', async () => {
    await hub.root.post('/people/ESPHIS002ORG', {})
    await hub.root.post('/pols/ESPHIS002ORG/p1', { summary: 'Visit' })
    const [page] = entriesOf(await hub.root.get('/pols/ESPHIS002ORG/p1/history'))
    expect(page).toMatchObject({ event: 'PageWritten', revision: 0 })
    await enrolledNode(hub.url, hub.root, 'his-node', ['people:read'])
    await hub.root.put('/nodes/his-node/status', { status: 'suspended' })
    const [suspended, ...earlier] = entriesOf(await hub.root.get('/nodes/his-node/history'))
    expect(suspended).toMatchObject({
      event: 'NodeSuspended',
      changes: [{ path: '/status', from: 'active', to: 'suspended' }],
    })
    expect(earlier.length).toBeGreaterThan(0)
    // Neither a secret nor what stands for one.
    expect(JSON.stringify([suspended, ...earlier])).not.toMatch(/credential|hash/i)
  })

  it('of nothing that ever was is 404, as is a revision that never was', async () => {
    expect((await hub.root.get('/people/ESPNONE99ORG/history')).status).toBe(404)
    expect((await hub.root.get('/institutions/his-2/history/21')).status).toBe(404)
    expect((await hub.root.get('/institutions/his-2/history/x')).status).toBe(404)
    expect((await hub.root.get('/nodes/none/history')).status).toBe(404)
  })

  it.each([
    ['?limit=0', 'limit'],
    ['?limit=1001', 'limit'],
    ['?cursor=nonsense', 'cursor'],
    ['?since=2024-01-01', 'since'],
  ])('refuses %s, and names the parameter', async (query, parameter) => {
    const reply = await hub.root.get(`/institutions/his-2/history${query}`)
    expect(reply.status).toBe(422)
    expect(reply.json).toMatchObject({ errors: [{ parameter }] })
  })
})

describe('a revision', () => {
  it('is the item as it was, with its ETag', async () => {
    const reply = await hub.root.get('/institutions/his-2/history/7')
    expect(reply.status).toBe(200)
    expect(reply.json).toMatchObject({ id: 'his-2', n: 7 })
    expect(reply.headers.get('etag')).toBe('"7"')
    const again = await hub.root.get('/institutions/his-2/history/7', { 'If-None-Match': '"7"' })
    expect(again.status).toBe(304)
  })
})

describe('the difference of two revisions', () => {
  it('is said field by field', async () => {
    expect((await hub.root.get('/institutions/his-2/diff?from=3&to=9')).json).toEqual([
      { path: '/n', from: 3, to: 9 },
    ])
    expect((await hub.root.get('/institutions/his-2/diff?from=3&to=3')).json).toEqual([])
  })

  it('goes into objects, and takes arrays whole', async () => {
    await hub.root.post('/institutions/his-3', { a: { b: { c: 1, d: 2 } }, list: [1, 2], 'x/y~z': 1 })
    await hub.root.put('/institutions/his-3', { a: { b: { c: 1 } }, list: [1], 'x/y~z': 2, new: { e: 1 } })
    expect((await hub.root.get('/institutions/his-3/diff?from=0&to=1')).json).toEqual([
      { path: '/a/b/d', from: 2 },
      { path: '/list', from: [1, 2], to: [1] },
      { path: '/x~1y~0z', from: 1, to: 2 },
      { path: '/new', to: { e: 1 } },
    ])
  })

  it.each([
    ['', ['from', 'to']],
    ['?from=1', ['to']],
    ['?from=-1&to=1', ['from']],
    ['?from=0&to=99', ['to']],
    ['?from=9&to=3', ['to']],
  ])('refuses %s, and names what is wrong', async (query, parameters) => {
    const reply = await hub.root.get(`/institutions/his-2/diff${query}`)
    expect(reply.status).toBe(422)
    const errors = isObject(reply.json as never) ? (reply.json as { errors: unknown[] }).errors : []
    expect(errors).toMatchObject(parameters.map(parameter => ({ parameter })))
  })
})

describe('who may see the past', () => {
  let ana: Client
  let auditor: Client
  let professional: Client
  beforeAll(async () => {
    ana = await hub.person('ESPOWN001ORG', ['end_user'])
    auditor = await hub.person('ESPAUD001ORG', ['auditor'])
    professional = await hub.person('ESPPRO001ORG', ['health_professional'])
    await hub.root.post('/people/ESPOTH001ORG', {})
    for (const person of ['ESPOWN001ORG', 'ESPOTH001ORG']) {
      await hub.root.post(`/pols/${person}/p`, { summary: 'x' })
      await hub.root.post(`/encounters/of-${person}`, { person, start: '2024-01-01' })
    }
  })

  it('a person sees their own history', async () => {
    expect((await ana.get('/people/ESPOWN001ORG/history')).status).toBe(200)
    expect((await ana.get('/pols/ESPOWN001ORG/p/history')).status).toBe(200)
    expect((await ana.get('/encounters/of-ESPOWN001ORG/history')).status).toBe(200)
    expect((await ana.get('/encounters/of-ESPOWN001ORG/history/0')).status).toBe(200)
  })

  it("a person does not see another's, in any of the ways", async () => {
    for (const path of ['/history', '/history/0', '/diff?from=0&to=0', '?asOf=2100-01-01']) {
      expect((await ana.get(`/people/ESPOTH001ORG${path}`)).status, path).toBe(403)
      expect((await ana.get(`/pols/ESPOTH001ORG/p${path}`)).status, path).toBe(403)
      expect((await ana.get(`/encounters/of-ESPOTH001ORG${path}`)).status, path).toBe(404)
    }
    expect((await ana.get('/people?asOf=2100-01-01')).status).toBe(403)
    const own = await ana.get('/encounters?asOf=2100-01-01')
    expect(own.json).toMatchObject([{ id: 'of-ESPOWN001ORG' }])
    expect((await ana.get('/encounters?asOf=2100-01-01&person=ESPOTH001ORG')).status).toBe(403)
    expect((await ana.get('/nodes/lab/history')).status).toBe(403)
  })

  it('an auditor sees the past of everything, and nothing of the present', async () => {
    expect((await auditor.get('/people/ESPOTH001ORG/history')).status).toBe(200)
    expect((await auditor.get('/people/ESPOTH001ORG?asOf=2100-01-01')).status).toBe(200)
    expect((await auditor.get('/people?asOf=2100-01-01')).status).toBe(200)
    expect((await auditor.get('/nodes/lab/history')).status).toBe(200)
    expect((await auditor.get('/people/ESPOTH001ORG')).status).toBe(403)
  })

  it('who may read the present needs the right to the past beside it', async () => {
    expect((await professional.get('/people/ESPOTH001ORG')).status).toBe(200)
    expect((await professional.get('/people/ESPOTH001ORG/history')).status).toBe(403)
    expect((await professional.get('/people/ESPOTH001ORG?asOf=2100-01-01')).status).toBe(403)
    expect((await professional.get('/people/ESPOTH001ORG?as%4Ff=2100-01-01')).status).toBe(403)
    // A role that reaches all encounters does not widen one that reaches the past of one's own.
    const both = await hub.person('ESPBOTH01ORG', ['end_user', 'health_professional'])
    expect((await both.get('/encounters/of-ESPOTH001ORG')).status).toBe(200)
    expect((await both.get('/encounters/of-ESPOTH001ORG/history')).status).toBe(404)
    expect((await both.get('/encounters/of-ESPOTH001ORG?asOf=2100-01-01')).status).toBe(404)
    expect((await both.get('/encounters?asOf=2100-01-01')).json).toEqual([])
  })

  it('of what is nobody’s, a person sees the past where they may read it now', async () => {
    await hub.root.post('/domiciliary-units/past-1', {})
    await hub.root.post('/institutions/past-1', {})
    for (const path of [
      '/past-1?asOf=2100-01-01',
      '?asOf=2100-01-01',
      '/past-1/history',
      '/past-1/history/0',
    ]) {
      expect((await ana.get(`/institutions${path}`)).status, path).toBe(200)
      expect((await ana.get(`/domiciliary-units${path}`)).status, path).toBe(403)
      expect((await auditor.get(`/domiciliary-units${path}`)).status, path).toBe(200)
    }
  })

  it('a parameter without a value asks for the present', async () => {
    expect((await auditor.get('/people/ESPOTH001ORG?asOf')).status).toBe(403)
    expect((await professional.get('/people/ESPOTH001ORG?asOf')).status).toBe(200)
  })

  it('a node needs both scopes', async () => {
    const one = await enrolledNode(hub.url, hub.root, 'past-1', ['history:read'])
    const both = await enrolledNode(hub.url, hub.root, 'past-2', ['history:read', 'people:read'])
    const refused = await one.get('/people/ESPOTH001ORG/history')
    expect(refused.status).toBe(403)
    expect(refused.text).toContain('people:read')
    expect((await both.get('/people/ESPOTH001ORG/history')).status).toBe(200)
    expect((await both.get('/people?asOf=2100-01-01')).status).toBe(200)
    expect((await both.get('/pols/ESPOTH001ORG/p/history')).status).toBe(403)
  })
})
