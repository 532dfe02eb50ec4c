import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Client, Reply } from '../support/client.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'

let hub: TestHub
let root: Client
beforeAll(async () => {
  hub = await startTestHub()
  root = hub.root
})
afterAll(() => hub.close())

/** When the hub recorded the newest revision of an item. */
const recordedAt = async (path: string): Promise<string> => {
  const { json } = await root.get(`${path}/history?limit=1`)
  return (json as readonly { readonly recordedAt: string }[])[0]?.recordedAt ?? ''
}

/** Until the clock shows another millisecond than it did at that time: what is recorded then is recorded later. */
const untilAfter = async (time: string): Promise<void> => {
  while (new Date().toISOString() <= time) await new Promise(resolve => setImmediate(resolve))
}

/** Sends a write, and gives when it was recorded. */
const written = async (path: string, write: () => Promise<Reply>): Promise<string> => {
  expect((await write()).status).toBeLessThan(300)
  const time = await recordedAt(path)
  await untilAfter(time)
  return time
}

const justBefore = (time: string): string => new Date(Date.parse(time) - 1).toISOString()
const idsOf = ({ json }: Reply): readonly string[] =>
  (json as readonly { readonly id: string }[]).map(({ id }) => id)

const pagesOf = async (path: string, each: (page: Reply) => Promise<unknown> = async () => {}) => {
  const pages: Reply[] = []
  let next: string | undefined = path
  while (next !== undefined) {
    const page: Reply = await root.get(next)
    expect(page.status).toBe(200)
    pages.push(page)
    await each(page)
    next = /^<([^>]+)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1]
  }
  return pages
}

describe('an item as of a time', () => {
  const path = '/institutions/as-of-1'
  const times: string[] = []
  beforeAll(async () => {
    times.push(await written(path, () => root.post(path, { name: 'One' })))
    times.push(await written(path, () => root.patch(path, { name: 'Two' })))
    times.push(await written(path, () => root.patch(path, { name: 'Three' })))
    times.push(await written(path, () => root.delete(path)))
  })
  const asOf = (time: string | undefined) => root.get(`${path}?asOf=${time}`)

  it('is what the hub knew then: nothing, each revision, and that it was removed', async () => {
    const [created = '', second = '', third = '', removed = ''] = times
    expect((await asOf(justBefore(created))).status).toBe(404)
    expect((await asOf(created)).json).toMatchObject({ name: 'One' })
    expect((await asOf(justBefore(second))).json).toMatchObject({ name: 'One' })
    expect((await asOf(second)).json).toMatchObject({ name: 'Two' })
    expect((await asOf(justBefore(removed))).json).toMatchObject({ name: 'Three' })
    expect((await asOf(third)).json).toMatchObject({ name: 'Three' })
    expect((await asOf(removed)).status).toBe(410)
    expect((await asOf('2200-01-01T00:00:00Z')).status).toBe(410)
  })

  it('has the ETag of its revision, and says when it is of', async () => {
    const [, second = ''] = times
    const reply = await asOf(second)
    expect(reply.headers.get('etag')).toBe('"1"')
    expect(Date.parse(reply.headers.get('memento-datetime') ?? '')).toBe(
      Math.floor(Date.parse(second) / 1000) * 1000,
    )
    expect((await root.get(`${path}?asOf=${second}`, { 'If-None-Match': '"1"' })).status).toBe(304)
  })

  it('of the future is as it is now, and says so', async () => {
    await root.post('/institutions/as-of-2', { name: 'Now' })
    const reply = await root.get('/institutions/as-of-2?asOf=2200-01-01')
    expect(reply.json).toMatchObject({ name: 'Now' })
    expect(Date.parse(reply.headers.get('memento-datetime') ?? '')).toBeLessThanOrEqual(Date.now())
  })

  it('takes the zone of the time into account', async () => {
    const [, second = ''] = times
    const elsewhere = new Date(Date.parse(second) + 2 * 3_600_000).toISOString().replace('Z', '%2B02:00')
    expect((await asOf(elsewhere)).json).toMatchObject({ name: 'Two' })
  })

  it.each(['yesterday', '2024-13-01', '', '2024-02-30T00:00:00Z'])('refuses the time %j', async time => {
    const reply = await asOf(time)
    expect(reply.status).toBe(422)
    expect(reply.json).toMatchObject({ errors: [{ parameter: 'asOf' }] })
  })

  it('finds an early revision among many', async () => {
    await root.post('/institutions/as-of-3', { n: 0 })
    for (let n = 1; n <= 70; n += 1) await root.patch('/institutions/as-of-3', { n })
    const history = (await root.get('/institutions/as-of-3/history?limit=100')).json as {
      revision: number
      recordedAt: string
    }[]
    for (const at of [3, 17, 33, 64]) {
      const time = history.find(({ revision }) => revision === at)?.recordedAt ?? ''
      const valid = history.find(entry => entry.recordedAt <= time)?.revision
      expect((await root.get(`/institutions/as-of-3?asOf=${time}`)).json).toMatchObject({ n: valid })
    }
  })
})

