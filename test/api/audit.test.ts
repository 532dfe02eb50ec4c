import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Client, Reply } from '../support/client.ts'
import { rootAccount, startTestHub, type TestHub } from '../support/hub.ts'
import { enrolledNode } from '../support/nodes.ts'

let hub: TestHub
let auditor: Client
let lab: Client
let start = ''
beforeAll(async () => {
  hub = await startTestHub()
  auditor = await hub.person('ESPAUD001ORG', ['auditor'])
  lab = await enrolledNode(hub.url, hub.root, 'lab', ['people:write', 'pols:write', 'encounters:write'])
  start = new Date().toISOString()
  await hub.root.post('/people/ESPANA001ORG', { name: '=1+1' })
  await lab.post('/pols/ESPANA001ORG/p1', { summary: 'Said "hello",\nand left' })
  await lab.patch('/pols/ESPANA001ORG/p1', { summary: '-2' })
  await lab.post('/encounters/e1', { person: 'ESPANA001ORG', start: '2024-01-01' })
  await hub.root.post('/institutions/i1', { name: 'Clinic' })
})
afterAll(() => hub.close())

interface Entry {
  readonly resource: string
  readonly id: string
  readonly event: string
  readonly position: string
}

const entriesOf = ({ status, json }: Reply): readonly Entry[] => {
  expect(status).toBe(200)
  return json as readonly Entry[]
}
const audit = (query = '') => auditor.get(`/audit${query}`)
const things = (entries: readonly Entry[]) => entries.map(({ event, id }) => `${event} ${id}`)

