import { Validator } from '@seriousme/openapi-schema-validator'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { routesOf } from '../../api/app.ts'
import type { ApiDependencies } from '../../api/dependencies.ts'
import { openPaths } from '../../api/open/routes.ts'
import { accessTable, type Method } from '../../auth/access-table.ts'
import { catalogue } from '../../domain/catalogue.ts'
import { isObject, type Json } from '../../domain/json.ts'
import { scopes } from '../../domain/scopes.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'
import { type OpenApi, readOpenApi } from '../support/openapi.ts'

let hub: TestHub
let api: OpenApi
beforeAll(async () => {
  hub = await startTestHub({ PUBLIC_URL: 'https://hub.example.org' })
  api = await readOpenApi(hub.nobody)
})
afterAll(() => hub.close())

/** Routes look at what they work with only when they are asked. */
const nothing = { nodes: {} } as unknown as ApiDependencies
const routes = routesOf(nothing)

describe('openapi.json', () => {
  it('is valid OpenAPI 3.1', async () => {
    const validator = new Validator()
    const { valid, errors } = await validator.validate({ ...api.document })
    expect(errors).toBeUndefined()
    expect([valid, validator.version]).toEqual([true, '3.1'])
  })

  it('is open, to HEAD too, and not sent again to whom has it', async () => {
    const first = await hub.nobody.get('/openapi.json')
    expect([first.status, first.headers.get('Content-Type')]).toEqual([200, 'application/json'])
    const tag = first.headers.get('ETag') ?? ''
    expect((await hub.nobody.get('/openapi.json', { 'If-None-Match': `W/${tag}` })).status).toBe(304)
    const head = await hub.nobody.send('HEAD', '/openapi.json')
    expect([head.status, head.text, head.headers.get('ETag')]).toEqual([200, '', tag])
    expect((await hub.nobody.send('POST', '/openapi.json')).status).toBe(405)
    expect((await hub.nobody.get('/openapi.json?x=1')).status).toBe(422)
  })

  it('has every path and method of the hub, and no other', () => {
    const named = (path: string) => path.replaceAll(/:(\w+)/g, '{$1}')
    const served = [
      ...routes.flatMap(({ path, operations }) => Object.keys(operations).map(method => `${method} ${path}`)),
      ...openPaths({ ...nothing, publicUrl: '' }, routes).map(({ path }) => `GET ${path}`),
      'GET /oidc/.well-known/openid-configuration',
      'GET /.well-known/oauth-authorization-server/oidc',
      'GET /oidc/jwks',
      'POST /oidc/token',
    ].map(named)
    // What the page at /docs loads is a part of it.
    const own = served.filter(name => !name.startsWith('GET /docs/'))
    expect(api.operations.map(({ name }) => name).sort()).toEqual(own.sort())
  })

  it('says of each group of paths what it is about', () => {
    const tags = api.document.tags as readonly { readonly name: string; readonly description?: string }[]
    expect(tags.filter(({ description }) => description === undefined)).toEqual([])
  })

  it('links each type of problem to what the page at /docs says of it', () => {
    const { responses } = api.document.components as { responses: Record<string, { description: string }> }
    const descriptions = Object.values(responses).map(({ description }) => description)
    for (const name of ['not-found', 'invalid', 'stale-revision'])
      expect(
        descriptions.some(text => text.includes(`[\`${name}\`](/docs#${name})`)),
        name,
      ).toBe(true)
  })

  it('names the parameters of each path', () => {
    for (const { path, parameters } of api.operations) {
      const inPath = parameters.filter(one => one.in === 'path').map(({ name }) => `{${name}}`)
      expect(inPath).toEqual(path.match(/\{\w+\}/g) ?? [])
    }
  })

  it('gives each parameter a type: clients are generated from it', () => {
    const typeless = api.operations.flatMap(({ name, parameters }) =>
      parameters.filter(({ schema }) => schema.type === undefined).map(one => `${name} ${one.name}`),
    )
    expect(typeless).toEqual([])
  })

  it('says for each operation who may, by the table', () => {
    for (const [path, { grants }] of accessTable)
      for (const [method, { people, scopes, anyScope = [] }] of Object.entries(grants)) {
        const item = api.resolve(
          (api.document.paths as Record<string, Json>)[path.replaceAll(/:(\w+)/g, '{$1}')],
        )
        const { security } = item[method.toLowerCase() as Lowercase<Method>] as { security: unknown[] }
        expect(security, `${method} ${path}`).toEqual([
          ...(people === 'nobody' ? [] : [{ basic: [] }]),
          ...(scopes === undefined ? [] : [{ oauth2: scopes }]),
          ...anyScope.map(scope => ({ oauth2: [scope] })),
        ])
      }
  })

  it('has the filters of each resource as parameters of its list', () => {
    for (const { name, ownerField, filters } of catalogue) {
      const path = ownerField === undefined ? `/${name}` : `/${name}/{person}`
      const list = api.operations.find(one => one.name === `GET ${path}`)
      const taken = list?.parameters.filter(one => one.in === 'query').map(one => one.name)
      expect(taken).toEqual(expect.arrayContaining(['limit', 'cursor', 'order', ...Object.keys(filters)]))
    }
  })

  it('is about this hub: where it is, where tokens come from, and every scope', () => {
    expect(api.document.servers).toEqual([{ url: 'https://hub.example.org' }])
    expect(api.document).toMatchObject({
      components: {
        securitySchemes: {
          oauth2: { flows: { clientCredentials: { tokenUrl: 'https://hub.example.org/oidc/token' } } },
        },
      },
    })
    const { components } = api.document as {
      components: { securitySchemes: { oauth2: { flows: { clientCredentials: { scopes: object } } } } }
    }
    expect(Object.keys(components.securitySchemes.oauth2.flows.clientCredentials.scopes)).toEqual(scopes)
  })

  it('has only good examples, of every resource', () => {
    const { schemas, responses } = api.document.components as Record<string, Record<string, Json>>
    let tried = 0
    const good = (schema: Json | undefined, example: unknown) => {
      tried += 1
      expect(api.errorsOf(api.resolve(schema), example), JSON.stringify(example)).toEqual([])
    }
    for (const schema of Object.values(schemas ?? {}))
      for (const example of (api.resolve(schema).examples ?? []) as Json[]) good(schema, example)
    for (const response of Object.values(responses ?? {})) {
      const { content } = api.resolve(response) as {
        content: Record<string, { examples: Record<string, { value: Json }> }>
      }
      for (const { value } of Object.values(content['application/problem+json']?.examples ?? {}))
        good(schemas?.Problem, value)
    }
    expect(tried).toBeGreaterThan(40)
    for (const { noun } of catalogue) {
      const name = `${noun.charAt(0).toUpperCase()}${noun.slice(1)}`
      for (const schema of [name, `New${name}`, `${name}Patch`])
        expect(api.resolve(schemas?.[schema]).examples).toHaveLength(1)
    }
  })

  it('does not let a patch take away what an item must have', () => {
    const { schemas } = api.document.components as Record<string, Record<string, Json>>
    for (const { noun, required, ownerField } of catalogue) {
      const patch = schemas?.[`${noun.charAt(0).toUpperCase()}${noun.slice(1)}Patch`]
      for (const field of ['id', ...(ownerField === undefined ? [] : [ownerField]), ...required])
        expect(api.errorsOf(api.resolve(patch), { [field]: null }), `${noun} ${field}`).not.toEqual([])
    }
  })

  it.each(catalogue.map(({ name }) => name))(
    'has an example of %s that the hub takes, and answers as it says',
    async name => {
      const { examples, ownerField, subjectField } =
        catalogue.find(one => one.name === name) ?? catalogue[0] ?? never()
      if (name !== 'people') await hub.root.post('/people/ESPGNU777ORG', {})
      if (subjectField === 'person') await hub.root.post('/institutions/gral-hospital', {})
      const { id, ...rest } = examples.item
      const path = ownerField === undefined ? `/${name}/${id}` : `/${name}/ESPGNU777ORG/${id}`
      await hub.root.delete(path)
      const made = await hub.root.post(path, { ...rest, id })
      expect(made.status, made.text).toBeLessThan(300)
      expect((await hub.root.patch(path, examples.change)).status).toBe(200)
    },
  )
})