describe('a book as of a time', () => {
  it('has the pages it had, of a person who was there', async () => {
    const person = '/people/ESPBOOK01ORG'
    const registered = await written(person, () => root.post(person, { active: false }))
    const one = await written('/pols/ESPBOOK01ORG/p1', () =>
      root.post('/pols/ESPBOOK01ORG/p1', { page_date: '2024-02-01', summary: 'a' }),
    )
    const two = await written('/pols/ESPBOOK01ORG/p2', () =>
      root.post('/pols/ESPBOOK01ORG/p2', { page_date: '2024-01-01', page_type: 'Medical' }),
    )
    await written('/pols/ESPBOOK01ORG/p1', () => root.delete('/pols/ESPBOOK01ORG/p1'))
    const removed = await written(person, () => root.delete(person))
    const book = (time: string, more = '') => root.get(`/pols/ESPBOOK01ORG?asOf=${time}${more}`)
    expect((await book(justBefore(registered))).status).toBe(404)
    expect(idsOf(await book(registered))).toEqual([])
    expect(idsOf(await book(one))).toEqual(['p1'])
    expect(idsOf(await book(two))).toEqual(['p2', 'p1'])
    expect(idsOf(await book(two, '&order=desc'))).toEqual(['p1', 'p2'])
    expect(idsOf(await book(two, '&page_type=medical'))).toEqual(['p2'])
    expect(idsOf(await book(two, '&since=2024-01-15'))).toEqual(['p1'])
    expect(idsOf(await book(justBefore(removed)))).toEqual(['p2'])
    expect((await book(removed)).status).toBe(410)
    expect((await root.get(`/pols/ESPBOOK01ORG/p2?asOf=${two}`)).json).toMatchObject({ page_type: 'Medical' })
    expect((await root.get(`/pols/ESPBOOK01ORG/p2?asOf=${removed}`)).status).toBe(410)
  })

  it('goes on where its first page looked, also when its person is removed in between', async () => {
    const [person, book] = ['/people/ESPBOOK02ORG', '/pols/ESPBOOK02ORG']
    await root.post(person, { active: false })
    for (const id of ['p1', 'p2', 'p3']) await root.post(`${book}/${id}`, { page_date: '2024-01-01' })
    const pages = await pagesOf(`${book}?asOf=2200-01-01&limit=1`, () => root.delete(person))
    expect(pages.flatMap(idsOf)).toEqual(['p1', 'p2', 'p3'])
    expect((await root.get(`${book}?asOf=2200-01-01&limit=1`)).status).toBe(410)
  })
})

