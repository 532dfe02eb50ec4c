import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestHub, type TestHub } from '../support/hub.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
  await hub.root.post('/people/ESPGNU777ORG', {})
})
afterAll(() => hub.close())

const impossible = ['%20', 'a%20b', 'a%2Fb', '%00', '%0A', 'a%7F', 'é', '%C4%B1', '%C3%9F', '$where']

describe('an id that cannot be', () => {
  it.each([...impossible, 'A'.repeat(65)])('%s names no person', async id => {
    expect((await hub.root.get(`/people/${id}`)).status).toBe(404)
    expect((await hub.root.patch(`/people/${id}`, { name: 'x' })).status).toBe(404)
    expect((await hub.root.delete(`/people/${id}`)).status).toBe(404)
    expect((await hub.root.post(`/people/${id}`, { name: 'x' })).status).toBe(422)
    expect((await hub.root.put(`/people/${id}`, { name: 'x' })).status).toBe(422)
    expect((await hub.root.get(`/pols/${id}`)).status).toBe(404)
  })

  it.each([...impossible, 'a'.repeat(129)])('%s names no page', async id => {
    const path = `/pols/ESPGNU777ORG/${id}`
    expect((await hub.root.get(path)).status).toBe(404)
    expect((await hub.root.delete(path)).status).toBe(404)
    const refused = await hub.root.post(path, {})
    expect(refused.status).toBe(422)
    expect(refused.json).toMatchObject({ errors: [{ pointer: '/id' }] })
  })

  it('in a body is refused too', async () => {
    for (const id of ['', 'a b', 'x'.repeat(129), 5, {}])
      expect((await hub.root.post('/pols/ESPGNU777ORG', { id })).status).toBe(422)
    for (const id of ['', 'ı', 'a/b', 7]) expect((await hub.root.post('/people', { id })).status).toBe(422)
  })

  it('that cannot even be decoded is a path that does not exist', async () => {
    expect((await hub.root.get('/people/%E0%A4%A')).status).toBe(404)
    expect((await hub.nobody.get('/people/%E0%A4%A')).status).toBe(401)
  })

  it('is no reason to refuse the longest and oddest that can be', async () => {
    expect((await hub.root.post(`/people/${'A'.repeat(64)}`, {})).status).toBe(201)
    expect((await hub.root.post('/people/nn-x.y_1', {})).json).toMatchObject({ id: 'NN-X.Y_1' })
    expect((await hub.root.post(`/pols/ESPGNU777ORG/${'a'.repeat(128)}`, {})).status).toBe(201)
    expect((await hub.root.post('/pols/ESPGNU777ORG/A:b~c._-', {})).status).toBe(201)
    expect((await hub.root.get('/pols/ESPGNU777ORG/a:b~c._-')).status).toBe(404)
  })
})
