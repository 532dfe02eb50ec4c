import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestHub, type TestHub } from '../support/hub.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
  await hub.root.post('/people/ESPLIS001ORG', {
    name: 'Núria',
    lastname: 'Straße',
    gender: 'f',
    dob: '1985-10-04',
  })
  await hub.root.post('/people/ESPLIS002ORG', {
    name: 'ΟΔΥΣΣΕΥΣ',
    lastname: 'Betz',
    gender: 'm',
    dob: '1985-10-04T00:00:00',
  })
  await hub.root.post('/people/ESPLIS003ORG', { name: 'N\u0075\u0301ria', active: false })
})
afterAll(() => hub.close())

interface Item {
  readonly id: string
}
const idsOf = (json: unknown): readonly string[] => (json as Item[]).map(({ id }) => id)
const idsIn = async (path: string) => {
  const reply = await hub.root.get(path)
  expect(reply.status).toBe(200)
  return idsOf(reply.json)
}
const next = (headers: Headers): string | undefined =>
  /^<([^>]+)>; rel="next"$/.exec(headers.get('Link') ?? '')?.[1]

describe('people', () => {
  it.each([
    ['name=n%C3%BAria', ['ESPLIS001ORG', 'ESPLIS003ORG']],
    ['name=οδυσσευς', ['ESPLIS002ORG']],
    ['lastname=STRASSE', ['ESPLIS001ORG']],
    ['lastname=betz&gender=M', ['ESPLIS002ORG']],
    ['name=nuria', ['ESPLIS001ORG', 'ESPLIS003ORG']],
    ['dob=1985-10-04', ['ESPLIS001ORG', 'ESPLIS002ORG']],
    ['dob=1985-10-04T10:00:00Z', ['ESPLIS001ORG', 'ESPLIS002ORG']],
    ['dob=1985-10-04T22:00:00-02:00&gender=f', ['ESPLIS001ORG']],
    ['dob=1985-10-03T22:00:00-02:00&gender=f', []],
    ['active=false', ['ESPLIS003ORG']],
    ['gender=unheard', []],
  ])('are found by %s', async (filters, ids) => {
    expect(await idsIn(`/people?${filters}`)).toEqual(ids)
  })

  it.each(['limit=0', 'limit=1001', 'limit=ten', 'limit=', 'order=up', 'active=yes', 'dob=soon', 'cursor=x'])(
    'are not listed with %s',
    async parameter => {
      const refused = await hub.root.get(`/people?${parameter}`)
      expect(refused.status).toBe(422)
      expect(refused.json).toMatchObject({ errors: [{ parameter: parameter.split('=')[0] }] })
    },
  )

  it('are not listed with a parameter that is unknown or given twice', async () => {
    for (const query of ['nmae=Ana', 'since=2020-01-01', 'limit=1&limit=2'])
      expect((await hub.root.get(`/people?${query}`)).status).toBe(422)
    expect((await hub.root.get('/people/ESPLIS001ORG?fields=name')).status).toBe(422)
    expect((await hub.root.get('/login?x=1')).status).toBe(422)
  })

  it('are paged in order, both ways, and a cursor belongs to its list', async () => {
    const first = await hub.root.get('/people?limit=2')
    const second = await hub.root.get(next(first.headers) ?? '')
    expect([...idsOf(first.json), ...idsOf(second.json)]).toEqual(await idsIn('/people'))
    expect(next(second.headers)).toBeUndefined()
    expect(await idsIn('/people?order=desc')).toEqual([...(await idsIn('/people'))].reverse())
    const link = next(first.headers) ?? ''
    expect((await hub.root.get(`${link}&order=desc`)).status).toBe(422)
    expect((await hub.root.get(`${link}&name=Ana`)).status).toBe(422)
    expect((await hub.root.get(link.replace('limit=2', 'limit=1'))).status).toBe(200)
  })
})

