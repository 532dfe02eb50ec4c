import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { catalogue } from '../../domain/catalogue.ts'
import type { Filter } from '../../domain/filter.ts'
import { type JsonObject, member } from '../../domain/json.ts'
import type { Reply } from '../support/client.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'

/** An item of each resource, with every field that a filter or an order looks at, and a change to it. */
const examples: Readonly<Record<string, { readonly body: JsonObject; readonly change: JsonObject }>> = {
  people: {
    body: { name: 'Ana', lastname: 'Betz', gender: 'f', dob: '1985-10-04', active: false },
    change: { lastname: 'Bétz' },
  },
  pols: {
    body: {
      page_date: '2024-01-02T03:04:05',
      page_type: 'medical',
      medical_context: 'encounter',
      relevance: 'important',
    },
    change: { summary: 'A visit' },
  },
  'domiciliary-units': { body: { name: 'GC-001', dwelling: 'apartment' }, change: { bedrooms: 3 } },
  institutions: { body: { name: 'General Hospital', institution_type: 'hospital' }, change: { beds: 900 } },
  encounters: {
    body: { person: 'ESPGNU777ORG', institution: 'gral', status: 'open', start: '2024-01-02 10:00' },
    change: { reason: 'fever' },
  },
  events: {
    body: { person: 'ESPGNU777ORG', type: 'immunization', date: '2024-01-02', institution: 'gral' },
    change: { note: 'second dose' },
  },
  'personal-documents': {
    body: { person: 'ESPGNU777ORG', page: 'p1', type: 'report' },
    change: { description: 'of the laboratory' },
  },
}

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
  for (const person of ['ESPGNU777ORG', 'ESPMANY00ORG']) await hub.root.post(`/people/${person}`, {})
  await hub.root.post('/institutions/gral', { name: 'General Hospital' })
})
afterAll(() => hub.close())

/** Every write is sent twice: a sender that heard no answer sends again. */
const twice = async (
  method: string,
  path: string,
  body: JsonObject | undefined,
  headers: Readonly<Record<string, string>> = {},
): Promise<readonly [Reply, Reply]> => {
  const send = { headers, ...(body === undefined ? {} : { body }) }
  return [await hub.root.send(method, path, send), await hub.root.send(method, path, send)]
}
const statuses = (replies: readonly Reply[]) => replies.map(({ status }) => status)
const tags = (replies: readonly Reply[]) => replies.map(({ headers }) => headers.get('ETag'))
const idsOf = ({ json }: Reply) => (json as { id: string }[]).map(({ id }) => id)
const next = ({ headers }: Reply) => /^<([^>]+)>; rel="next"$/.exec(headers.get('Link') ?? '')?.[1]

it('every resource has an example here', () => {
  expect(Object.keys(examples).sort()).toEqual(catalogue.map(({ name }) => name).sort())
})