describe('the audit', () => {
  it('has every change to everything, newest first, as the history has them', async () => {
    const entries = entriesOf(await audit(`?since=${start}`))
    expect(things(entries.filter(({ resource }) => resource !== 'accesses'))).toEqual([
      'InstitutionRegistered i1',
      'EncounterOpened e1',
      'PageAmended ESPANA001ORG/p1',
      'PageWritten ESPANA001ORG/p1',
      'PersonRegistered ESPANA001ORG',
    ])
    expect(entries.find(({ event }) => event === 'PageAmended')).toMatchObject({
      resource: 'pols',
      person: 'ESPANA001ORG',
      revision: 1,
      actor: { kind: 'node', id: 'lab', node: 'lab' },
      changes: [{ path: '/summary', from: 'Said "hello",\nand left', to: '-2' }],
    })
  })

  it('has nodes, and who asked for it', async () => {
    const [own] = entriesOf(await audit('?resource=nodes'))
    expect(own).toMatchObject({ event: 'NodeEnrolled', resource: 'nodes', id: 'lab' })
    const [read] = entriesOf(await audit('?resource=accesses&actor=ESPAUD001ORG'))
    expect(read).toMatchObject({
      event: 'AuditRead',
      actor: { kind: 'person', id: 'ESPAUD001ORG' },
      changes: [
        { path: '/resource', to: 'accesses' },
        { path: '/actor', to: 'ESPAUD001ORG' },
        { path: '/format', to: 'application/json' },
      ],
    })
  })

  it.each([
    ['actor=lab', ['EncounterOpened e1', 'PageAmended ESPANA001ORG/p1', 'PageWritten ESPANA001ORG/p1']],
    ['node=lab&resource=encounters', ['EncounterOpened e1']],
    ['resource=institutions', ['InstitutionRegistered i1']],
    [
      'person=espana001org',
      [
        'EncounterOpened e1',
        'PageAmended ESPANA001ORG/p1',
        'PageWritten ESPANA001ORG/p1',
        'PersonRegistered ESPANA001ORG',
      ],
    ],
    [`person=ESPANA001ORG&actor=${rootAccount}`, ['PersonRegistered ESPANA001ORG']],
    ['actor=nobody', []],
    ['resource=institutions&until=2024-01-01', []],
    ['resource=institutions&since=2200-01-01', []],
  ])('is filtered by %s', async (filters, expected) => {
    expect(things(entriesOf(await audit(`?${filters}`)))).toEqual(expected)
  })

  it('is paged, and a page further on is not moved by what is written meanwhile', async () => {
    const all = things(entriesOf(await audit(`?person=ESPANA001ORG`)))
    const seen: string[] = []
    let path: string | undefined = '/audit?person=ESPANA001ORG&limit=1'
    while (path !== undefined) {
      const page: Reply = await auditor.get(path)
      seen.push(...things(entriesOf(page)))
      path = /^<([^>]+)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1]
      await lab.patch('/encounters/e1', { reason: `${seen.length}` })
    }
    expect(seen).toEqual(all)
  })

  it('is streamed whole as NDJSON, the same entries', async () => {
    const reply = await auditor.get('/audit?resource=pols', { Accept: 'application/x-ndjson' })
    expect(reply.headers.get('content-type')).toBe('application/x-ndjson')
    const lines = reply.text.trimEnd().split('\n')
    expect(lines.map(line => JSON.parse(line))).toEqual(entriesOf(await audit('?resource=pols')))
  })

  it('is streamed as CSV that a spreadsheet can open and does not run', async () => {
    await hub.root.post('/people/ESPCSV001ORG', {}, { 'X-Request-Id': '=HYPERLINK("http://x")' })
    const reply = await auditor.get('/audit?person=ESPCSV001ORG', { Accept: 'text/csv' })
    expect(reply.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present')
    const [head, row, ...rest] = reply.text.split('\r\n')
    expect(head).toBe(
      'position,recordedAt,occurredAt,event,resource,id,revision,person,actorKind,actor,node,requestId,changes,erased',
    )
    expect(row).toContain(`,PersonRegistered,people,ESPCSV001ORG,0,ESPCSV001ORG,person,${rootAccount},,`)
    expect(row).toContain(`,"'=HYPERLINK(""http://x"")",`)
    expect(rest).toEqual([''])
  })

  it('is longer than a page when it is streamed', async () => {
    await Promise.all(
      Array.from({ length: 450 }, (_, n) => hub.root.post(`/domiciliary-units/u${n}`, { info: `${n}` })),
    )
    const query = '?resource=domiciliary-units'
    const reply = await auditor.get(`/audit${query}`, { Accept: 'application/x-ndjson' })
    const entries = reply.text
      .trimEnd()
      .split('\n')
      .map((line): Entry => JSON.parse(line))
    expect(new Set(entries.map(({ id }) => id)).size).toBe(450)
    expect(entries).toHaveLength(450)
  })

  it('ends a page early where the states that it compares are large', async () => {
    const ids = Array.from({ length: 12 }, (_, n) => `large-${n}`)
    const info = 'x'.repeat(880_000)
    for (const id of ids)
      await hub.root.post(`/encounters/${id}`, { person: 'ESPANA001ORG', start: '2024-01-01', info })
    for (const id of ids) await hub.root.delete(`/encounters/${id}`)
    const page = await audit('?resource=encounters&limit=1000')
    expect(entriesOf(page).length).toBeLessThan(12)
    expect(page.headers.get('link')).toContain('cursor=')
    const all = await auditor.get('/audit?resource=encounters', { Accept: 'application/x-ndjson' })
    const removals = all.text.split('\n').filter(line => line.includes('EncounterRemoved'))
    expect(removals).toHaveLength(12)
  })

  it('records nothing of what it refuses', async () => {
    const recordedAccesses = async () => entriesOf(await audit('?resource=accesses&limit=1000')).length
    const before = await recordedAccesses()
    await auditor.get('/audit?resource=people', { 'Thalamus-Min-Position': 'nonsense' })
    await audit('?since=yesterday')
    expect(await recordedAccesses()).toBe(before + 1)
  })

  it('gives what the client prefers, and says what it has where that is none of it', async () => {
    const typeOf = async (accept: string) =>
      (await auditor.get('/audit?resource=institutions', { Accept: accept })).headers.get('content-type')
    expect(await typeOf('text/csv;q=0.5, application/x-ndjson;q=0.9')).toBe('application/x-ndjson')
    expect(await typeOf('text/*;q=0.5, */*;q=0.1')).toMatch('text/csv')
    expect(await typeOf('*/*')).toBe('application/json')
    expect(await typeOf('application/json;q=0, text/csv')).toMatch('text/csv')
    const refused = await auditor.get('/audit', { Accept: 'image/png' })
    expect(refused.status).toBe(406)
    expect(refused.text).toContain('text/csv')
  })

  it.each([
    ['resource=nothing', 'resource'],
    ['since=yesterday', 'since'],
    ['since=2024-02-01&until=2024-01-01', 'until'],
    ['person=%3F', 'person'],
    ['limit=0', 'limit'],
    ['cursor=x', 'cursor'],
    ['who=me', 'who'],
    ['actor=a&actor=b', 'actor'],
  ])('refuses %s, and names what is wrong', async (query, parameter) => {
    const reply = await audit(`?${query}`)
    expect(reply.status).toBe(422)
    expect(reply.json).toMatchObject({ errors: [{ parameter }] })
  })

  it('is for auditors, root, and nodes with its scope only', async () => {
    const professional = await hub.person('ESPPRO001ORG', ['health_professional'])
    expect((await professional.get('/audit')).status).toBe(403)
    expect((await lab.get('/audit')).status).toBe(403)
    expect((await hub.nobody.get('/audit')).status).toBe(401)
    expect((await hub.root.get('/audit?limit=1')).status).toBe(200)
    const allowed = await enrolledNode(hub.url, hub.root, 'watchers', ['audit:read'])
    expect((await allowed.get('/audit?limit=1')).status).toBe(200)
  })
})
