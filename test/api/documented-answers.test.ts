import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pino from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import shippedRoles from '../../auth/roles.json' with { type: 'json' }
import { openCore } from '../../core.ts'
import { catalogue } from '../../domain/catalogue.ts'
import type { JsonObject } from '../../domain/json.ts'
import type { Resource } from '../../domain/resource.ts'
import { scopes } from '../../domain/scopes.ts'
import { startHub } from '../../main.ts'
import { basic, type Client, clientOf, type Reply } from '../support/client.ts'
import { right } from '../support/either.ts'
import { temporaryFolder } from '../support/folder.ts'
import { startTestHub, type TestHub, testConfig } from '../support/hub.ts'
import { enroll, enrolledNode } from '../support/nodes.ts'
import { type DocumentedOperation, type OpenApi, readOpenApi } from '../support/openapi.ts'
import { type Watch, watch } from '../support/watched.ts'

const folder = temporaryFolder()
const ana = 'ESPGNU777ORG'
const never = 'ESPNEVER00ORG'
const gone = 'ESPGONE000ORG'
const allScopes = 'node-of-all-scopes'
const minimal = { Prefer: 'return=minimal' }
const stale = { 'If-Match': '"99"' }

let hub: TestHub
let api: OpenApi
let seen: Watch
let root: Client
/** One that holds every scope. */
let node: Client
/** Of the node that asks for tokens. */
let secret: string

/** A path of an operation, with these in the places of its parameters. */
const at = ({ path }: DocumentedOperation, values: Readonly<Record<string, string>>): string =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name] ?? 'some-id')

const presentThing = ({ path }: DocumentedOperation) => ({
  person: ana,
  id: path.startsWith('/nodes')
    ? 'node-1'
    : path.startsWith('/people') || path.startsWith('/password')
      ? ana
      : 'some-id',
})

const documenting = (status: number, isOpen = false): readonly DocumentedOperation[] =>
  api.operations.filter(one => one.statuses.includes(status) && one.isOpen === isOpen)

/** Who may ask for it: root, unless it is for nodes only. */
const caller = ({ isForPeople }: DocumentedOperation): Client => (isForPeople ? root : node)

/** Asks for every operation whose document has a status, in a way that it comes from. */
const each = async (
  status: number,
  ask: (operation: DocumentedOperation) => Promise<Reply>,
  isOpen = false,
): Promise<void> => {
  for (const operation of documenting(status, isOpen))
    expect((await ask(operation)).status, operation.name).toBe(status)
}

/** Roles in which somebody may write about themselves, and nothing else. */
const rolesFile = (): string => {
  const endpoints = ['encounters', 'events', 'personaldocs']
  const self = { GET: endpoints, POST: endpoints, PATCH: endpoints, DELETE: endpoints, global: 'False' }
  const path = join(folder.path, 'roles.json')
  writeFileSync(path, JSON.stringify([...shippedRoles, { role: 'self', permissions: self }]))
  return path
}

beforeAll(async () => {
  hub = await startTestHub({
    ROLES_FILE: rolesFile(),
    MAX_CONTENT: String(512 * 1024),
    ALLOW_PRIVATE_WEBHOOKS: 'on',
  })
  api = await readOpenApi(hub.nobody)
  seen = watch(api)
  root = seen.over(hub.root)
  await hub.root.post(`/people/${ana}`, {})
  await hub.root.post(`/people/${gone}`, { active: false })
  await hub.root.delete(`/people/${gone}`)
  await hub.root.post('/institutions/gral-hospital', {})
  await enroll(hub.root, 'node-1', [])
  node = seen.over(await enrolledNode(hub.url, hub.root, allScopes, scopes))
  secret = await enroll(hub.root, 'token-taker', ['people:read'])
})
afterAll(async () => {
  await hub.close()
  folder.remove()
})

const whoAsks = async (): Promise<void> => {
  const nobody = seen.over(hub.nobody)
  await each(401, one => nobody.send(one.method, at(one, presentThing(one))))
  const nothing = seen.over(await enrolledNode(hub.url, hub.root, 'no-scopes', []))
  await each(403, one => nothing.send(one.method, at(one, presentThing(one))))
  const guesser = hub.as('ESPGUESS00ORG', 'wrong password')
  for (let n = 0; n < 10; n += 1) await guesser.get('/login')
  await each(429, one => seen.over(guesser).send(one.method, at(one, presentThing(one))))
}