describe('a book of life', () => {
  const book = '/pols/ESPLIS001ORG'
  beforeAll(async () => {
    const pages = {
      a: { page_date: '2021-05-06 21:00:00', domain: 'medical', context: 'self_monitoring' },
      b: { page_date: '2021-05-06T20:59:41.123456', page_type: 'medical', medical_context: 'encounter' },
      c: { page_date: '2021-05-06T20:59:41.1234567', relevance: 'important' },
      d: { page_date: '2021-05-06T23:30:00+02:00' },
      e: { info: 'without a date' },
    }
    for (const [id, page] of Object.entries(pages)) await hub.root.post(`${book}/${id}`, page)
  })

  it('is in the order of its dates as moments, pages without one by when they came', async () => {
    expect(await idsIn(book)).toEqual(['b', 'c', 'a', 'd', 'e'])
    expect(await idsIn(`${book}?order=desc`)).toEqual(['e', 'd', 'a', 'c', 'b'])
  })

  it.each([
    ['page_type=Medical', ['b', 'a']],
    ['medical_context=self_monitoring', ['a']],
    ['medical_context=encounter&page_type=medical', ['b']],
    ['relevance=important', ['c']],
    ['since=2021-05-06T20:59:41.123456', ['b', 'c', 'a', 'd', 'e']],
    ['since=2021-05-06T20:59:41.1234561&until=2021-05-06T21:30:00Z', ['c', 'a']],
    ['until=2021-05-06T21:30:00', ['b', 'c', 'a']],
    ['until=2021-05-06T21:30:00.1', ['b', 'c', 'a', 'd']],
  ])('is read with %s', async (filters, ids) => {
    expect(await idsIn(`${book}?${filters}`)).toEqual(ids)
  })

  it('of 250 pages is paged without a gap or a double while others write', async () => {
    await hub.root.post('/people/ESPLIS250ORG', {})
    const write = (n: number, date: string) =>
      hub.root.post(`/pols/ESPLIS250ORG/p${String(n).padStart(3, '0')}`, { page_date: date })
    // Five to a date: the id decides among them.
    for (let n = 0; n < 250; n += 50)
      await Promise.all(Array.from({ length: 50 }, (_, i) => write(n + i, `2020-01-${10 + ((n + i) % 5)}`)))
    const before = await idsIn('/pols/ESPLIS250ORG?limit=1000')
    expect(before).toHaveLength(250)
    const seen: string[] = []
    let path: string | undefined = '/pols/ESPLIS250ORG?limit=40'
    let n = 900
    while (path !== undefined) {
      const page = await hub.root.get(path)
      seen.push(...idsOf(page.json))
      path = next(page.headers)
      // Some before and some behind the place of the reader.
      await Promise.all([write(n, '2019-01-01'), write(n + 1, '2020-01-12'), write(n + 2, '2021-01-01')])
      n += 3
    }
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.filter(id => Number(id.slice(1)) < 900)).toEqual(before)
  })

  it('ends a page early at 8 MiB and goes on', async () => {
    await hub.root.post('/people/ESPBIG001ORG', {})
    for (let n = 0; n < 11; n += 1)
      await hub.root.post(`/pols/ESPBIG001ORG/p${n}`, {
        page_date: `2020-01-${10 + n}`,
        info: 'x'.repeat(800_000),
      })
    const first = await hub.root.get('/pols/ESPBIG001ORG')
    expect(first.text.length).toBeLessThan(8 * 1024 * 1024)
    const rest = await hub.root.get(next(first.headers) ?? '')
    expect([...idsOf(first.json), ...idsOf(rest.json)]).toHaveLength(11)
  })
})

describe('lists for the original’s portal', () => {
  it('are arrays of one-element arrays', async () => {
    const legacy = await startTestHub({ LEGACY_LISTS: 'on' })
    await legacy.root.post('/pols/ARGBUE111FAV/one', { info: 'x' })
    expect((await legacy.root.get('/people')).json).toMatchObject([[{ id: 'ARGBUE111FAV' }]])
    expect((await legacy.root.get('/pols/ARGBUE111FAV')).json).toMatchObject([[{ id: 'one' }]])
    expect((await legacy.root.get('/people/ARGBUE111FAV')).json).toMatchObject({ id: 'ARGBUE111FAV' })
    await legacy.close()
  })
})
