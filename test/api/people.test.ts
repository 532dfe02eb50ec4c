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
})
