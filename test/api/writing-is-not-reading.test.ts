import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import shippedRoles from '../../auth/roles.json' with { type: 'json' }
import type { Client, Reply } from '../support/client.ts'
import { temporaryFolder } from '../support/folder.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'
import { enrolledNode } from '../support/nodes.ts'

const folder = temporaryFolder()
const secretName = 'Ana the Secret'
const ana = '/people/ESPGNU777ORG'

/** Roles that write and do not read; one of them reads what is about its holder. */
const rolesFile = (): string => {
  const endpoints = [
    'person',
    'people',
    'page',
    'book',
    'encounters',
    'personaldocs',
    'roles',
    'active',
    'password',
  ]
  const writing = {
    POST: [...endpoints, 'nodes'],
    PATCH: [...endpoints, 'nodes'],
    DELETE: [...endpoints, 'nodes'],
  }
  const path = join(folder.path, 'roles.json')
  writeFileSync(
    path,
    JSON.stringify([
      ...shippedRoles,
      { role: 'writer', permissions: { GET: [], ...writing, global: 'True' } },
      { role: 'own_reader', permissions: { GET: ['encounters', 'person'], global: 'False' } },
    ]),
  )
  return path
}

let hub: TestHub
let node: Client
let writer: Client
beforeAll(async () => {
  hub = await startTestHub({ ROLES_FILE: rolesFile() })
  await hub.root.post(ana, { name: secretName })
  await hub.root.post('/institutions/hospital', {})
  node = await enrolledNode(hub.url, hub.root, 'writer', [
    'people:write',
    'pols:write',
    'encounters:write',
    'encounters:delete',
    'personal-documents:write',
  ])
  writer = await hub.person('ESPWRITE1ORG', ['writer', 'own_reader'])
})
afterAll(async () => {
  await hub.close()
  folder.remove()
})

const key = (text: string) => ({ 'Idempotency-Key': text })
const headersOf = ({ headers }: Reply, ...names: readonly string[]) => names.map(name => headers.get(name))

/** An answer without a body that tells revision and position. */
const expectEmpty = (reply: Reply, status: number, etag: string) => {
  expect([reply.status, reply.text, ...headersOf(reply, 'ETag')]).toEqual([status, '', etag])
  expect(reply.headers.get('Thalamus-Position')).not.toBeNull()
}

