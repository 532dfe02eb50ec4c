import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../domain/json.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
  const people: Readonly<Record<string, JsonObject>> = {
    IBRAHIM: { name: 'İbrahim', lastname: 'Yıldız' },
    MUNOZ: { name: 'Ana  María', lastname: 'Muñoz' },
    OSTERGARD: { name: 'Søren', lastname: 'Østergård' },
    STRASSE: { name: 'Jörg', lastname: 'Weiße' },
  }
  for (const [id, person] of Object.entries(people)) await hub.root.post(`/people/${id}`, person)
})
afterAll(() => hub.close())

const idsBy = async (query: string): Promise<readonly string[]> => {
  const reply = await hub.root.get(`/people?${query}`)
  expect(reply.status, query).toBe(200)
  return (reply.json as { id: string }[]).map(({ id }) => id)
}

describe('people are found by name', () => {
  it.each([
    ['name=ibrahim', 'IBRAHIM'],
    ['name=IBRAHIM', 'IBRAHIM'],
    ['name=ıbrahım', 'IBRAHIM'],
    ['lastname=yildiz', 'IBRAHIM'],
    ['lastname=munoz', 'MUNOZ'],
    ['lastname=MUN%CC%83OZ', 'MUNOZ'],
    ['name=ana+maria', 'MUNOZ'],
    ['name=%20Ana%C2%A0%20María%20', 'MUNOZ'],
    ['lastname=ostergard', 'OSTERGARD'],
    ['name=soren&lastname=Østergård', 'OSTERGARD'],
    ['lastname=weisse&name=jorg', 'STRASSE'],
  ])('as people type it: %s', async (query, id) => expect(await idsBy(query)).toEqual([id]))

  it('as it was changed', async () => {
    await hub.root.post('/people/CHANGED', { name: 'Zoë' })
    for (const _ of ['once', 'again']) await hub.root.patch('/people/CHANGED', { name: 'Chloé' })
    expect(await idsBy('name=chloe')).toEqual(['CHANGED'])
    expect(await idsBy('name=zoe')).toEqual([])
  })

  it('of the longest that there can be, though its letters become eighteen', async () => {
    const name = '\ufdfa'.repeat(200)
    expect((await hub.root.post('/people/LONG', { name, lastname: name, gender: name })).status).toBe(201)
    for (const field of ['name', 'lastname', 'gender'])
      expect(await idsBy(`${field}=${encodeURIComponent(name)}`)).toEqual(['LONG'])
    expect(await idsBy(`name=${encodeURIComponent(`${name}x`)}`)).toEqual([])
    expect((await hub.root.post('/people/LONGER', { name: `${name}x` })).status).toBe(422)
  })
})

describe('people are found by the day of their birth', () => {
  it('as it was written down, whatever time and zone follow', async () => {
    await hub.root.post('/people/BORN', {})
    for (const _ of ['once', 'again'])
      await hub.root.patch('/people/BORN', { dob: '1985-10-04T00:00:00+02:00' })
    for (const dob of ['1985-10-04', '1985-10-04T10:00:00Z', '1985-10-04 23:59'])
      expect(await idsBy(`dob=${dob}`)).toEqual(['BORN'])
    for (const dob of ['1985-10-03', '1985-10-03T22:00:00Z']) expect(await idsBy(`dob=${dob}`)).toEqual([])
    expect((await hub.root.get('/people/BORN')).json).toMatchObject({ dob: '1985-10-04T00:00:00+02:00' })
  })

  it('unless it is an empty text: that counts as null, and is kept', async () => {
    const empty = { dob: '', gender: '' }
    for (const status of [201, 200])
      expect((await hub.root.post('/people/UNBORN', empty)).status).toBe(status)
    expect((await hub.root.get('/people/UNBORN')).json).toMatchObject(empty)
    expect(await idsBy('gender=')).toEqual([])
    expect((await hub.root.get('/people?dob=')).status).toBe(422)
    await hub.root.patch('/people/BORN', { dob: '' })
    expect(await idsBy('dob=1985-10-04')).toEqual([])
  })
})

describe('a person', () => {
  it('has another gender than the known ones, found by it', async () => {
    await hub.root.post('/people/TWOSPIRIT', { gender: 'Two-Spirit' })
    expect((await hub.root.get('/people/TWOSPIRIT')).json).toMatchObject({ gender: 'Two-Spirit' })
    expect(await idsBy('gender=two-spirit')).toEqual(['TWOSPIRIT'])
    expect((await hub.root.post('/people/NONE', { gender: 'x'.repeat(201) })).status).toBe(422)
  })

  it.each([
    { address: 'Calle Mayor 12', contact: '+34 928 000 000' },
    { address: { street: 'Calle Mayor', city: 'Las Palmas' }, contact: { email: 'ana@example.org' } },
    { address: null, contact: null },
  ])('has address and contact as texts or objects: %j', async body => {
    const id = `/people/ADDRESS-${String(typeof body.address).toUpperCase()}-${body.address === null}`
    for (const status of [201, 200]) expect((await hub.root.post(id, body)).status).toBe(status)
    expect((await hub.root.get(id)).json).toMatchObject(body)
    for (const status of [200, 200])
      expect((await hub.root.patch(id, { address: 'Moved' })).status).toBe(status)
    for (const wrong of [5, true, ['a']]) {
      const refused = await hub.root.patch(id, { address: wrong })
      expect(refused.status).toBe(422)
      expect(refused.json).toMatchObject({
        errors: [{ pointer: '/address', detail: 'must be an object or a text' }],
      })
    }
  })
})