/** A hub that has not read its log yet. */
const startingHub = async (): Promise<void> => {
  const starting = temporaryFolder()
  const logger = pino({ level: 'silent' })
  const core = await openCore(testConfig(starting.path), logger)
  const other = await startHub({ ...core, standing: { ...core.standing, isLive: () => false } }, logger)
  const client = seen.over(clientOf(other.url))
  await each(503, one => client.send(one.method, at(one, presentThing(one))))
  await each(503, one => client.send(one.method, at(one, presentThing(one))), true)
  await other.close()
  starting.remove()
}

const badRequests = async (): Promise<void> => {
  const send = (one: DocumentedOperation, headers: Readonly<Record<string, string>>, body: string) =>
    caller(one).send(
      one.method,
      at(one, presentThing(one)),
      one.method === 'GET' ? { headers } : { headers, body },
    )
  await each(400, one => send(one, { 'Content-Range': 'bytes 0-0/2' }, '{'))
  await each(413, one => send(one, {}, `{"v":"${'x'.repeat(2 * 1024 * 1024)}"}`))
  await each(415, one => send(one, { 'Content-Encoding': 'gzip' }, '{}'))
  const invalid = (one: DocumentedOperation, client: Client) =>
    one.method === 'GET'
      ? client.get(`${at(one, presentThing(one))}?none-such=1`)
      : send(one, { 'Idempotency-Key': 'a b' }, '[]')
  await each(422, one => invalid(one, caller(one)))
  await each(422, one => invalid(one, seen.over(hub.nobody)), true)
}

const contents = async (): Promise<void> => {
  const ofDocument = (id: string) => `/personal-documents/${id}/content`
  const made = async (id: string) => root.post(`/personal-documents/${id}`, { person: ana })
  await made('scan')
  await made('scan-gone')
  await root.delete('/personal-documents/scan-gone')
  const [scan, removed, none] = ['scan', 'scan-gone', 'scan-never'].map(ofDocument)
  const put = (path = '', headers: Readonly<Record<string, string>> = {}) =>
    root.send('PUT', path, { body: '0123456789', headers: { 'Content-Type': 'text/plain', ...headers } })
  expectAll(404, [await root.get(scan ?? ''), await put(none)])
  expect((await put(scan)).status).toBe(201)
  expectAll(200, [await put(scan), await root.get(scan ?? '')])
  expect((await put(scan, minimal)).status).toBe(204)
  expect((await root.get(scan ?? '', { Range: 'bytes=2-4' })).status).toBe(206)
  expect((await root.get(scan ?? '', { 'If-None-Match': '*' })).status).toBe(304)
  expectAll(410, [await root.get(removed ?? ''), await put(removed)])
  expectAll(412, [await root.get(scan ?? '', stale), await put(scan, stale)])
  expect((await root.get(scan ?? '', { Range: 'bytes=90-' })).status).toBe(416)
}

/** What a node sends to itself. */
const messages = async (): Promise<void> => {
  const [message, announced] = [
    { to: [allScopes], type: 'order', body: 1 },
    { to: [allScopes], type: 'scan', content: true },
  ]
  const sent = async (body: JsonObject) => (await node.post('/messages', body)).headers.get('location') ?? ''
  const [one, other] = [await sent(message), await sent(announced)]
  expectAll(201, [await node.post('/messages', message), await node.post('/messages', message, minimal)])
  expectAll(200, [
    await node.get('/messages'),
    await node.get(one),
    await node.get(`${one}/content`),
    await node.post('/messages/acks', { ids: ['never-was'] }),
  ])
  expect((await node.get('/messages', { Accept: 'image/png' })).status).toBe(406)
  expect((await node.get(one, { 'If-None-Match': '*' })).status).toBe(304)
  expect((await node.send('POST', `${one}/ack`)).status).toBe(204)
  const put = (path: string, headers = {}) => node.send('PUT', `${path}/content`, { body: 'bytes', headers })
  expectAll(404, [
    await node.get('/messages/never-was'),
    await node.get('/messages/never-was/content'),
    await put('/messages/never-was'),
    await node.send('POST', '/messages/never-was/ack'),
  ])
  const statuses = [await put(other), await put(other), await put(other, minimal), await put(one)]
  expect(statuses.map(({ status }) => status)).toEqual([201, 200, 204, 409])
  const { state } = await right(hub.core.messages.read(other.slice('/messages/'.length)))
  if (state.is === 'absent' || state.envelope.body === undefined) throw new Error('there is no content')
  await right(hub.core.messageBodies.remove(state.envelope.body.id))
  expect((await node.get(`${other}/content`)).status).toBe(410)
}