describe('who may write and not read', () => {
  it.each([
    ['a node', () => node],
    ['a person', () => writer],
  ])('%s is shown nothing of a person by a change, or by one that changes nothing', async (who, client) => {
    const before = (await hub.root.get(ana)).headers.get('ETag') ?? ''
    expectEmpty(await client().patch(ana, {}), 204, before)
    const changed = await client().patch(ana, { note: who }, key(`${who.length}`))
    expect([changed.status, changed.text]).toEqual([204, ''])
    const again = await client().patch(ana, { note: who }, key(`${who.length}`))
    expect([again.status, again.text, ...headersOf(again, 'ETag')]).toEqual([
      204,
      '',
      changed.headers.get('ETag'),
    ])
  })

  it('is shown nothing by repeating what created a thing', async () => {
    for (const client of [node, writer]) {
      const current = (await hub.root.get(ana)).headers.get('ETag') ?? ''
      expectEmpty(await client.post(ana, { name: secretName }), 204, current)
      const other = await client.post(ana, { name: 'Eva' })
      expect(other.status).toBe(409)
      expect((await client.patch(ana, {}, { 'If-Match': '"99"' })).status).toBe(412)
      for (const refused of [other, await client.put(ana, { name: 'Eva' }, { 'If-None-Match': '*' })])
        expect(refused.text).not.toContain('Secret')
    }
  })

  it.each([
    ['POST', '/people', { id: 'ESPNEW001ORG' }, '/people/ESPNEW001ORG'],
    ['POST', '/people/ESPNEW002ORG', {}, '/people/ESPNEW002ORG'],
    ['PUT', '/people/ESPNEW003ORG', {}, '/people/ESPNEW003ORG'],
    ['POST', '/pols/ESPGNU777ORG/p1', {}, '/pols/ESPGNU777ORG/p1'],
  ] as const)('is told where the new thing is, and no more: %s %s', async (method, path, body, location) => {
    const created = await node.send(method, path, { body, headers: key('k') })
    expectEmpty(created, 201, '"0"')
    expect(created.headers.get('Location')).toBe(location)
    const again = await node.send(method, path, { body, headers: key('k') })
    expectEmpty(again, 201, '"0"')
    expect(again.headers.get('Location')).toBe(location)
  })

  it('is shown nothing by an upload, and of what is uploaded', async () => {
    await hub.root.post('/personal-documents/d1', { person: 'ESPGNU777ORG', description: secretName })
    const put = (body: string) => node.send('PUT', '/personal-documents/d1/content', { body })
    const first = await put('0123456789')
    expectEmpty(first, 201, '"1"')
    expect(headersOf(first, 'Location', 'Content-Location')).toEqual([
      '/personal-documents/d1/content',
      '/personal-documents/d1',
    ])
    expectEmpty(await put('0123456789'), 204, '"1"')
    expectEmpty(await put('other bytes'), 204, '"2"')
  })

  it('is shown nothing by setting roles, active and password', async () => {
    await hub.root.post('/people/ESPROLE01ORG', { name: secretName })
    expectEmpty(await writer.put('/people/ESPROLE01ORG/roles', { roles: [] }), 204, '"1"')
    expectEmpty(await writer.put('/people/ESPROLE01ORG/active', { active: false }), 204, '"2"')
    const password = await writer.post('/password/ESPROLE01ORG', { password: 'gnusolidario' })
    expect([password.status, password.text]).toEqual([204, ''])
    const last = await writer.put('/people/ARGBUE111FAV/active', { active: false })
    expect([last.status, last.text.includes('root')]).toEqual([409, false])
  })

  it('is told nothing of the state that a thing is in', async () => {
    const encounter = (id: string) =>
      hub.root.post(`/encounters/${id}`, {
        person: 'ESPGNU777ORG',
        start: '2024-01-02T00:00:00Z',
        status: 'closed',
      })
    await encounter('e1')
    const refused = [
      await node.patch('/encounters/e1', { status: 'cancelled' }),
      await node.delete('/encounters/e1'),
    ]
    for (const { status, text } of refused) {
      expect(status).toBe(409)
      expect(text).not.toContain('closed')
    }
    const early = await node.patch('/encounters/e1', { end: '2023-01-01T00:00:00Z' })
    expect(early.status).toBe(422)
    expect(early.text).not.toContain('start')
    expect(early.json).toMatchObject({ errors: [{ pointer: '/end' }] })
    expect((await hub.root.patch('/encounters/e1', { status: 'cancelled' })).text).toContain('closed')
  })

  it('is still told what is wrong with a new thing', async () => {
    const refused = await node.post('/encounters/e2', {
      person: 'ESPGNU777ORG',
      start: '2024-01-02',
      institution: 'none-such',
    })
    expect(refused.status).toBe(422)
    expect(refused.text).toContain('names no institution')
  })

  it('but reads what is about itself, sees that', async () => {
    const person = 'ESPWRITE1ORG'
    const own = await writer.post('/encounters/own', { person, start: '2024-01-02' })
    expect([own.status, own.json]).toMatchObject([201, { person }])
    const others = await writer.post('/encounters/others', { person: 'ESPGNU777ORG', start: '2024-01-02' })
    expectEmpty(others, 201, '"0"')
    const self = await writer.patch(`/people/${person}`, { name: 'Me' })
    expect([self.status, self.json]).toMatchObject([200, { name: 'Me' }])
  })
})

describe('a node that manages nodes and does not read them', () => {
  let manager: Client
  beforeAll(async () => {
    manager = await enrolledNode(hub.url, hub.root, 'manager', ['nodes:write', 'pols:read'])
    await hub.root.post('/nodes', { client_id: 'lab', name: secretName, scopes: [] })
  })

  it('is shown the secret it was given, once, and nothing else', async () => {
    const body = { client_id: 'lab-2', name: 'Lab', scopes: [] }
    const enrolled = await manager.post('/nodes', body, key('enroll'))
    expect(enrolled.status).toBe(201)
    expect(enrolled.headers.get('Location')).toBe('/nodes/lab-2')
    expect(enrolled.headers.get('Cache-Control')).toBe('no-store')
    expect(enrolled.json).toEqual({ client_id: 'lab-2', client_secret: expect.any(String) })
    expectEmpty(await manager.post('/nodes', body, key('enroll')), 201, '"0"')
    expectEmpty(await manager.post('/nodes', body), 204, '"0"')
    const second = await manager.post('/nodes/lab/secrets', {}, key('second'))
    expect([second.status, second.json]).toEqual([
      201,
      { client_id: 'lab', client_secret: expect.any(String) },
    ])
    expectEmpty(await manager.post('/nodes/lab/secrets', {}, key('second')), 201, '"1"')
  })

  it('changes, suspends and reinstates without being shown a node', async () => {
    const keys = await manager.patch('/nodes/lab', {})
    expect([keys.status, keys.text]).toEqual([204, ''])
    for (const status of ['suspended', 'active']) {
      const set = await manager.put('/nodes/lab/status', { status })
      expect([set.status, set.text]).toEqual([204, ''])
    }
    await manager.put('/nodes/lab-2/status', { status: 'retired' })
    const refused = await manager.patch('/nodes/lab-2', { name: 'Other' })
    expect([refused.status, refused.text.includes('retired')]).toEqual([409, false])
  })
})