describe('a hub for the original’s portal', () => {
  it('says how its lists are nested, and how long they are', async () => {
    const legacy = await startTestHub({ LEGACY_LISTS: 'on' })
    const described = await readOpenApi(legacy.nobody)
    for (const [name, isNested] of [
      ['GET /people', true],
      ['GET /nodes', false],
    ] as const) {
      const operation = described.operations.find(one => one.name === name) ?? never()
      const reply = await legacy.root.get(operation.path)
      expect(described.surprises(operation, reply)).toEqual([])
      expect(operation.parameters.find(one => one.name === 'limit')?.schema.default).toBe(
        isNested ? 1_000 : 100,
      )
      if (isNested) expect(api.surprises(operation, reply)).not.toEqual([])
    }
    await legacy.close()
  })
})

const never = (): never => {
  throw new Error('no such resource')
}

describe('a word of people and pages', () => {
  it('is documented by those that are known, and may be another one', () => {
    const { schemas } = api.document.components as { schemas: Record<string, Json> }
    for (const [name, field, word] of [
      ['NewPerson', 'gender', 'nb'],
      ['NewPage', 'page_type', 'demographical'],
      ['NewPage', 'domain', 'lifestyle'],
      ['NewPage', 'medical_context', 'self_monitoring'],
      ['NewPage', 'social_context', 'stress'],
      ['NewPage', 'context', 'social_activities'],
      ['NewPage', 'relevance', 'important'],
    ] as const) {
      const schema = api.resolve(schemas[name])
      expect(JSON.stringify(api.resolve(schema.properties)[field])).toContain(word)
      for (const good of [word, 'another one', '', null])
        expect(api.errorsOf(schema, { [field]: good }), `${field} ${good}`).toEqual([])
      for (const bad of [5, 'x'.repeat(201)]) expect(api.errorsOf(schema, { [field]: bad })).not.toEqual([])
    }
  })

  it('is not the only thing that may be empty: dates may, of people and pages', () => {
    const { schemas } = api.document.components as { schemas: Record<string, Json> }
    const errors = (name: string, body: Json) => api.errorsOf(api.resolve(schemas[name]), body)
    expect(errors('NewPerson', { dob: '', address: 'Calle Mayor 12', contact: {} })).toEqual([])
    expect(errors('NewPage', { page_date: '' })).toEqual([])
    expect(errors('NewEncounter', { person: 'ANA', start: '' })).not.toEqual([])
    expect(errors('NewPerson', { address: 5 })).not.toEqual([])
  })
})

describe('an error in the documentation', () => {
  it('is found: a schema refuses what it must', () => {
    const { schemas } = api.document.components as { schemas: Record<string, Json> }
    for (const [name, wrong] of [
      ['Person', { name: 'Ana' }],
      ['NewPerson', { dob: 'soon' }],
      ['NewUnit', { dwelling: 'zz' }],
      ['NewEncounter', { person: null, start: '2024-01-02' }],
      ['PagePatch', { page_date: 'soon' }],
      ['NewNode', { name: 'x', scopes: ['people:fly'] }],
      ['Roles', { roles: [], more: 1 }],
      ['Problem', { type: 'about:blank', title: 'x', status: 404, detail: 'x' }],
    ] as const)
      expect(api.errorsOf(api.resolve(schemas[name]), wrong)).not.toEqual([])
    expect(isObject(schemas.Person)).toBe(true)
  })
})
