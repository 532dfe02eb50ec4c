import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Client } from '../support/client.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'

const accounts = ['ESPMAN001ORG', 'ESPMAN002ORG', 'ESPMAN003ORG', 'ESPMAN004ORG'] as const

let hub: TestHub
let people: readonly (readonly [string, Client])[]
beforeAll(async () => {
  hub = await startTestHub()
  people = await Promise.all(
    accounts.map(async (id, i) => [id, await hub.person(id, ['end_user'], `password ${i}`)] as const),
  )
  for (const [id, client] of people) {
    await client.patch(`/people/${id}`, { name: `name of ${id}` })
    await client.post(`/pols/${id}/page`, { summary: `summary of ${id}` })
  }
})
afterAll(() => hub.close())

/** Four requests of everybody at a time, twenty times over. */
const atOnce = async (work: (id: string, client: Client, n: number) => Promise<void>) => {
  await Promise.all(
    Array.from({ length: 16 }, async (_, reader) => {
      const [id, client] = people[reader % people.length] ?? ['', hub.nobody]
      for (let n = 0; n < 20; n += 1) await work(id, client, reader * 20 + n)
    }),
  )
}

describe('many people at once', () => {
  it('each read their own record, book and page', async () => {
    await atOnce(async (id, client) => {
      const [person, book, page] = await Promise.all([
        client.get(`/people/${id}`),
        client.get(`/pols/${id}`),
        client.get(`/pols/${id}/page`),
      ])
      expect(person.json).toMatchObject({ id, name: `name of ${id}` })
      expect(book.json).toMatchObject([{ book: id, summary: `summary of ${id}` }])
      expect(page.json).toMatchObject({ book: id, summary: `summary of ${id}` })
    })
  })

  it('never reach another’s record, whoever asked just before', async () => {
    await atOnce(async (id, client, n) => {
      const others = accounts.filter(account => account !== id)
      const other = others[n % others.length]
      const [own, foreign] = await Promise.all([
        client.get(`/people/${id}`),
        client.get(`/people/${other ?? ''}`),
      ])
      expect([own.status, foreign.status]).toEqual([200, 403])
      expect(foreign.text).not.toContain(other)
    })
  })

  it('with a wrong password among them are still told apart', async () => {
    const wrong = hub.as('ESPMAN001ORG', 'password 1')
    const [refused] = await Promise.all([
      wrong.get('/people/ESPMAN001ORG'),
      atOnce(async (id, client) => {
        expect((await client.get(`/people/${id}`)).json).toMatchObject({ id })
      }),
    ])
    expect(refused.status).toBe(401)
  })

  it('each write their own pages, and read what they wrote', async () => {
    await atOnce(async (id, client, n) => {
      const path = `/pols/${id}/written-${n}`
      expect((await client.post(path, { info: `${n} of ${id}` })).status).toBe(201)
      expect((await client.post(path, { info: `${n} of ${id}` })).status).toBe(200)
      expect((await client.get(path)).json).toMatchObject({ book: id, info: `${n} of ${id}` })
    })
    for (const [id, client] of people)
      expect((await client.get(`/pols/${id}?limit=1000`)).json).toHaveLength(81)
  })
})

describe('writers of one page', () => {
  it('with one key and different bodies leave one page, and the others are told', async () => {
    const [id, client] = people[0] ?? ['', hub.nobody]
    const headers = { 'Idempotency-Key': 'race' }
    const replies = await Promise.all(
      Array.from({ length: 10 }, (_, n) => client.post(`/pols/${id}/race`, { info: `writer ${n}` }, headers)),
    )
    expect(replies.map(({ status }) => status).sort()).toEqual([201, ...Array(9).fill(422)])
    const written = replies.find(({ status }) => status === 201)
    expect((await client.get(`/pols/${id}/race`)).text).toBe(written?.text)
  })

  it('that put with If-None-Match leave the first', async () => {
    const [id, client] = people[1] ?? ['', hub.nobody]
    const replies = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        client.put(`/pols/${id}/first`, { info: `writer ${n}` }, { 'If-None-Match': '*' }),
      ),
    )
    expect(replies.map(({ status }) => status).sort()).toEqual([201, ...Array(9).fill(412)])
  })

  it('that remove it at once remove it once', async () => {
    await hub.root.post('/pols/ESPMAN003ORG/removed', {})
    const replies = await Promise.all(
      Array.from({ length: 10 }, () => hub.root.delete('/pols/ESPMAN003ORG/removed')),
    )
    expect(replies.map(({ status }) => status).sort()).toEqual([204, ...Array(9).fill(410)])
  })
})