const subscriptions = async (): Promise<void> => {
  const asked = { url: 'http://127.0.0.1:9/', resources: ['people'] }
  const create = async () => (await node.post('/subscriptions', asked)).headers.get('location') ?? ''
  const [one, removed, never] = [await create(), await create(), '/subscriptions/never-was']
  expect((await node.post('/subscriptions', asked, stale)).status).toBe(412)
  expectAll(200, [
    await node.get('/subscriptions'),
    await node.get(one),
    await node.get(`${one}/dead-letters`),
    await node.patch(one, { status: 'paused' }),
    await node.send('POST', `${one}/test`),
  ])
  expect((await node.patch(one, { status: 'active' }, minimal)).status).toBe(204)
  expect((await node.send('POST', `${one}/secret`)).status).toBe(201)
  expect((await node.post(`${one}/dead-letters/replay`, {})).status).toBe(202)
  expectAll(412, [
    await node.patch(one, {}, stale),
    await node.delete(one, stale),
    await node.send('POST', `${one}/secret`, { headers: stale }),
    await node.post(`${one}/dead-letters/replay`, {}, stale),
  ])
  expect((await node.delete(removed)).status).toBe(204)
  for (const [path, status] of [
    [never, 404],
    [removed, 410],
  ] as const)
    expectAll(status, [
      await node.get(path),
      await node.get(`${path}/dead-letters`),
      await node.patch(path, {}),
      await node.delete(path),
      await node.send('POST', `${path}/secret`),
      await node.send('POST', `${path}/test`),
      await node.post(`${path}/dead-letters/replay`, {}),
    ])
  for (let n = 1; n < 100; n += 1) await create()
  expect((await node.post('/subscriptions', asked)).status).toBe(409)
}

/** A request for a token: a form. */
const token = async (parameters: Readonly<Record<string, string>>, by = secret): Promise<Reply> => {
  const body = new URLSearchParams({ grant_type: 'client_credentials', ...parameters }).toString()
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
  return seen.over(clientOf(hub.url, basic('token-taker', by))).send('POST', '/oidc/token', { headers, body })
}

const open = async (): Promise<void> => {
  const nobody = seen.over(hub.nobody)
  await each(200, one => (one.method === 'GET' ? nobody.get(one.path) : token({})), true)
  await each(304, one => nobody.get(one.path, { 'If-None-Match': '*' }), true)
  await each(400, () => token({ scope: 'people:fly' }), true)
  await each(401, () => token({}, 'wrong'), true)
  for (let n = 0; n < 10; n += 1) await token({}, `wrong ${n}`)
  await each(429, () => token({}, 'wrong again'), true)
}

const expectAll = (status: number, replies: readonly Reply[]) => {
  expect(replies.map(reply => reply.status)).toEqual(replies.map(() => status))
}

