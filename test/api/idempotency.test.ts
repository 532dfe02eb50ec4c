import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { uuidOf } from '../../commands/uuid.ts'
import { right } from '../support/either.ts'
import { rootAccount, startTestHub, type TestHub } from '../support/hub.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
  await hub.root.post('/people/ESPGNU777ORG', {})
})
afterAll(() => hub.close())

const key = (text: string) => ({ 'Idempotency-Key': text })
const book = '/pols/ESPGNU777ORG'

describe('a request with an Idempotency-Key', () => {
  it('gets its first status, ETag and body again, whatever has come since', async () => {
    const first = await hub.root.post(`${book}/a`, { info: 'one' }, key('k1'))
    await hub.root.patch(`${book}/a`, { info: 'two' })
    const again = await hub.root.post(`${book}/a`, { info: 'one' }, key('k1'))
    expect([again.status, again.headers.get('ETag'), again.text]).toEqual([201, '"0"', first.text])
    const patched = await hub.root.patch(`${book}/a`, { info: 'three' }, key('k2'))
    await hub.root.patch(`${book}/a`, { info: 'four' })
    const repeated = await hub.root.patch(`${book}/a`, { info: 'three' }, key('k2'))
    expect([repeated.status, repeated.headers.get('ETag'), repeated.text]).toEqual([200, '"2"', patched.text])
    expect((await hub.root.get(`${book}/a`)).json).toMatchObject({ info: 'four' })
  })

  it('to remove is done once, and answered the same again', async () => {
    await hub.root.post(`${book}/b`, {})
    expect((await hub.root.delete(`${book}/b`, key('k'))).status).toBe(204)
    expect((await hub.root.delete(`${book}/b`, key('k'))).status).toBe(204)
    expect((await hub.root.delete(`${book}/b`)).status).toBe(410)
  })

  it('with another body or method is refused', async () => {
    await hub.root.post(`${book}/c`, { info: 'one' }, key('k'))
    const other = await hub.root.post(`${book}/c`, { info: 'two' }, key('k'))
    expect(other.status).toBe(422)
    expect(other.json).toMatchObject({ errors: [{ header: 'Idempotency-Key' }] })
    expect((await hub.root.put(`${book}/c`, { info: 'one' }, key('k'))).status).toBe(422)
    expect((await hub.root.post(`${book}/other`, { info: 'two' }, key('k'))).status).toBe(201)
  })

  it('that was refused, or added nothing, leaves no trace', async () => {
    expect((await hub.root.patch(`${book}/d`, { info: 'x' }, key('k'))).status).toBe(404)
    await hub.root.post(`${book}/d`, { info: 'one' })
    expect((await hub.root.patch(`${book}/d`, { info: 'one' }, key('k'))).headers.get('ETag')).toBe('"0"')
    expect((await hub.root.patch(`${book}/d`, { info: 'two' }, key('k'))).headers.get('ETag')).toBe('"1"')
  })

  it('gets the same id that the hub chose', async () => {
    const first = await hub.root.post(book, { info: 'mine' }, key('new page'.replace(' ', '-')))
    const again = await hub.root.post(book, { info: 'mine' }, key('new-page'))
    expect(again.status).toBe(201)
    expect(again.headers.get('Location')).toBe(first.headers.get('Location'))
    expect((await hub.root.post(book, { info: 'mine' })).headers.get('Location')).not.toBe(
      first.headers.get('Location'),
    )
  })

  it('is somebody else’s with another caller', async () => {
    const doctor = await hub.person('ITAPYT999HON', ['health_professional'])
    await hub.root.post(`${book}/e`, { info: 'one' }, key('k'))
    expect((await doctor.post(`${book}/e`, { info: 'one' }, key('k'))).status).toBe(200)
    expect((await doctor.post(`${book}/e`, { info: 'two' }, key('k'))).status).toBe(409)
  })

  it.each(['', 'a b', 'é', 'x'.repeat(129)])('must be visible ASCII, not %j', async text => {
    const header = { 'Idempotency-Key': Buffer.from(text).toString('latin1') }
    expect((await hub.root.post(`${book}/f`, {}, header)).status).toBe(422)
  })

  it('to set a password sets it once', async () => {
    const person = await hub.person('ESPKEY001ORG', ['end_user'])
    expect((await person.post('/password/ESPKEY001ORG', { password: 'second one' }, key('k'))).status).toBe(
      204,
    )
    expect((await hub.root.post('/password/ESPKEY001ORG', { password: 'third one' })).status).toBe(204)
    const second = hub.as('ESPKEY001ORG', 'third one')
    expect((await second.post('/password/ESPKEY001ORG', { password: 'second one' }, key('k'))).status).toBe(
      204,
    )
    expect((await second.get('/login')).status).toBe(200)
  })
})