describe.each(catalogue.map(resource => [resource.name, resource] as const))('%s', (name, resource) => {
  const { body, change } = examples[name] ?? { body: {}, change: {} }
  const collection = resource.ownerField === undefined ? `/${name}` : `/${name}/ESPGNU777ORG`
  const idOf = (suffix: string) => (name === 'people' ? `ESPCAT-${suffix.toUpperCase()}` : suffix)
  const created = async (suffix: string, more: JsonObject = {}): Promise<string> => {
    const path = `${collection}/${idOf(suffix)}`
    expect((await hub.root.post(path, { ...body, ...more })).status).toBe(201)
    return path
  }

  it('are created once, and recognised when they come again', async () => {
    const path = `${collection}/${idOf('one')}`
    const replies = await twice('POST', path, body)
    expect(statuses(replies)).toEqual([201, 200])
    expect(tags(replies)).toEqual(['"0"', '"0"'])
    expect(replies[0].headers.get('Location')).toBe(path)
    expect(replies[0].json).toMatchObject({ ...body, id: idOf('one') })
    const read = await hub.root.get(path)
    expect([read.text, read.headers.get('ETag')]).toEqual([replies[1].text, '"0"'])
    expect(statuses(await twice('POST', collection, { ...body, id: idOf('two') }))).toEqual([201, 200])
    expect(statuses(await twice('POST', path, { ...body, ...change }))).toEqual([409, 409])
  })

  it('are answered the same again with the same key', async () => {
    const key = { 'Idempotency-Key': `key-${name}` }
    const replies = await twice('POST', collection, { ...body, id: idOf('keyed') }, key)
    expect(statuses(replies)).toEqual([201, 201])
    expect(replies[1].text).toBe(replies[0].text)
  })

  it('are changed by a patch, once', async () => {
    const path = await created('patched')
    const replies = await twice('PATCH', path, change)
    expect([...statuses(replies), ...tags(replies)]).toEqual([200, 200, '"1"', '"1"'])
    expect((await hub.root.get(path)).json).toMatchObject({ ...body, ...change })
    const [first = ''] = Object.keys(change)
    expect((await hub.root.patch(path, { [first]: null })).json).not.toHaveProperty(first)
  })

  it('are not changed at another revision than the one that was read', async () => {
    const path = await created('stale')
    const replies = await twice('PATCH', path, change, { 'If-Match': '"0"' })
    expect(statuses(replies)).toEqual([200, 412])
    expect(statuses(await twice('PUT', path, body, { 'If-Match': '"0"' }))).toEqual([412, 412])
    expect(statuses(await twice('DELETE', path, undefined, { 'If-Match': '"0"' }))).toEqual([412, 412])
  })

  it('are put: made, replaced, and left alone', async () => {
    const path = `${collection}/${idOf('put')}`
    expect(statuses(await twice('PUT', path, body))).toEqual([201, 200])
    expect(tags(await twice('PUT', path, { ...body, ...change }))).toEqual(['"1"', '"1"'])
    expect((await hub.root.put(path, body)).json).toMatchObject(body)
    expect(statuses(await twice('PUT', path, body, { 'If-None-Match': '*' }))).toEqual([412, 412])
  })

  it('are gone once they are removed', async () => {
    const path = await created('gone')
    expect(statuses(await twice('DELETE', path, undefined))).toEqual([204, 410])
    for (const [method, sent] of [
      ['GET', undefined],
      ['POST', body],
      ['PUT', body],
      ['PATCH', change],
    ] as const)
      expect(statuses(await twice(method, path, sent))).toEqual([410, 410])
    expect(idsOf(await hub.root.get(`${collection}?limit=1000`))).not.toContain(idOf('gone'))
  })

  it('never were', async () => {
    const path = `${collection}/${idOf('never')}`
    for (const method of ['GET', 'PATCH', 'DELETE'])
      expect(statuses(await twice(method, path, method === 'PATCH' ? change : undefined))).toEqual([404, 404])
  })

  const otherThan = ({ kind, vocabulary }: Filter, value: unknown): string =>
    kind === 'flag'
      ? String(value !== true)
      : kind === 'day'
        ? '1900-01-01'
        : (vocabulary?.find(word => word !== value) ?? 'none-such')

  it.each(Object.entries(resource.filters))('are found by %s', async (parameter, filter) => {
    const id = idOf(`by-${parameter}`)
    await created(`by-${parameter}`)
    const value = filter.fields.map(field => member(body, field)).find(said => said !== undefined)
    expect(value).toBeDefined()
    const find = async (text: string) =>
      idsOf(await hub.root.get(`${collection}?limit=1000&${parameter}=${encodeURIComponent(text)}`))
    expect(await find(String(value))).toContain(id)
    if (filter.kind === 'text') expect(await find(String(value).toUpperCase())).toContain(id)
    expect(await find(otherThan(filter, value))).not.toContain(id)
    await hub.root.delete(`${collection}/${id}`)
    expect(await find(String(value))).not.toContain(id)
  })

  it('are listed since and until a date where they have an order', async () => {
    const { orderedBy } = resource
    const ids = async (query: string) => {
      const reply = await hub.root.get(`${collection}?limit=1000&${query}`)
      return reply.status === 200 ? idsOf(reply) : reply.status
    }
    if (orderedBy === undefined) return expect(await ids('since=2020-01-01')).toBe(422)
    const dates = ['2031-01-02T10:00:00Z', '2031-01-02T12:00:00+01:00', '2031-01-02 12:00']
    for (const [n, date] of dates.entries()) await created(`since-${n}`, { [orderedBy]: date })
    const day = 'since=2031-01-02&until=2031-01-03'
    expect(await ids(day)).toEqual(['since-0', 'since-1', 'since-2'])
    expect(await ids(`${day}&order=desc`)).toEqual(['since-2', 'since-1', 'since-0'])
    expect(await ids('since=2031-01-02T11:00:00&until=2031-01-02T12:00:00')).toEqual(['since-1'])
    expect(await ids('since=soon')).toBe(422)
  })

  it('are paged without a gap or a double while others write', async () => {
    const many = resource.ownerField === undefined ? collection : `/${name}/ESPMANY00ORG`
    const write = (n: number) => {
      const id = idOf(`${name === 'people' ? '' : 'many-'}${String(n).padStart(4, '0')}`)
      const { orderedBy } = resource
      // Twenty-five to a date: the id decides among them.
      const dated = orderedBy === undefined ? {} : { [orderedBy]: `2019-01-${10 + (n % 10)}` }
      return hub.root.post(`${many}/${id}`, { ...body, ...dated })
    }
    const evens = Array.from({ length: 250 }, (_, n) => 2 * n)
    for (let n = 0; n < 250; n += 50) await Promise.all(evens.slice(n, n + 50).map(write))
    const before = idsOf(await hub.root.get(`${many}?limit=1000`))
    expect(before.length).toBeGreaterThanOrEqual(250)
    const seen: string[] = []
    let path: string | undefined = `${many}?limit=40`
    for (let odd = 1; path !== undefined; odd += 60) {
      const page = await hub.root.get(path)
      seen.push(...idsOf(page))
      path = next(page)
      // Before and behind the reader's place.
      const writes = await Promise.all([odd, odd + 20, odd + 40].map(write))
      expect(statuses(writes)).toEqual([201, 201, 201])
    }
    expect(new Set(seen).size).toBe(seen.length)
    const old = new Set(before)
    expect(seen.filter(id => old.has(id))).toEqual(before)
  })
})