const lifeOf = async (resource: Resource, self: Client): Promise<void> => {
  const { name, ownerField, examples, lifecycle } = resource
  const { id: _, ...example } = examples.item
  const body: JsonObject = name === 'people' ? { ...example, active: false } : example
  const other: JsonObject = { ...body, note: 'of other content' }
  const collection = ownerField === undefined ? `/${name}` : `/${name}/${ana}`
  const item = (id: string) => `${collection}/${name === 'people' ? id.toUpperCase() : id}`
  const inCollection = (id: string) => ({ ...body, id: name === 'people' ? id.toUpperCase() : id })

  expectAll(201, [
    await root.post(item('one'), body),
    await root.put(item('two'), body),
    await root.post(collection, inCollection('three')),
  ])
  expectAll(200, [
    await root.post(item('one'), body),
    await root.put(item('two'), body),
    await root.post(collection, inCollection('three')),
    await root.patch(item('one'), examples.change),
    await root.get(item('one')),
    await root.get(collection),
  ])
  expectAll(204, [
    await root.post(item('two'), body, minimal),
    await root.put(item('two'), body, minimal),
    await root.post(collection, inCollection('three'), minimal),
    await root.patch(item('two'), { note: 'changed' }, minimal),
  ])
  expect((await root.get(item('one'), { 'If-None-Match': '*' })).status).toBe(304)
  expectAll(409, [
    await root.post(item('two'), other),
    await root.post(collection, { ...other, ...inCollection('three'), note: 'other' }),
  ])
  expectAll(412, [
    await root.post(item('two'), body, stale),
    await root.post(collection, inCollection('three'), stale),
    await root.put(item('two'), body, stale),
    await root.patch(item('two'), examples.change, stale),
    await root.delete(item('two'), stale),
  ])
  expectAll(404, [
    await root.get(item('never')),
    await root.patch(item('never'), examples.change),
    await root.delete(item('never')),
  ])
  if (lifecycle !== undefined) {
    expectAll(409, [
      await root.patch(item('one'), { status: 'open' }),
      await root.put(item('one'), { ...body, status: 'open' }),
      await root.delete(item('one')),
    ])
  } else if (resource.notRemovable !== undefined) {
    expect((await root.delete(`${collection}/${ana}`)).status).toBe(409)
  }
  // To whoever may write about themselves only, another's item is one that never was, under an id that is taken.
  if (resource.subjectField === 'person')
    expect((await self.put(item('two'), { ...body, person: 'ESPSELF000ORG' })).status).toBe(409)
  expect((await root.delete(item('two'))).status).toBe(204)
  expectAll(410, [
    await root.get(item('two')),
    await root.post(item('two'), body),
    await root.post(collection, inCollection('two')),
    await root.put(item('two'), body),
    await root.patch(item('two'), examples.change),
    await root.delete(item('two')),
  ])
  const removed = Number(
    (await root.get(`${item('two')}/history?limit=1`)).text.match(/"revision":(\d+)/)?.[1],
  )
  await pastOf(item('one'), { path: item('two'), revision: removed }, item('never'))
  expectAll(200, [
    await root.get(`${item('one')}?asOf=2200-01-01`),
    await root.get(`${collection}?asOf=2200-01-01`),
  ])
}

/** The history of a thing with two revisions, of one whose last revision is its removal, and of one that never was. */
const pastOf = async (
  path: string,
  removed: { path: string; revision: number } | undefined,
  never: string,
) => {
  expectAll(200, [
    await root.get(`${path}/history`),
    await root.get(`${path}/history/0`),
    await root.get(`${path}/diff?from=0&to=1`),
  ])
  expect((await root.get(`${path}/history/0`, { 'If-None-Match': '"0"' })).status).toBe(304)
  if (removed !== undefined)
    expect((await root.get(`${removed.path}/history/${removed.revision}`)).status).toBe(410)
  expectAll(404, [
    await root.get(`${never}/history`),
    await root.get(`${never}/history/0`),
    await root.get(`${never}/diff?from=0&to=1`),
  ])
}

const everything = async (): Promise<void> => {
  for (const path of ['/audit', '/feed']) {
    expect((await root.get(path)).status).toBe(200)
    expect((await root.get(path, { Accept: 'application/x-ndjson' })).status).toBe(200)
    expect((await root.get(path, { Accept: 'image/png' })).status).toBe(406)
  }
}

const booksOfOthers = async (): Promise<void> => {
  // The past of a page stays, whatever became of its person.
  const ofPerson = api.operations.filter(({ path }) => /\{person\}(\/\{\w+\})?$/.test(path))
  for (const operation of ofPerson)
    for (const [person, status] of [
      [never, 404],
      [gone, 410],
    ] as const) {
      const { method } = operation
      const send = method === 'GET' || method === 'DELETE' ? {} : { body: {} }
      expect((await root.send(method, at(operation, { person }), send)).status, operation.name).toBe(status)
    }
  for (const path of [`/personal_docs/${ana}`, `/personal_docs/${ana}/some-page`])
    expect((await root.get(path)).status).toBe(200)
}

