import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestHub, type TestHub } from '../support/hub.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
})
afterAll(() => hub.close())

let people = 0
/** A new person at revision 1. */
const newPerson = async () => {
  people += 1
  const path = `/people/ESPCON${String(people).padStart(3, '0')}ORG`
  await hub.root.post(path, { name: 'Ana' })
  await hub.root.patch(path, { name: 'Eva' })
  return path
}

describe('a conditional request', () => {
  it('with the present revision is done', async () => {
    const path = await newPerson()
    expect((await hub.root.patch(path, { name: 'Ida' }, { 'If-Match': '"1"' })).headers.get('ETag')).toBe(
      '"2"',
    )
    expect((await hub.root.patch(path, { name: 'Isa' }, { 'If-Match': '"7", "2"' })).status).toBe(200)
    expect((await hub.root.patch(path, { name: 'Ines' }, { 'If-Match': '*' })).status).toBe(200)
  })

  it.each(['"0"', 'W/"1"', '1', '"x"', ''])('with If-Match %s is refused', async tag => {
    const path = await newPerson()
    for (const method of ['PATCH', 'PUT', 'DELETE']) {
      const refused = await hub.root.send(method, path, {
        headers: { 'If-Match': tag },
        body: { name: 'Ida' },
      })
      expect(refused.status).toBe(412)
    }
    expect((await hub.root.put(`${path}/active`, { active: false }, { 'If-Match': tag })).status).toBe(412)
    expect((await hub.root.get(path)).headers.get('ETag')).toBe('"1"')
  })

  it('that changes nothing is still refused at another revision', async () => {
    const path = await newPerson()
    expect((await hub.root.patch(path, { name: 'Eva' }, { 'If-Match': '"0"' })).status).toBe(412)
  })

  it('to create is refused with any If-Match', async () => {
    const path = await newPerson()
    expect((await hub.root.post(path, { name: 'Eva' }, { 'If-Match': '"1"' })).status).toBe(412)
    expect((await hub.root.post('/people/ESPCONNEWORG', {}, { 'If-Match': '*' })).status).toBe(412)
    expect((await hub.root.put('/people/ESPCONNEWORG', {}, { 'If-Match': '*' })).status).toBe(412)
    expect((await hub.root.patch('/people/ESPCONNEWORG', {}, { 'If-Match': '*' })).status).toBe(404)
  })

  it('may ask that there is nothing yet', async () => {
    const path = await newPerson()
    expect((await hub.root.put(path, { name: 'Eva' }, { 'If-None-Match': '*' })).status).toBe(412)
    expect((await hub.root.put('/people/ESPCONPUTORG', {}, { 'If-None-Match': '*' })).status).toBe(201)
  })

  it('to read a copy that is current is answered 304 without a body', async () => {
    const path = await newPerson()
    for (const tag of ['"1"', 'W/"1"', '"0", "1"', '*']) {
      const read = await hub.root.get(path, { 'If-None-Match': tag })
      expect(read.status).toBe(304)
      expect(read.text).toBe('')
      expect(read.headers.get('ETag')).toBe('"1"')
    }
    expect((await hub.root.get(path, { 'If-None-Match': '"0"' })).status).toBe(200)
  })
})

describe('ten writers of one person at once', () => {
  const tenTimes = (path: string, headers: Readonly<Record<string, string>> = {}) =>
    Promise.all(Array.from({ length: 10 }, (_, i) => hub.root.patch(path, { [`writer${i}`]: i }, headers)))

  it('all succeed, and nobody overwrites another', async () => {
    const path = await newPerson()
    const replies = await tenTimes(path)
    expect(replies.map(({ status }) => status)).toEqual(Array(10).fill(200))
    const person = await hub.root.get(path)
    expect(person.headers.get('ETag')).toBe('"11"')
    for (let i = 0; i < 10; i += 1) expect(person.json).toMatchObject({ [`writer${i}`]: i })
  })

  it('with one If-Match leave exactly one', async () => {
    const path = await newPerson()
    const replies = await tenTimes(path, { 'If-Match': '"1"' })
    expect(replies.map(({ status }) => status).sort()).toEqual([200, ...Array(9).fill(412)])
  })
})
