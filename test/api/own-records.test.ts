import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import shipped from '../../auth/roles.json' with { type: 'json' }
import type { Client } from '../support/client.ts'
import { temporaryFolder } from '../support/folder.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'
import { enrolledNode } from '../support/nodes.ts'

/** A role that is not global, and may do everything about its holder; and one that may only change. */
const endpoints = ['encounters', 'events', 'personaldocs', 'poldocs', 'institutions']
const own = { GET: endpoints, POST: endpoints, PATCH: endpoints, DELETE: endpoints, global: 'False' }
const roles = [
  ...shipped,
  { role: 'keeper', permissions: own },
  { role: 'corrector', permissions: { ...own, POST: [], DELETE: [] } },
]

const [ana, eva] = ['ESPGNU777ORG', 'ESPEVA001ORG']
const folder = temporaryFolder()
let hub: TestHub
let reader: Client
let keeper: Client
let corrector: Client
beforeAll(async () => {
  const file = join(folder.path, 'roles.json')
  writeFileSync(file, JSON.stringify(roles))
  hub = await startTestHub({ ROLES_FILE: file })
  reader = await hub.person(ana, ['end_user'])
  keeper = await hub.person('ESPKEE001ORG', ['keeper'])
  corrector = await hub.person('ESPCOR001ORG', ['corrector'])
  await hub.root.post(`/people/${eva}`, {})
})
afterAll(async () => {
  await hub.close()
  folder.remove()
})

const bodies = {
  encounters: { start: '2024-01-02' },
  events: { type: 'immunization', date: '2024-01-02' },
  'personal-documents': { type: 'report', page: 'p1' },
}
const idsOf = (json: unknown) => (json as { id: string }[]).map(({ id }) => id).sort()
const listed = async (client: Client, path: string) => idsOf((await client.get(path)).json)

