import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { catalogue } from '../../domain/catalogue.ts'
import { scopes } from '../../domain/scopes.ts'
import { basic, type Client, clientOf } from '../support/client.ts'
import { type GeneratedRequest, type Known, requestsFor } from '../support/generated.ts'
import { rootAccount, startTestHub, type TestHub } from '../support/hub.ts'
import { enroll, enrolledNode } from '../support/nodes.ts'
import { type DocumentedOperation, type OpenApi, readOpenApi } from '../support/openapi.ts'

const runs = 50
const dates = ['2024-01-02', '2024-01-02T10:00:00Z', '2024-01-02 11:30:00.5', '2024-02-30']
const ana = 'ESPGNU777ORG'
const self = 'ESPSELF000ORG'
const gone = 'ESPGONE000ORG'

let hub: TestHub
let api: OpenApi
/** Who asks: their clients, and who they are. */
type Callers = readonly { readonly client: Client; readonly id: string }[]
let callers: Callers
/** Of what is for nodes only. */
let nodes: Callers
let tokenTakers: Callers
let known: Known

beforeAll(async () => {
  hub = await startTestHub()
  api = await readOpenApi(hub.nobody)
  const { root } = hub
  for (const { name, ownerField, examples } of catalogue) {
    const path = ownerField === undefined ? `/${name}` : `/${name}/${ana}`
    await root.post(`${path}/${examples.item.id}`, examples.item)
    await root.post(`${path}/${gone}`, { ...examples.item, id: gone, active: false })
    await root.delete(`${path}/${gone}`)
  }
  await root.send('PUT', '/personal-documents/doc-2024-0001/content', { body: '0123456789' })
  await enroll(root, 'gral-hospital', ['people:read'])
  const node = await enrolledNode(hub.url, root, 'asker', scopes)
  const secret = await enroll(root, 'token-taker', ['people:read'])
  // Nobody waits for a message where one is there.
  const sent = await node.post('/messages', { to: ['asker'], type: 'order', body: 1 })
  const message = (sent.headers.get('location') ?? '').slice('/messages/'.length)
  nodes = [
    { client: node, id: 'asker' },
    { client: node, id: 'asker' },
    { client: root, id: rootAccount },
    { client: hub.nobody, id: self },
  ]
  tokenTakers = [
    { client: clientOf(hub.url, basic('token-taker', secret)), id: '' },
    { client: hub.nobody, id: '' },
    { client: root, id: '' },
  ]
  const person = await hub.person(self, ['end_user'])
  const professional = await hub.person('ESPPROF00ORG', ['health_professional', 'auditor'])
  callers = [
    { client: root, id: rootAccount },
    { client: root, id: rootAccount },
    { client: node, id: 'asker' },
    { client: person, id: self },
    { client: professional, id: 'ESPPROF00ORG' },
    { client: hub.nobody, id: self },
    { client: clientOf(hub.url, 'Bearer none'), id: self },
  ]
  const { position } = (await hub.nobody.get('/readyz')).json as { position: string }
  const people = [ana, ana.toLowerCase(), gone, 'ESPNEVER00ORG', 'self', '%FF']
  known = {
    ids: ({ tag }) => {
      const resource = catalogue.find(({ name }) => name === tag)
      const example = resource?.examples.item.id ?? (tag === 'messages' ? message : 'gral-hospital')
      return {
        person: people,
        page: ['41b9662b-8f85-412b-8254-8b854f6405c7', gone, '%FF'],
        id: tag === 'people' || tag === 'password' ? people : [example, example, gone, 'none-such', '%FF'],
      }
    },
    members: {
      to: [['asker'], ['asker', 'gral-hospital']],
      ids: [[message], ['none-such', '%FF']],
      person: [ana, self],
      institution: ['gral-hospital'],
      roles: [['end_user'], ['health_professional', 'auditor'], []],
      active: [true, false],
      start: dates,
      date: dates,
      client_assertion: ['x.y.z'],
      grant_type: ['client_credentials'],
      scope: ['people:read', 'people:read pols:write', ''],
      resource: [hub.url],
      status: ['open', 'closed', 'active', 'suspended'],
    },
    headers: {
      Range: ['bytes=0-1', 'bytes=-1', 'bytes=9999999-', 'bytes=x', 'lines=1-2'],
      'If-Range': ['"0"', 'x'],
      'Content-Digest': ['sha-256=:AAAA:', 'md5=:AAAA:', 'x'],
      'Repr-Digest': ['sha-256=:AAAA:', 'x'],
      'If-Match': ['*', '"0"', '"1"', 'W/"0"', '"0", "1", "2"'],
      'If-None-Match': ['*', '"0"', 'W/"1"', 'x'],
      'Idempotency-Key': ['key-1', 'key-2', 'a b'],
      Prefer: ['return=minimal', 'respond-async', 'return=minimal, respond-async'],
      'Thalamus-Min-Position': [position, `${position}9999`, 'x'],
    },
  }
})
afterAll(() => hub.close())

/** What would lock the callers out: their own access is not theirs to play with here. */
const endsAccess = ({ method, path }: DocumentedOperation): boolean =>
  method === 'DELETE' || /^\/password|\/(roles|active)$/.test(path)

const callersOf = ({ path, isOpen, isForPeople }: DocumentedOperation): Callers => {
  if (path === '/oidc/token') return tokenTakers
  return isOpen || isForPeople ? callers : nodes
}

const send = async (
  operation: DocumentedOperation,
  request: GeneratedRequest,
): Promise<readonly string[]> => {
  const { client, id } = callersOf(operation)[request.who] ?? { client: hub.root, id: '' }
  const own = endsAccess(operation) ? ana : id
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = request.path[name] ?? ''
    return value === 'self' ? own : value === '%FF' ? value : encodeURIComponent(value)
  })
  const query = new URLSearchParams(
    request.query.map(([name, value]): [string, string] => [name, value]),
  ).toString()
  const reply = await client.send(
    request.isHead ? 'HEAD' : operation.method,
    query === '' ? path : `${path}?${query}`,
    { headers: request.headers, ...(request.body === undefined ? {} : { body: request.body }) },
  )
  return api.surprises(operation, reply)
}

it('no generated request is answered otherwise than the document says', async () => {
  expect(api.operations.length).toBeGreaterThan(60)
  const removing = (one: DocumentedOperation) => Number(one.method === 'DELETE')
  // What is removed first can be asked for nothing else.
  for (const operation of api.operations.toSorted((a, b) => removing(a) - removing(b)))
    await fc.assert(
      fc.asyncProperty(requestsFor(api, operation, callersOf(operation).length, known), async request => {
        expect(await send(operation, request), operation.name).toEqual([])
      }),
      { seed: 20_240_102, numRuns: runs },
    )
}, 240_000)
