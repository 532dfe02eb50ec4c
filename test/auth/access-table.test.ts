import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { routesOf } from '../../api/app.ts'
import type { ApiDependencies } from '../../api/dependencies.ts'
import { accessTable, type Method } from '../../auth/access-table.ts'
import { isScope, scopes } from '../../domain/scopes.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'
import { enrolledNode } from '../support/nodes.ts'

/** Routes look at what they work with only when they are asked. */
const nothing = { nodes: {} }
const routes = routesOf(nothing as unknown as ApiDependencies)
const entries = [...accessTable].flatMap(([path, { grants }]) =>
  Object.entries(grants).map(([method, grant]) => ({ path, method: method as Method, grant })),
)

describe('the table of who may', () => {
  it('has every method of every route, and nothing else', () => {
    const inTable = entries.map(({ path, method }) => `${method} ${path}`).sort()
    const inRoutes = routes.flatMap(({ path, operations }) =>
      Object.keys(operations).map(method => `${method} ${path}`),
    )
    expect(inTable).toEqual(inRoutes.sort())
  })

  it('names only scopes that a node can hold', () => {
    for (const { grant } of entries)
      for (const scope of [...(grant.scopes ?? []), ...(grant.anyScope ?? [])])
        expect(isScope(scope)).toBe(true)
  })
})

describe('a node', () => {
  let hub: TestHub
  beforeAll(async () => {
    hub = await startTestHub()
    await hub.root.post('/people/ESPACC001ORG', {})
  })
  afterAll(() => hub.close())

  const concrete = (path: string) =>
    path
      .replace('/nodes/:id', '/nodes/none')
      .replace(':person', 'ESPACC001ORG')
      .replace(':page', 'any')
      .replace(':id', 'ESPACC001ORG')
  const statuses = async (held: readonly string[], clientId: string) => {
    const client = await enrolledNode(hub.url, hub.root, clientId, held)
    const opened: string[] = []
    for (const { path, method } of entries) {
      const { status } = await client.send(method, concrete(path), method === 'GET' ? {} : { body: '{' })
      if (status !== 403) opened.push(`${method} ${path}`)
    }
    return opened.sort()
  }

  it('is opened exactly what its scopes open, and nothing without one', async () => {
    expect(await statuses([], 'no-scopes')).toEqual([])
    const each = [
      'people:read',
      'people:write',
      'pols:read',
      'pols:write',
      'nodes:read',
      'messages:send',
      'messages:read',
    ]
    for (const scope of [...each, 'encounters:delete', 'institutions:write', 'personal-documents:read']) {
      const expected = entries.filter(
        ({ grant }) =>
          grant.scopes?.every(needed => needed === scope) || grant.anyScope?.some(one => one === scope),
      )
      expect(await statuses([scope], scope.replace(':', '-'))).toEqual(
        expected.map(({ path, method }) => `${method} ${path}`).sort(),
      )
    }
  })

  it('with every scope is still no person', async () => {
    const client = await enrolledNode(hub.url, hub.root, 'all-scopes', scopes)
    expect((await client.get('/login')).status).toBe(403)
    expect((await client.put('/people/ESPACC001ORG/roles', { roles: [] })).status).toBe(403)
    expect((await client.put('/people/ESPACC001ORG/active', { active: false })).status).toBe(403)
    expect((await client.post('/password/ESPACC001ORG', { password: 'gnusolidario' })).status).toBe(403)
  })
})