describe.each(Object.entries(bodies))('%s', (collection, body) => {
  const path = (id: string) => `/${collection}/${id}`
  beforeAll(async () => {
    for (const [id, person] of [
      ['evas', eva],
      ['gone', eva],
      ['anas', ana],
      ['anas-gone', ana],
      ['kept', 'ESPKEE001ORG'],
      ['corrected', 'ESPCOR001ORG'],
    ])
      await hub.root.post(path(id ?? ''), { ...body, person: person ?? null })
    for (const id of ['gone', 'anas-gone']) await hub.root.delete(path(id))
  })

  it('are one’s own where a role is not global: those of others never were', async () => {
    expect((await reader.get(path('anas'))).json).toMatchObject({ person: ana })
    expect((await reader.get(path('anas-gone'))).status).toBe(410)
    const never = await reader.get(path('never'))
    for (const id of ['evas', 'gone']) {
      const hidden = await reader.get(path(id))
      expect([hidden.status, hidden.text]).toEqual([404, never.text])
      for (const tag of ['"0"', '"1"', '*'])
        expect((await reader.get(path(id), { 'If-None-Match': tag })).status).toBe(404)
    }
  })

  it('are listed as far as they are one’s own', async () => {
    expect(await listed(reader, `/${collection}`)).toEqual(['anas'])
    expect(await listed(reader, `/${collection}?person=espgnu777org`)).toEqual(['anas'])
    for (const query of [`person=${eva}`, 'person=', `person=${ana}&person=${eva}`, `limit=0&person=${eva}`])
      expect((await reader.get(`/${collection}?${query}`)).status).toBe(403)
    for (const query of [`type=x?&person=${eva}`, `institution=?&person=${eva}`, `?&person=${eva}`])
      expect((await reader.get(`/${collection}?${query}`)).status).toBe(403)
    expect((await reader.get(`/${collection}?limit=0`)).status).toBe(422)
    expect((await reader.get(`/${collection}?person=${ana}&person=${ana}`)).status).toBe(422)
    expect(await listed(hub.root, `/${collection}?person=${eva}`)).toEqual(['evas'])
  })

  it('are only read where a role only reads them', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
      expect((await reader.send(method, path('anas'), { body: '{' })).status).toBe(403)
    expect((await reader.post(`/${collection}`, { ...body, person: ana })).status).toBe(403)
  })

  it('are made for oneself only', async () => {
    const hers = { ...body, person: 'ESPKEE001ORG' }
    expect((await keeper.post(`/${collection}`, hers)).status).toBe(201)
    expect((await keeper.put(path('kept-2'), hers)).status).toBe(201)
    expect((await keeper.put(path('kept-2'), { ...hers, note: 'x' })).status).toBe(200)
    for (const refused of [
      await keeper.post(`/${collection}`, { ...body, person: eva }),
      await keeper.post(path('new'), { ...body, person: eva }),
      await keeper.put(path('new'), { ...body, person: 'ESPNEVER1ORG' }),
      await keeper.patch(path('kept'), { person: eva }),
      await keeper.put(path('kept'), { ...body, person: eva }),
    ])
      expect([refused.status, refused.json]).toMatchObject([
        403,
        { type: 'urn:thalamus:problem:field-not-allowed' },
      ])
    expect((await hub.root.get(path('new'))).status).toBe(404)
    expect((await hub.root.get(path('kept'))).json).toMatchObject({ person: 'ESPKEE001ORG' })
  })

  it('keep their ids: a taken one is taken for everybody', async () => {
    const hers = { ...body, person: 'ESPKEE001ORG' }
    for (const said of [hers, { ...body, person: eva }, { ...body, person: eva, id: 'evas' }]) {
      expect((await keeper.post(path('evas'), said)).status).toBe(409)
      expect((await keeper.post(`/${collection}`, { ...said, id: 'evas' })).status).toBe(409)
      expect((await keeper.put(path('evas'), said)).status).toBe(409)
    }
    expect((await keeper.post(path('gone'), hers)).status).toBe(410)
    expect((await hub.root.get(path('evas'))).json).toMatchObject({ person: eva })
  })

  it('of others are neither changed nor removed: they never were', async () => {
    const never = await keeper.patch(path('never'), { note: 'x' })
    for (const id of ['evas', 'gone']) {
      for (const headers of [{}, { 'If-Match': '"0"' }, { 'If-Match': '"7"' }]) {
        const hidden = await keeper.patch(path(id), { note: 'x' }, headers)
        expect([hidden.status, hidden.text]).toEqual([404, never.text])
        expect((await keeper.delete(path(id), headers)).status).toBe(404)
      }
      expect((await keeper.patch(path(id), { person: 'ESPKEE001ORG' })).status).toBe(404)
    }
    expect((await keeper.delete(path('kept'))).status).toBe(204)
    expect((await keeper.delete(path('kept'))).status).toBe(410)
    expect((await hub.root.get(path('evas'))).headers.get('ETag')).toBe('"0"')
  })

  it('of others are not shown again to whoever wrote them while that was allowed', async () => {
    const account = `ESP-${collection.toUpperCase()}`
    const key = (text: string) => ({ 'Idempotency-Key': text })
    const former = await hub.person(account, ['health_professional'])
    const create = () => former.post(path('once'), { ...body, person: eva }, key('made'))
    const change = () => former.patch(path('once'), { note: 'x' }, key('changed'))
    for (const send of [create, create, change, change]) expect((await send()).status).toBeLessThan(300)
    await hub.root.put(`/people/${account}/roles`, { roles: ['keeper'] })
    for (const send of [create, change]) expect((await send()).status).toBe(404)
  })

  it('are put by whoever may only change them where they are there and one’s own', async () => {
    const his = { ...body, person: 'ESPCOR001ORG' }
    expect((await corrector.put(path('corrected'), { ...his, note: 'x' })).status).toBe(200)
    for (const id of ['never', 'evas', 'gone']) expect((await corrector.put(path(id), his)).status).toBe(403)
  })

  it('are open to a node by its scopes, whoever’s they are', async () => {
    const node = await enrolledNode(hub.url, hub.root, `reads-${collection}`, [`${collection}:read`])
    expect((await node.get(path('evas'))).status).toBe(200)
    expect((await node.patch(path('evas'), {})).status).toBe(403)
  })
})

describe('what is nobody’s', () => {
  it('is open to any role that lists it, global or not', async () => {
    expect((await keeper.post('/institutions/hers', { name: 'A' })).status).toBe(201)
    expect((await keeper.patch('/institutions/hers', { name: 'B' })).status).toBe(200)
    expect((await reader.get('/institutions/hers')).json).toMatchObject({ name: 'B' })
    expect((await reader.get('/institutions')).json).toHaveLength(1)
    expect((await reader.get('/domiciliary-units')).status).toBe(403)
    expect((await reader.patch('/institutions/hers', {})).status).toBe(403)
  })
})
