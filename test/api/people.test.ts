import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestHub, type TestHub } from '../support/hub.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
})
afterAll(() => hub.close())

const ana = { name: 'Ana', lastname: 'Betz', dob: '1985-10-04', gender: 'f' }

describe('a person', () => {
  it('is registered once, however often the same is sent', async () => {
    const first = await hub.root.post('/people/ESPGNU777ORG', ana)
    expect(first.status).toBe(201)
    expect(first.headers.get('Location')).toBe('/people/ESPGNU777ORG')
    const again = await hub.root.post('/people/espgnu777org', ana)
    expect(again.status).toBe(200)
    expect(again.headers.get('ETag')).toBe(first.headers.get('ETag'))
    expect(again.headers.get('Thalamus-Position')).toBe(first.headers.get('Thalamus-Position'))
    expect(again.json).toEqual({ ...ana, id: 'ESPGNU777ORG', active: true, roles: ['end_user'] })
  })

  it('is registered through the collection with its id, and not without one', async () => {
    const created = await hub.root.post('/people', { id: 'espaaa001org', ...ana })
    expect(created.status).toBe(201)
    expect(created.headers.get('Location')).toBe('/people/ESPAAA001ORG')
    expect((await hub.root.post('/people', { id: 'ESPAAA001ORG', ...ana })).status).toBe(200)
    const without = await hub.root.post('/people', ana)
    expect(without.status).toBe(422)
    expect(without.json).toMatchObject({ errors: [{ pointer: '/id' }] })
  })

  it('is not replaced by a POST with other content, but recognised by what it is now', async () => {
    await hub.root.post('/people/ESPAAA002ORG', ana)
    expect((await hub.root.post('/people/ESPAAA002ORG', { ...ana, name: 'Eva' })).status).toBe(409)
    await hub.root.patch('/people/ESPAAA002ORG', { name: 'Eva' })
    expect((await hub.root.post('/people/ESPAAA002ORG', { ...ana, name: 'Eva' })).status).toBe(200)
    expect((await hub.root.post('/people/ESPAAA002ORG', ana)).status).toBe(200)
    const reordered = { gender: 'f', dob: '1985-10-04', lastname: 'Betz', name: 'Eva', id: 'espaaa002org' }
    expect((await hub.root.post('/people/ESPAAA002ORG', reordered)).status).toBe(200)
  })

  it('is put where there was none, and replaced where there was one', async () => {
    const created = await hub.root.put('/people/ESPAAA003ORG', ana)
    expect(created.status).toBe(201)
    const replaced = await hub.root.put('/people/ESPAAA003ORG', { name: 'Eva' })
    expect(replaced.status).toBe(200)
    expect(replaced.json).toEqual({ name: 'Eva', id: 'ESPAAA003ORG', active: true, roles: ['end_user'] })
    const same = await hub.root.put('/people/ESPAAA003ORG', { name: 'Eva' })
    expect(same.headers.get('ETag')).toBe(replaced.headers.get('ETag'))
    expect(
      (await hub.root.put('/people/ESPAAA003ORG', { name: 'Ida' }, { 'If-None-Match': '*' })).status,
    ).toBe(412)
  })

  it('is changed by a merge patch; a patch that changes nothing adds nothing', async () => {
    await hub.root.post('/people/ESPAAA004ORG', { ...ana, address: { city: 'Las Palmas', zip: '35001' } })
    const patched = await hub.root.patch('/people/ESPAAA004ORG', {
      address: { zip: null },
      lastname: 'Cordara',
    })
    expect(patched.status).toBe(200)
    expect(patched.headers.get('ETag')).toBe('"1"')
    expect(patched.json).toMatchObject({ lastname: 'Cordara', address: { city: 'Las Palmas' } })
    const again = await hub.root.patch('/people/ESPAAA004ORG', {
      address: { zip: null },
      lastname: 'Cordara',
    })
    expect(again.status).toBe(200)
    expect(again.headers.get('ETag')).toBe('"1"')
    expect((await hub.root.get('/people/ESPAAA004ORG')).json).toEqual(patched.json)
  })

  it('keeps its account: a patch with another id is refused, with its own ignored', async () => {
    await hub.root.post('/people/ESPAAA005ORG', ana)
    for (const id of ['ESPZZZ999ORG', null, 5]) {
      const refused = await hub.root.patch('/people/ESPAAA005ORG', { id })
      expect(refused.status).toBe(422)
      expect(refused.json).toMatchObject({ errors: [{ pointer: '/id' }] })
    }
    expect((await hub.root.patch('/people/ESPAAA005ORG', { id: 'espaaa005org' })).headers.get('ETag')).toBe(
      '"0"',
    )
    expect((await hub.root.post('/people/ESPAAA006ORG', { ...ana, id: null })).status).toBe(201)
    expect((await hub.root.post('/people/ESPAAA007ORG', { ...ana, id: 'ESPZZZ999ORG' })).status).toBe(422)
  })

  it('is removed once inactive, stays gone, and its account is not used again', async () => {
    await hub.root.post('/people/ESPAAA008ORG', ana)
    expect((await hub.root.delete('/people/ESPAAA008ORG')).status).toBe(409)
    expect((await hub.root.put('/people/ESPAAA008ORG/active', { active: false })).status).toBe(200)
    const removed = await hub.root.delete('/people/ESPAAA008ORG')
    expect(removed.status).toBe(204)
    expect(removed.headers.get('Thalamus-Position')).not.toBeNull()
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])
      expect(
        (await hub.root.send(method, '/people/ESPAAA008ORG', method === 'GET' ? {} : { body: ana })).status,
      ).toBe(410)
    expect((await hub.root.get('/pols/ESPAAA008ORG')).status).toBe(410)
    expect((await hub.root.get('/people?limit=1000')).text).not.toContain('ESPAAA008ORG')
  })

  it('that never was is 404', async () => {
    expect((await hub.root.get('/people/NOBODY')).status).toBe(404)
    expect((await hub.root.patch('/people/NOBODY', ana)).status).toBe(404)
    expect((await hub.root.delete('/people/NOBODY')).status).toBe(404)
    expect((await hub.root.put('/people/NOBODY/active', { active: true })).status).toBe(404)
  })
})

