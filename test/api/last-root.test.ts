import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rootAccount, startTestHub, type TestHub } from '../support/hub.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
})
afterAll(() => hub.close())

const path = `/people/${rootAccount}`
const deactivate = (id = rootAccount) => hub.root.put(`/people/${id}/active`, { active: false })
const takeRole = (id = rootAccount) => hub.root.put(`/people/${id}/roles`, { roles: ['end_user'] })

/** Whether the hub's root was refused to go, both ways, and is as before. */
const stays = async () => {
  expect((await deactivate()).status).toBe(409)
  expect((await takeRole()).status).toBe(409)
  expect((await hub.root.get(path)).json).toMatchObject({ active: true, roles: ['root'] })
}

describe('the last active root who can log in', () => {
  it('stays, whoever else there is', async () => {
    await stays()
    await hub.root.post('/people/ESPROO001ORG', { name: 'cannot log in', roles: ['root'] })
    await stays()
    await hub.person('ESPROO002ORG', ['health_professional', 'auditor'])
    await stays()
  })

  it('is told of a stale revision first', async () => {
    for (const [what, body] of [
      ['active', { active: false }],
      ['roles', { roles: [] }],
    ] as const) {
      const refused = await hub.root.put(`${path}/${what}`, body, { 'If-Match': '"77"' })
      expect(refused.status).toBe(412)
    }
  })

  it('may be told what is so already, and get further roles', async () => {
    expect((await hub.root.put(`${path}/active`, { active: true })).status).toBe(200)
    const more = await hub.root.put(`${path}/roles`, { roles: ['auditor', 'root'] })
    expect(more.json).toMatchObject({ roles: ['auditor', 'root'] })
    expect((await hub.root.put(`${path}/roles`, { roles: ['root'] })).status).toBe(200)
  })

  it('may not be removed, nor changed by PATCH or PUT', async () => {
    expect((await hub.root.delete(path)).status).toBe(409)
    for (const body of [{ active: false }, { roles: [] }, { roles: null }])
      expect((await hub.root.patch(path, body)).status).toBe(403)
    expect((await hub.root.put(path, { roles: [] })).status).toBe(403)
  })

  it('is the one who remains, when two go at once', async () => {
    const second = await hub.person('ESPROO003ORG', ['root'])
    const replies = await Promise.all([
      second.put(`${path}/active`, { active: false }),
      hub.root.put('/people/ESPROO003ORG/active', { active: false }),
    ])
    const statuses = replies.map(({ status }) => status)
    // The one who went first may be out before the other's request is looked at.
    expect(statuses.filter(status => status === 200)).toHaveLength(1)
    for (const status of statuses) expect([200, 401, 409]).toContain(status)
    const remaining = statuses[0] === 200 ? second : hub.root
    const gone = statuses[0] === 200 ? rootAccount : 'ESPROO003ORG'
    expect((await remaining.get('/people')).status).toBe(200)
    expect((await remaining.put(`/people/${gone}/active`, { active: true })).status).toBe(200)
    expect((await deactivate('ESPROO003ORG')).status).toBe(200)
    await stays()
  })
})