describe('twenty equal requests at once', () => {
  it('make one person', async () => {
    const replies = await Promise.all(
      Array.from({ length: 20 }, () =>
        hub.root.post('/people/ESPTWE020ORG', { name: 'Ana', password: 'gnusolidario' }),
      ),
    )
    expect(replies.map(({ status }) => status).sort()).toEqual([...Array(19).fill(200), 201])
    expect(new Set(replies.map(({ headers }) => headers.get('ETag')))).toEqual(new Set(['"0"']))
  })

  it('with one key are all answered as the first', async () => {
    const replies = await Promise.all(
      Array.from({ length: 20 }, () => hub.root.post(book, { info: 'twenty' }, key('twenty'))),
    )
    expect(new Set(replies.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
  })
})

describe('a key of a collection', () => {
  const claimOf = (collection: string, text: string) =>
    right(hub.core.auth.claimed(uuidOf('person', rootAccount, collection, text)))
  const node = (client_id: string, more = {}) => ({ client_id, name: 'Lab', scopes: [], ...more })

  it.each([
    ['a body that is not valid', '/people', { id: 'ESPCOL001ORG', dob: 'yesterday' }, 422],
    ['an id that is taken', '/people', { id: 'ESPGNU777ORG', name: 'Eva' }, 409],
    [
      'a person who is not there',
      '/encounters',
      { id: 'e1', person: 'ESPNEVER1ORG', start: '2024-01-01' },
      422,
    ],
    ['a node that is not valid', '/nodes', node('col-1', { scopes: ['people:fly'] }), 422],
  ])('leaves nothing of %s', async (_, collection, body, status) => {
    expect((await hub.root.post(collection, body, key('refused'))).status).toBe(status)
    expect(await claimOf(collection, 'refused')).toBeUndefined()
  })

  it('leaves nothing of a request that added nothing', async () => {
    expect((await hub.root.post('/people', { id: 'ESPGNU777ORG' }, key('nothing'))).status).toBe(200)
    expect(await claimOf('/people', 'nothing')).toBeUndefined()
    expect((await hub.root.post('/people', { id: 'ESPCOL002ORG' }, key('nothing'))).status).toBe(201)
    expect(await claimOf('/people', 'nothing')).toContain('person-ESPCOL002ORG')
    expect((await hub.root.post('/people', { id: 'ESPCOL003ORG' }, key('nothing'))).status).toBe(422)
  })

  it.each(['/people', '/nodes'])('with many ids at the same time is used for one: %s', async collection => {
    const bodies = Array.from({ length: 10 }, (_, n) =>
      collection === '/nodes' ? node(`race-${n}`) : { id: `ESPRACE${n}ORG` },
    )
    const send = (body: (typeof bodies)[number]) => hub.root.post(collection, body, key('race'))
    const first = await Promise.all(bodies.map(send))
    expect(first.map(({ status }) => status).toSorted()).toEqual([201, ...Array(9).fill(422)])
    const again = await Promise.all(bodies.map(send))
    expect(again.map(({ status }) => status)).toEqual(first.map(({ status }) => status))
    const winner = first.findIndex(({ status }) => status === 201)
    expect(again[winner]?.headers.get('ETag')).toBe(first[winner]?.headers.get('ETag'))
  })
})