const privileges = async (): Promise<void> => {
  const rootId = 'ARGBUE111FAV'
  for (const [part, body, refused] of [
    ['roles', { roles: ['end_user'] }, { roles: ['end_user'] }],
    ['active', { active: true }, { active: false }],
  ] as const) {
    expect((await root.put(`/people/${ana}/${part}`, body)).status).toBe(200)
    expect((await root.put(`/people/${ana}/${part}`, body, minimal)).status).toBe(204)
    expect((await root.put(`/people/${never}/${part}`, body)).status).toBe(404)
    expect((await root.put(`/people/${rootId}/${part}`, refused)).status).toBe(409)
    expect((await root.put(`/people/${gone}/${part}`, body)).status).toBe(410)
    expect((await root.put(`/people/${ana}/${part}`, body, stale)).status).toBe(412)
  }
  const reason = { reason: 'Request 12/2026' }
  await hub.root.post('/people/ESPFORGET0ORG', { active: false })
  const hold = '/people/ESPFORGET0ORG/hold'
  expectAll(204, [await root.put(hold, reason), await root.delete(hold)])
  expect((await root.post(`/people/${ana}/erasure`, reason)).status).toBe(409)
  expect((await root.post('/people/ESPFORGET0ORG/erasure', reason)).status).toBe(200)
  expectAll(410, [await root.put(hold, reason), await root.delete(hold)])
  expectAll(404, [
    await root.post(`/people/${never}/erasure`, reason),
    await root.put(`/people/${never}/hold`, reason),
    await root.delete(`/people/${never}/hold`),
  ])
  const password = { password: 'gnusolidario' }
  expect((await root.post(`/password/${ana}`, password)).status).toBe(204)
  const page = await root.get(`/password/${ana}`)
  const token = /name="token" value="([^"]*)"/.exec(page.text)?.[1] ?? ''
  const body = new URLSearchParams({ token, ...password, repeated: 'gnusolidario' }).toString()
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
  expectAll(200, [page, await root.send('POST', `/password/${ana}`, { body, headers })])
  expect((await root.send('POST', `/password/${ana}`, { body: 'token=x', headers })).status).toBe(403)
  expect((await root.get('/password/%20')).status).toBe(404)
  expect((await root.post(`/password/${never}`, password)).status).toBe(404)
  expect((await root.post(`/password/${gone}`, password)).status).toBe(410)
  expect((await root.post(`/password/${ana}`, password, stale)).status).toBe(412)
  expect((await root.get('/login')).status).toBe(200)
}

const nodes = async (): Promise<void> => {
  const body = { client_id: 'lab-1', name: 'Lab', scopes: ['people:read'] }
  const [node, none] = ['/nodes/lab-1', '/nodes/none-such']
  const nothing: JsonObject = {}
  expect((await root.post('/nodes', body)).status).toBe(201)
  expectAll(200, [await root.post('/nodes', body), await root.get('/nodes'), await root.get(node)])
  expect((await root.post('/nodes', body, minimal)).status).toBe(204)
  expect((await root.post('/nodes', { ...body, name: 'Other' })).status).toBe(409)
  expect((await root.get(node, { 'If-None-Match': '*' })).status).toBe(304)
  expect((await root.patch(node, { name: 'Laboratory' })).status).toBe(200)
  expect((await root.patch(node, { name: 'Laboratory' }, minimal)).status).toBe(204)
  expect((await root.put(`${node}/status`, { status: 'active' })).status).toBe(200)
  expect((await root.put(`${node}/status`, { status: 'active' }, minimal)).status).toBe(204)
  expect((await root.post(`${node}/secrets`, nothing)).status).toBe(201)
  expect((await root.post(`${node}/secrets`, nothing)).status).toBe(409)
  expectAll(412, [
    await root.post('/nodes', body, stale),
    await root.patch(node, { name: 'Lab' }, stale),
    await root.put(`${node}/status`, { status: 'suspended' }, stale),
    await root.post(`${node}/secrets`, nothing, stale),
    await root.delete(`${node}/secrets/old`, stale),
  ])
  expect((await root.delete(`${node}/secrets/old`)).status).toBe(204)
  expectAll(404, [
    await root.get(none),
    await root.patch(none, { name: 'Lab' }),
    await root.put(`${none}/status`, { status: 'active' }),
    await root.post(`${none}/secrets`, nothing),
    await root.delete(`${none}/secrets/old`),
  ])
  await pastOf(node, undefined, none)
  await root.put(`${node}/status`, { status: 'retired' })
  expectAll(409, [
    await root.patch(node, { name: 'Lab' }),
    await root.put(`${node}/status`, { status: 'active' }),
    await root.delete(`${node}/secrets/old`),
  ])
}

it('every documented answer of every operation is given, as the document has it, and no other', async () => {
  await whoAsks()
  await startingHub()
  await badRequests()
  const self = seen.over(await hub.person('ESPSELF000ORG', ['self']))
  for (const resource of catalogue) await lifeOf(resource, self)
  await booksOfOthers()
  await privileges()
  await nodes()
  await everything()
  await contents()
  await messages()
  await subscriptions()
  await open()
  const documented = Object.fromEntries(
    api.operations.map(({ name, statuses }) => [name, statuses.toSorted()]),
  )
  expect(seen.surprises()).toEqual([])
  expect(seen.seen()).toEqual(documented)
}, 240_000)
