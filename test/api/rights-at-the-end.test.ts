import pino from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startHub } from '../../main.ts'
import { unmeasured } from '../../metrics/metrics.ts'
import { basic } from '../support/client.ts'
import { holdBack } from '../support/held-back.ts'
import { rootAccount, rootPassword, startTestHub, type TestHub } from '../support/hub.ts'
import { bySecret, enroll, tokenOf } from '../support/nodes.ts'

const password = 'gnusolidario'

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
  await hub.root.post('/people/ESPGNU777ORG', {})
})
afterAll(() => hub.close())

const hold = (account: string, method: string, path: string, body: object) =>
  holdBack(hub.url, basic(account, password), method, path, JSON.stringify(body))

const deactivate = (id: string) => hub.root.put(`/people/${id}/active`, { active: false })
const takeRoles = (id: string, roles: readonly string[] = []) =>
  hub.root.put(`/people/${id}/roles`, { roles })

/** A node, its token, and what its manager does to it. */
const nodeWith = async (id: string, scopes: readonly string[]) => {
  const token = await tokenOf(hub.url, id, bySecret(await enroll(hub.root, id, scopes)))
  return {
    hold: (method: string, path: string, body: string) =>
      holdBack(hub.url, `Bearer ${token}`, method, path, body),
    setStatus: (status: string) => hub.root.put(`/nodes/${id}/status`, { status }),
    change: (patch: { readonly scopes: readonly string[] }) => hub.root.patch(`/nodes/${id}`, patch),
  }
}

describe('rights are looked at again when the body is there', () => {
  it('a root who lost the role and was deactivated makes nobody root', async () => {
    await hub.person('ESPROOT01ORG', ['root'])
    await hub.root.post('/people/ESPACC001ORG', {})
    const held = await hold('ESPROOT01ORG', 'PUT', '/people/ESPACC001ORG/roles', { roles: ['root'] })
    await takeRoles('ESPROOT01ORG')
    await deactivate('ESPROOT01ORG')
    expect((await held.finish()).status).toBe(401)
    expect((await hub.root.get('/people/ESPACC001ORG')).json).toMatchObject({ roles: ['end_user'] })
  })

  it('a root who only lost the role makes nobody root either', async () => {
    await hub.person('ESPROOT02ORG', ['root'])
    await hub.root.post('/people/ESPACC002ORG', {})
    const held = await hold('ESPROOT02ORG', 'PUT', '/people/ESPACC002ORG/roles', { roles: ['root'] })
    await takeRoles('ESPROOT02ORG', ['end_user'])
    expect((await held.finish()).status).toBe(403)
    expect((await hub.root.get('/people/ESPACC002ORG')).json).toMatchObject({ roles: ['end_user'] })
  })

  it.each([
    ['POST', '/people', { id: 'ESPNEW001ORG' }],
    ['POST', '/people/ESPNEW001ORG', {}],
    ['PUT', '/people/ESPGNU777ORG', { name: 'Eva' }],
    ['PATCH', '/people/ESPGNU777ORG', { name: 'Eva' }],
    ['PUT', '/people/ESPGNU777ORG/active', { active: false }],
    ['POST', '/password/ESPGNU777ORG', { password: 'taken over' }],
    ['POST', '/pols/ESPGNU777ORG', {}],
    ['POST', '/nodes', { client_id: 'late', name: 'Late', scopes: [] }],
    ['POST', '/nodes/some-node/secrets', {}],
  ] as const)('%s %s of somebody deactivated meanwhile is 401', async (method, path, body) => {
    const id = `ESPG${method}${path.replaceAll(/[^A-Za-z]/g, '')}`.toUpperCase().slice(0, 60)
    await hub.person(id, ['root'])
    const before = await hub.root.get('/people/ESPGNU777ORG')
    const held = await hold(id, method, path, body)
    await deactivate(id)
    expect((await held.finish()).status).toBe(401)
    const after = await hub.root.get('/people/ESPGNU777ORG')
    expect([after.text, after.headers.get('ETag')]).toEqual([before.text, before.headers.get('ETag')])
    expect((await hub.root.get('/people/ESPNEW001ORG')).status).toBe(404)
    expect((await hub.root.get('/nodes/late')).status).toBe(404)
  })

  it('a person whose password was set meanwhile is 401', async () => {
    await hub.person('ESPPAS001ORG', ['end_user'])
    const held = await hold('ESPPAS001ORG', 'PATCH', '/people/ESPPAS001ORG', { name: 'Eva' })
    await hub.root.post('/password/ESPPAS001ORG', { password: 'another one' })
    expect((await held.finish()).status).toBe(401)
  })

  it('what a creation may say is looked at again: the right to set a password may be gone', async () => {
    await hub.person('ESPCRE001ORG', ['root'])
    const held = await hold('ESPCRE001ORG', 'POST', '/people/ESPCRE002ORG', { password: 'gnusolidario' })
    await takeRoles('ESPCRE001ORG', ['health_professional'])
    expect((await held.finish()).status).toBe(403)
    expect((await hub.root.get('/people/ESPCRE002ORG')).status).toBe(404)
  })

  it('a node that lost the scope, or was suspended, writes nothing', async () => {
    const node = await nodeWith('writer', ['people:write'])
    const body = JSON.stringify({ name: 'Node' })
    const first = await node.hold('PATCH', '/people/ESPGNU777ORG', body)
    await node.change({ scopes: [] })
    expect((await first.finish()).status).toBe(403)
    await node.change({ scopes: ['people:write'] })
    const second = await node.hold('PATCH', '/people/ESPGNU777ORG', body)
    await node.setStatus('suspended')
    expect((await second.finish()).status).toBe(401)
    expect((await hub.root.get('/people/ESPGNU777ORG')).headers.get('ETag')).toBe('"0"')
  })

  it('the upload of a node that was suspended meanwhile leaves nothing', async () => {
    await hub.root.post('/personal-documents/scan', { person: 'ESPGNU777ORG' })
    const node = await nodeWith('scanner', ['personal-documents:write'])
    const held = await node.hold('PUT', '/personal-documents/scan/content', '0123456789')
    await node.setStatus('suspended')
    expect((await held.finish()).status).toBe(401)
    const document = await hub.root.get('/personal-documents/scan')
    expect([document.headers.get('ETag'), document.json]).toEqual([
      '"0"',
      expect.not.objectContaining({ content: expect.anything() }),
    ])
    expect((await hub.root.get('/personal-documents/scan/content')).status).toBe(404)
  })

  it('a hub that has heard nothing of its log for too long meanwhile writes nothing', async () => {
    const { core } = hub
    let silence = 0
    const standing = { ...core.standing, silentFor: () => silence }
    const other = await startHub(
      { ...core, standing, metrics: unmeasured, close: async () => {} },
      pino({ level: 'silent' }),
    )
    const held = await holdBack(
      other.url,
      basic(rootAccount, rootPassword),
      'PATCH',
      '/people/ESPGNU777ORG',
      '{"name":"Eva"}',
    )
    silence = 10_001
    expect((await held.finish()).status).toBe(503)
    await other.close()
  })
})
