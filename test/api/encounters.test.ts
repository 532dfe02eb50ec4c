import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestHub, type TestHub } from '../support/hub.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
  for (const account of ['ESPGNU777ORG', 'ESPOTH001ORG']) await hub.root.post(`/people/${account}`, {})
  for (const id of ['gral', 'clinic']) await hub.root.post(`/institutions/${id}`, { name: id })
})
afterAll(() => hub.close())

const seen = { person: 'ESPGNU777ORG', institution: 'gral', start: '2024-01-02T10:00:00' }
let encounters = 0
/** A new encounter's path. */
const opened = async (more: object = {}): Promise<string> => {
  encounters += 1
  const path = `/encounters/e${encounters}`
  const reply = await hub.root.post(path, { ...seen, ...more })
  expect(reply.status).toBe(201)
  return path
}

describe('an encounter', () => {
  it('is open unless it says otherwise, and says its person in upper case', async () => {
    const path = await opened({ person: 'espgnu777org' })
    expect((await hub.root.get(path)).json).toEqual({ ...seen, status: 'open', id: path.slice(12) })
    for (const body of [seen, { ...seen, status: 'open' }, { ...seen, status: null, person: 'EspGnu777Org' }])
      expect((await hub.root.post(path, body)).status).toBe(200)
    const closed = await opened({ status: 'closed', end: '2024-01-02T10:00:00' })
    expect((await hub.root.get(closed)).json).toMatchObject({ status: 'closed' })
  })

  it('gets an id when it brings none, the same for the same key', async () => {
    const send = () => hub.root.post('/encounters', { ...seen }, { 'Idempotency-Key': 'one' })
    const [first, again] = [await send(), await send()]
    expect([first.status, again.status]).toEqual([201, 201])
    expect(first.headers.get('Location')).toMatch(/^\/encounters\/[0-9a-f-]{36}$/)
    expect(again.text).toBe(first.text)
  })

  it.each(['closed', 'cancelled'])('is %s once, by one fact that holds what came with it', async status => {
    const path = await opened()
    const patched = await hub.root.patch(path, { status, end: '2024-01-02T11:00:00' })
    expect(patched.json).toMatchObject({ status, end: '2024-01-02T11:00:00' })
    expect(patched.headers.get('ETag')).toBe('"1"')
    expect((await hub.root.patch(path, { status })).headers.get('ETag')).toBe('"1"')
    for (const other of ['open', 'closed', 'cancelled', null].filter(word => word !== status)) {
      expect((await hub.root.patch(path, { status: other })).status).toBe(409)
      if (other !== null) expect((await hub.root.put(path, { ...seen, status: other })).status).toBe(409)
    }
    expect((await hub.root.patch(path, { reason: 'a check-up', end: null })).json).not.toHaveProperty('end')
  })

  it('keeps its status where a PUT leaves it out, and moves it where one says so', async () => {
    const path = await opened()
    expect((await hub.root.put(path, { ...seen, status: null })).headers.get('ETag')).toBe('"0"')
    const put = await hub.root.put(path, { ...seen, reason: 'fever', status: 'closed' })
    expect(put.json).toMatchObject({ reason: 'fever', status: 'closed' })
    expect((await hub.root.put(path, seen)).json).toEqual({ ...seen, status: 'closed', id: path.slice(12) })
    expect((await hub.root.put(path, { ...seen, status: 'closed' })).status).toBe(200)
    const other = await opened()
    const only = await hub.root.put(other, { ...seen, status: 'cancelled' })
    expect([only.status, only.headers.get('ETag')]).toEqual([200, '"1"'])
  })

  it('is open where a patch would leave it without a status', async () => {
    const path = await opened()
    const same = await hub.root.patch(path, { status: null })
    expect([same.status, same.headers.get('ETag')]).toEqual([200, '"0"'])
  })

  it('stays on record once it is closed', async () => {
    const [closed, cancelled] = [await opened({ status: 'closed' }), await opened({ status: 'cancelled' })]
    expect((await hub.root.delete(closed)).status).toBe(409)
    expect((await hub.root.delete(cancelled)).status).toBe(204)
    expect((await hub.root.delete(await opened())).status).toBe(204)
  })

  it('does not end before it starts', async () => {
    const end = '2024-01-02T09:59:59'
    const early = { errors: [{ pointer: '/end' }] }
    const refused = await hub.root.post('/encounters', { ...seen, end })
    expect(refused.status).toBe(422)
    expect(refused.json).toMatchObject(early)
    const path = await opened({ end: '2024-01-02T11:00:00+01:00' })
    expect((await hub.root.patch(path, { end })).json).toMatchObject(early)
    expect((await hub.root.patch(path, { start: '2024-01-02T10:00:01' })).json).toMatchObject(early)
    expect((await hub.root.put(path, { ...seen, end })).json).toMatchObject(early)
    expect((await hub.root.patch(path, { start: '2024-01-02', end })).status).toBe(200)
  })

  it('may end on the day it started, where one of both is a day', async () => {
    const path = await opened({ start: '2024-01-02T10:00:00Z', end: '2024-01-02' })
    expect((await hub.root.patch(path, { end: '2024-01-01' })).status).toBe(422)
    expect((await hub.root.patch(path, { start: '2024-01-02T23:30:00-05:00' })).status).toBe(200)
    const east = { start: '2024-01-02', end: '2024-01-02T00:30:00+02:00' }
    expect((await hub.root.patch(path, east)).status).toBe(200)
    expect((await hub.root.patch(path, { end: '2024-01-01T23:30:00-05:00' })).status).toBe(422)
  })
})

