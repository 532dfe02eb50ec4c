import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestHub, type TestHub } from '../support/hub.ts'
import { enroll } from '../support/nodes.ts'

const page = '/pols/ESPGNU777ORG/one'
const document = '/personal-documents/one'

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
  await hub.root.post('/people/ESPGNU777ORG', { name: 'caf\ufffd' })
  await hub.root.post(page, { summary: 'A visit' })
  await hub.root.post(document, { person: 'ESPGNU777ORG' })
  await hub.root.send('PUT', `${document}/content`, { body: 'x' })
  await enroll(hub.root, 'node-1', ['people:read'])
})
afterAll(() => hub.close())

const errorsOf = (json: unknown) => (json as { errors: readonly { parameter?: string }[] }).errors

describe('a query of an item', () => {
  it.each(['/people/ESPGNU777ORG', page, document, `${document}/content`, '/nodes/node-1'])(
    'of %s is ignored where it has no = or is called _',
    async path => {
      for (const query of ['ESPGNU777ORG', '_=1700000000000', '_', 'a&b&_=1', '%e9', '&', ''])
        expect((await hub.root.get(`${path}?${query}`)).status, query).toBe(200)
      for (const query of ['fields=name', 'a&b=1', '=', '__=1']) {
        const refused = await hub.root.get(`${path}?${query}`)
        expect(refused.status, query).toBe(422)
        expect(errorsOf(refused.json)).toHaveLength(1)
      }
    },
  )

  it('is not ignored on collections and elsewhere', async () => {
    for (const path of ['/people', '/pols/ESPGNU777ORG', '/personal_docs/ESPGNU777ORG', '/nodes', '/login'])
      for (const query of ['ESPGNU777ORG', '_=1700000000000'])
        expect((await hub.root.get(`${path}?${query}`)).status, path).toBe(422)
    expect((await hub.nobody.get('/livez?a')).status).toBe(422)
  })
})

describe('a query that is not UTF-8', () => {
  it.each([
    ['/people?name=caf%e9', 'name'],
    ['/people?cursor=%ff', 'cursor'],
    ['/people?limit=%c3', 'limit'],
    ['/people?caf%E9=1', 'caf%E9'],
    ['/people?name=%ed%a0%80', 'name'],
    ['/encounters?person=%ff', 'person'],
    ['/people/ESPGNU777ORG?a=%ff', 'a'],
  ])('is refused by its name: %s', async (path, parameter) => {
    const refused = await hub.root.get(path)
    expect(refused.status).toBe(422)
    expect(refused.json).toMatchObject({ errors: [{ parameter }] })
  })

  it('is no cursor either', async () => {
    const cursor = Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]).toString('base64url')
    expect((await hub.root.get(`/people?cursor=${cursor}`)).status).toBe(422)
  })

  it('is not what is encoded in UTF-8, in whatever way', async () => {
    await hub.root.post('/people/ESPGNU778ORG', { name: 'José María 100%' })
    for (const name of ['Jos%C3%A9+Mar%C3%ADa+100%25', 'jos%c3%a9%20mar%c3%ada%20100%'])
      expect((await hub.root.get(`/people?name=${name}`)).json).toMatchObject([{ id: 'ESPGNU778ORG' }])
  })
})

describe('a query of more than a hundred parameters', () => {
  it('is refused, whatever is ignored of it', async () => {
    const path = '/people/ESPGNU777ORG?'
    expect((await hub.root.get(path + 'a&'.repeat(100))).status).toBe(200)
    const refused = await hub.root.get(`${path}${'a&'.repeat(100)}asOf=2026-01-01`)
    expect((await hub.root.get(`${path}${'&'.repeat(200)}asOf=never`)).status).toBe(422)
    expect(refused.status).toBe(422)
    expect(errorsOf(refused.json)).toEqual([
      { parameter: 'asOf', detail: 'is one too many: at most 100 are taken' },
    ])
  })
})

describe('a list of errors', () => {
  it('ends at a hundred', async () => {
    const { hostname, port } = new URL(hub.url)
    const socket = connect(Number(port), hostname)
    const query = '&a'.repeat(7_500).slice(1)
    socket.write(`GET /livez?${query} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`)
    const answer = await text(socket)
    expect(answer).toMatch(/^HTTP\/1\.1 422 /)
    expect(answer.length).toBeLessThan(15_000)
    const { errors } = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))) as { errors: unknown[] }
    expect(errors).toHaveLength(100)
    const list = await hub.root.get(`/people?${query}`)
    expect(errorsOf(list.json)).toHaveLength(100)
  })

  it('ends at a hundred whatever is wrong', async () => {
    const wrong = { name: 5, roles: Array(1_000).fill(1) }
    const refused = await hub.root.post('/people/ESPGNU779ORG', { ...wrong, id: 'OTHER' })
    expect(errorsOf(refused.json)).toHaveLength(100)
  })
})