describe('roles and active', () => {
  it('change by their own requests, repeats dropped', async () => {
    await hub.root.post('/people/ESPAAA009ORG', ana)
    const given = await hub.root.put('/people/ESPAAA009ORG/roles', {
      roles: ['auditor', 'auditor', 'end_user'],
    })
    expect(given.status).toBe(200)
    expect(given.json).toMatchObject({ roles: ['auditor', 'end_user'] })
    const again = await hub.root.put('/people/ESPAAA009ORG/roles', { roles: ['auditor', 'end_user'] })
    expect(again.headers.get('ETag')).toBe(given.headers.get('ETag'))
    expect((await hub.root.put('/people/ESPAAA009ORG/roles', { roles: [] })).status).toBe(200)
    for (const roles of [['nobody'], 'root', [5], null])
      expect((await hub.root.put('/people/ESPAAA009ORG/roles', { roles })).status).toBe(422)
    expect((await hub.root.put('/people/ESPAAA009ORG/active', { active: 'no' })).status).toBe(422)
  })

  it('in a PATCH or PUT are ignored when equal and refused when different', async () => {
    await hub.root.post('/people/ESPAAA010ORG', ana)
    const equal = await hub.root.patch('/people/ESPAAA010ORG', { roles: ['end_user'], active: true })
    expect(equal.status).toBe(200)
    expect(equal.headers.get('ETag')).toBe('"0"')
    for (const body of [{ roles: ['root'] }, { active: false }, { password: 'a new one' }]) {
      expect((await hub.root.patch('/people/ESPAAA010ORG', body)).status).toBe(403)
      expect((await hub.root.put('/people/ESPAAA010ORG', { ...ana, ...body })).status).toBe(403)
    }
    expect((await hub.root.get('/people/ESPAAA010ORG')).headers.get('ETag')).toBe('"0"')
  })

  it('never leave the hub without a root who can log in', async () => {
    expect((await hub.root.put('/people/ARGBUE111FAV/active', { active: false })).status).toBe(409)
    expect((await hub.root.put('/people/ARGBUE111FAV/roles', { roles: ['auditor'] })).status).toBe(409)
    await hub.root.post('/people/ESPAAA011ORG', { roles: ['root'] })
    expect((await hub.root.put('/people/ARGBUE111FAV/active', { active: false })).status).toBe(409)
  })
})