describe('the person and the institution of an encounter', () => {
  const refusals = async (body: object, method = 'POST', path = '/encounters') => {
    const { status, json } = await hub.root.send(method, path, { body: JSON.stringify(body) })
    expect(status).toBe(422)
    return (json as { errors: { pointer: string }[] }).errors.map(({ pointer }) => pointer)
  }

  it('must be there when they are named', async () => {
    expect(await refusals({ ...seen, person: 'ESPNEVER1ORG' })).toEqual(['/person'])
    expect(await refusals({ ...seen, person: 'ESPNEVER1ORG', institution: 'no' })).toEqual([
      '/person',
      '/institution',
    ])
    const path = await opened()
    expect(await refusals({ institution: 'no' }, 'PATCH', path)).toEqual(['/institution'])
    expect(await refusals({ ...seen, institution: 'no' }, 'PUT', path)).toEqual(['/institution'])
    expect(await refusals({ institution: 'no such id' }, 'PATCH', path)).toEqual(['/institution'])
    expect((await hub.root.patch(path, { institution: 'clinic' })).status).toBe(200)
    expect((await hub.root.patch(path, { institution: null })).status).toBe(200)
  })

  it('may be removed later, and are not asked for again', async () => {
    await hub.root.post('/institutions/gone', {})
    await hub.root.post('/people/ESPGON001ORG', { active: false })
    const body = { ...seen, person: 'ESPGON001ORG', institution: 'gone' }
    const path = await opened(body)
    expect((await hub.root.delete('/institutions/gone')).status).toBe(204)
    expect((await hub.root.delete('/people/ESPGON001ORG')).status).toBe(204)
    expect((await hub.root.patch(path, { reason: 'x', institution: 'gone' })).status).toBe(200)
    expect((await hub.root.put(path, { ...body, reason: 'y' })).status).toBe(200)
    expect((await hub.root.post(path, body)).status).toBe(200)
    expect(await refusals(body)).toEqual(['/person', '/institution'])
    await hub.root.patch(path, { institution: null })
    expect(await refusals({ institution: 'gone' }, 'PATCH', path)).toEqual(['/institution'])
  })

  it('are the one for ever, the other until another one is named', async () => {
    const path = await opened()
    for (const person of ['ESPOTH001ORG', 'ESPNEVER1ORG']) {
      expect(await refusals({ person }, 'PATCH', path)).toEqual(['/person'])
      expect(await refusals({ ...seen, person }, 'PUT', path)).toEqual(['/person'])
    }
    expect(await refusals({ person: null }, 'PATCH', path)).toEqual(['/person'])
    expect((await hub.root.patch(path, { person: 'espgnu777org' })).headers.get('ETag')).toBe('"0"')
    expect((await hub.root.post(path, { ...seen, person: 'ESPOTH001ORG' })).status).toBe(409)
  })
})

describe('what is wrong with an encounter', () => {
  it('is told all at once', async () => {
    const refused = await hub.root.post('/encounters', { status: 'shut', person: 'no account', end: 'late' })
    const pointers = (refused.json as { errors: { pointer: string }[] }).errors.map(({ pointer }) => pointer)
    expect(pointers.sort()).toEqual(['/end', '/person', '/start', '/status'])
  })

  it('is told in one order', async () => {
    const path = await opened({ status: 'closed' })
    const wrong = { status: 'open', person: 'ESPOTH001ORG', institution: 'no' }
    expect((await hub.root.patch('/encounters/never', { ...wrong, start: null })).status).toBe(422)
    expect((await hub.root.patch('/encounters/never', wrong)).status).toBe(404)
    expect((await hub.root.patch(path, wrong, { 'If-Match': '"7"' })).status).toBe(412)
    expect((await hub.root.patch(path, wrong)).status).toBe(409)
    expect((await hub.root.patch(path, { ...wrong, status: 'closed' })).status).toBe(422)
  })
})
