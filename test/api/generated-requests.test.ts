import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { catalogue } from '../../domain/catalogue.ts'
import { scopes } from '../../domain/scopes.ts'
import { clientOf } from '../support/client.ts'
import { type GeneratedRequest, type Known, requestsFor } from '../support/generated.ts'
import { rootAccount, startTestHub, type TestHub } from '../support/hub.ts'
import { enroll, enrolledNode } from '../support/nodes.ts'
import { type DocumentedOperation, type OpenApi, readOpenApi } from '../support/openapi.ts'

const runs = 30
const ana = 'ESPGNU777ORG'
const self = 'ESPSELF000ORG'
const gone = 'ESPGONE000ORG'

let hub: TestHub
let api: OpenApi
/** Who asks: their clients, and who they are. */
let callers: readonly { readonly client: TestHub['root']; readonly id: string }[]
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
  await enroll(root, 'gral-hospital', ['people:read'])
  const node = await enrolledNode(hub.url, root, 'asker', scopes)
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
    ids: {
      person: people,
      page: ['41b9662b-8f85-412b-8254-8b854f6405c7', gone, '%FF'],
      id: [...people, ...catalogue.map(({ examples }) => examples.item.id), 'gral-hospital'],
    },
    headers: {
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

const send = async (
  operation: DocumentedOperation,
  request: GeneratedRequest,
): Promise<readonly string[]> => {
  const { client, id } = callers[request.who] ?? { client: hub.root, id: '' }
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
  for (const operation of api.operations)
    await fc.assert(
      fc.asyncProperty(requestsFor(api, operation, callers.length, known), async request => {
        expect(await send(operation, request), operation.name).toEqual([])
      }),
      { seed: 20_240_102, numRuns: runs },
    )
})
