import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../domain/json.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
  await hub.root.post('/people/ESPGNU777ORG', {})
})
afterAll(() => hub.close())

const long = 'x'.repeat(201)
const event = { person: 'ESPGNU777ORG', type: 'birth', date: '2024-01-02' }

/** What a record may say, and what it may not. */
const registers: Readonly<
  Record<string, { readonly good: readonly JsonObject[]; readonly bad: readonly JsonObject[] }>
> = {
  'domiciliary-units': {
    good: [
      { name: 'GC-001', latitude: 28.1, longitude: -15.4, altitude: -3.5, total_surface: 80.5, bedrooms: 0 },
      { latitude: -90, longitude: 180, housing: 4, bathrooms: 2 },
      {
        housing: '0',
        dwelling: 'townhouse',
        materials: 'adobe',
        roof_type: 'thatch',
        address_street_number: 7,
      },
      { sewers: true, internet: false, members: ['ESPGNU777ORG'], dwelling: null, latitude: null },
    ],
    bad: [
      ...[{ latitude: 90.01 }, { latitude: '28' }, { longitude: -181 }, { altitude: 'high' }],
      ...[{ total_surface: -1 }, { bedrooms: -1 }, { bathrooms: 1.5 }, { housing: 5 }, { housing: '' }],
      ...[{ dwelling: 'Apartment' }, { materials: 'thatch' }, { roof_type: 'tin' }, { water: 'yes' }],
      ...[{ name: 7 }, { creation_info: 'me' }],
    ],
  },
  institutions: {
    good: [
      { code: 'GRAL', name: 'General Hospital', institution_type: 'hospital', beds: 0, or_number: 3 },
      { public_level: 'mixed', trauma_center: true, trauma_level: 'five', specialties: ['cardiology'] },
      { code: 'GRAL', institution_type: null, teaching: false, heliport: null, roles: ['a', 'a'] },
    ],
    bad: [
      ...[{ institution_type: 'pharmacy' }, { beds: -1 }, { beds: '12' }, { or_number: 0.5 }],
      ...[{ public_level: 'state' }, { trauma_level: 1 }, { teaching: 'no' }, { name: ['x'] }],
    ],
  },
  events: {
    good: [event, { ...event, institution: null, notifiable: 'yes', type: 'notifiable_condition' }],
    bad: [
      ...[{ type: 'baptism' }, { type: null }, { date: '2024-02-30' }, { date: null }, { person: null }],
      ...[{ person: 'a b' }, { person: 'ESPNEVER1ORG' }, { institution: 'none' }, { institution: 5 }],
    ].map(wrong => ({ ...event, ...wrong })),
  },
  'personal-documents': {
    good: [
      {
        person: 'espgnu777org',
        type: 'x'.repeat(200),
        page: 'any page',
        extension: 'pdf',
        description: long,
      },
      { person: 'ESPGNU777ORG', page: null, type: null, active: true, fedacct: 'kept', hash: 'kept' },
    ],
    bad: [
      ...[{ person: null }, { person: 'ESPNEVER1ORG' }, { type: long }, { page: long }, { type: 1 }],
      ...[{ description: 5 }, { active: 'yes' }],
    ].map(wrong => ({ person: 'ESPGNU777ORG', ...wrong })),
  },
}

const cases = (which: 'good' | 'bad') =>
  Object.entries(registers).flatMap(([collection, { [which]: bodies }]) =>
    bodies.map((body, n) => [collection, `${which}-${n}`, body] as const),
  )

describe('what the registers of the federation hold', () => {
  it.each(cases('good'))('/%s/%s is kept as it came: %j', async (collection, id, body) => {
    const created = await hub.root.post(`/${collection}/${id}`, body)
    const person = typeof body.person === 'string' ? { person: 'ESPGNU777ORG' } : {}
    expect([created.status, created.json]).toEqual([201, { ...body, ...person, id }])
    expect((await hub.root.post(`/${collection}/${id}`, body)).status).toBe(200)
    expect((await hub.root.get(`/${collection}/${id}`)).text).toBe(created.text)
  })

  it.each(cases('bad'))('/%s/%s is refused, by the name of its field: %j', async (collection, id, body) => {
    for (const method of ['POST', 'PUT']) {
      const refused = await hub.root.send(method, `/${collection}/${id}`, { body })
      expect(refused.status).toBe(422)
      const { errors } = refused.json as { errors: { pointer: string; detail: string }[] }
      expect(errors).toHaveLength(1)
      expect(Object.keys(body)).toContain(errors[0]?.pointer.slice(1))
      expect(errors[0]?.detail).toMatch(/^(must|names)/)
    }
    expect((await hub.root.get(`/${collection}/${id}`)).status).toBe(404)
  })

  it('gets its id from the hub where it is one of many, not where it is registered', async () => {
    for (const collection of ['events', 'personal-documents']) {
      const created = await hub.root.post(`/${collection}`, { ...event, id: null })
      expect(created.status).toBe(201)
      expect(created.headers.get('Location')).toMatch(new RegExp(`^/${collection}/[0-9a-f-]{36}$`))
    }
    for (const collection of ['domiciliary-units', 'institutions']) {
      const refused = await hub.root.post(`/${collection}`, { name: 'A' })
      expect([refused.status, refused.json]).toMatchObject([422, { errors: [{ pointer: '/id' }] }])
      expect((await hub.root.post(`/${collection}`, { id: 'a', name: 'A' })).status).toBe(201)
    }
  })

  it('leaves what was recorded of a life event readable after it was corrected and retracted', async () => {
    const path = '/events/corrected'
    await hub.root.post(path, event)
    expect((await hub.root.patch(path, { type: 'stillbirth' })).json).toMatchObject({ type: 'stillbirth' })
    expect((await hub.root.patch(path, { date: null })).json).toMatchObject({
      errors: [{ pointer: '/date' }],
    })
    expect((await hub.root.put(path, { ...event, date: '2024-01-03' })).json).toMatchObject({ type: 'birth' })
    expect((await hub.root.put(path, { ...event, type: null })).status).toBe(422)
    expect((await hub.root.delete(path)).status).toBe(204)
    const stream = await hub.core.ports.log.read('event-corrected')
    expect(stream).toMatchObject({
      right: {
        events: [
          { event: { type: 'LifeEventRecorded' }, metadata: { subject: 'ESPGNU777ORG' } },
          { event: { type: 'LifeEventCorrected', data: { type: 'stillbirth' } } },
          { event: { type: 'LifeEventReplaced' } },
          { event: { type: 'LifeEventRetracted' }, metadata: { subject: 'ESPGNU777ORG' } },
        ],
      },
    })
  })
})