describe('a list as of a time', () => {
  const size = 250
  let time = ''
  const units = '/domiciliary-units'
  beforeAll(async () => {
    const many = Array.from({ length: size }, (_, n) => n)
    await Promise.all(
      many.map(n => root.post(`${units}/P${n}`, { dwelling: n % 5 === 0 ? 'townhouse' : 'apartment', n })),
    )
    await Promise.all(many.filter(n => n % 3 === 0).map(n => root.patch(`${units}/P${n}`, { n: n + 1_000 })))
    time = await written(`${units}/P1`, () => root.patch(`${units}/P1`, { n: 1_001 }))
  })
  const expected = Array.from({ length: size }, (_, n) => ({
    id: `P${n}`,
    n: n % 3 === 0 || n === 1 ? n + 1_000 : n,
  })).sort((a, b) => (a.id < b.id ? -1 : 1))
  const itemsOf = (pages: readonly Reply[]) =>
    pages.flatMap(({ json }) => json as { id: string; n: number }[]).map(({ id, n }) => ({ id, n }))

  it('pages through exactly what was there, in the order of ids, while the hub is written to', async () => {
    let n = 0
    const pages = await pagesOf(`${units}?asOf=${time}&limit=20`, async () => {
      const [changed, removed, added] = [`P${n}`, `P${size - 1 - n}`, `P${n}-new`]
      n += 1
      await Promise.all([
        root.patch(`${units}/${changed}`, { n: -1 }),
        root.delete(`${units}/${removed}`),
        root.post(`${units}/${added}`, { dwelling: 'townhouse' }),
      ])
    })
    expect(pages.length).toBe(13)
    expect(itemsOf(pages)).toEqual(expected)
    expect(itemsOf(await pagesOf(`${units}?asOf=${time}&limit=1000`))).toEqual(expected)
    const backwards = await pagesOf(`${units}?asOf=${time}&limit=77&order=desc`)
    expect(itemsOf(backwards)).toEqual(expected.toReversed())
  })

  it('is filtered as the list of now is', async () => {
    const shared = await pagesOf(`${units}?asOf=${time}&limit=20&dwelling=Townhouse`)
    expect(itemsOf(shared)).toEqual(expected.filter(({ id }) => Number(id.slice(1)) % 5 === 0))
    await root.post('/people/ESPFIL001ORG', { lastname: 'Betz', gender: 'f', dob: '1980-01-01' })
    const renamed = await written('/people/ESPFIL001ORG', () =>
      root.patch('/people/ESPFIL001ORG', { lastname: 'Núñez' }),
    )
    expect(idsOf(await root.get(`/people?asOf=${justBefore(renamed)}&lastname=betz`))).toEqual([
      'ESPFIL001ORG',
    ])
    expect(idsOf(await root.get(`/people?asOf=${renamed}&lastname=betz`))).toEqual([])
    expect(
      idsOf(await root.get(`/people?asOf=${renamed}&lastname=nunez&active=true&dob=1980-01-01`)),
    ).toEqual(['ESPFIL001ORG'])
  })

  it('of a time that has passed is the same whenever it is asked for, also of many writers', async () => {
    const answers = new Map<string, string>()
    const ask = async (at: string) => (await root.get(`${units}?asOf=${at}&limit=1000`)).text
    await Promise.all(
      Array.from({ length: 8 }, async (_, writer) => {
        for (let n = 0; n < 12; n += 1) {
          await root.patch(`${units}/P${100 + writer}`, { n: n * 10 + writer })
          const newest = await recordedAt(`${units}/P${100 + writer}`)
          const at = justBefore(newest)
          if (!answers.has(at)) answers.set(at, await ask(at))
        }
      }),
    )
    expect(answers.size).toBeGreaterThan(10)
    for (const [at, answer] of answers) expect(await ask(at)).toBe(answer)
  })

  it('refuses a cursor of another time, and one of the present', async () => {
    const [page] = await pagesOf(`${units}?asOf=${time}&limit=100`)
    const cursor = /cursor=([^>&]+)/.exec(page?.headers.get('link') ?? '')?.[1] ?? ''
    expect((await root.get(`${units}?asOf=${justBefore(time)}&cursor=${cursor}`)).status).toBe(422)
    expect((await root.get(`${units}?cursor=${cursor}`)).status).toBe(422)
    const present = await root.get(`${units}?limit=1`)
    const presentCursor = /cursor=([^>&]+)/.exec(present.headers.get('link') ?? '')?.[1] ?? ''
    expect((await root.get(`${units}?asOf=${time}&cursor=${presentCursor}`)).status).toBe(422)
    const [list, value, key, position] = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    const beyond = [list, value, key, `${position}99999`]
    const made = Buffer.from(JSON.stringify(beyond)).toString('base64url')
    expect((await root.get(`${units}?asOf=${time}&cursor=${made}`)).status).toBe(422)
  })

  it('is not of the original’s read paths', async () => {
    expect((await root.get(`/personal_docs/ESPFIL001ORG?asOf=${time}`)).status).toBe(422)
    expect((await root.get(`/nodes?asOf=${time}`)).status).toBe(422)
  })
})
