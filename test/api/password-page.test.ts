import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { formToken } from '../../api/people/form-token.ts'
import { basic, type Client, type Reply } from '../support/client.ts'
import { right } from '../support/either.ts'
import { holdBack } from '../support/held-back.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'
import { enrolledNode } from '../support/nodes.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
})
afterAll(() => hub.close())

const ofForms = { 'Content-Type': 'application/x-www-form-urlencoded' }
const login = async (id: string, password: string) => (await hub.as(id, password).get('/login')).status

const tokenIn = ({ text }: Reply): string => /name="token" value="([^"]*)"/.exec(text)?.[1] ?? ''

const encoded = (fields: Readonly<Record<string, string>>): string => new URLSearchParams(fields).toString()

const post = (client: Client, id: string, body: string | Uint8Array<ArrayBuffer>) =>
  client.send('POST', `/password/${id}`, { body, headers: ofForms })

/** Opens the page and posts its form, as a browser does. */
const fill = async (client: Client, id: string, password: string, repeated = password) => {
  const token = tokenIn(await client.get(`/password/${id}`))
  return post(client, id, encoded({ token, password, repeated }))
}

const expectPage = (reply: Reply, status: number) => {
  expect([reply.status, reply.headers.get('Content-Type')]).toEqual([status, 'text/html; charset=utf-8'])
  expect(reply.headers.get('Cache-Control')).toBe('no-store')
  expect(reply.headers.get('Referrer-Policy')).toBe('no-referrer')
  const policy = reply.headers.get('Content-Security-Policy') ?? ''
  for (const part of [
    "default-src 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ])
    expect(policy).toContain(part)
  expect(policy).not.toContain('script-src')
  expect(policy).not.toContain('unsafe')
  expect(reply.text).not.toContain('<script')
}

describe('the page for a password', () => {
  it('is a form that sets one’s own password, whatever the role', async () => {
    const client = await hub.person('ESPPAGE01ORG', [])
    const page = await client.get('/password/ESPPAGE01ORG')
    expectPage(page, 200)
    expect(page.text).toContain('<form method="post">')
    const set = await fill(client, 'ESPPAGE01ORG', 'a new password')
    expectPage(set, 200)
    expect(set.text).toContain('ESPPAGE01ORG')
    expect(set.headers.get('Thalamus-Position')).not.toBeNull()
    expect(await login('ESPPAGE01ORG', 'a new password')).toBe(200)
    expect(await login('ESPPAGE01ORG', 'gnusolidario')).toBe(401)
  })

  it('is asked for by a browser with credentials, and is not for nodes', async () => {
    const page = await hub.nobody.get('/password/ESPPAGE01ORG')
    expect([page.status, page.headers.get('WWW-Authenticate')]).toEqual([
      401,
      expect.stringMatching(/^Basic /),
    ])
    const node = await enrolledNode(hub.url, hub.root, 'no-pages', ['people:write'])
    expect((await node.get('/password/ESPPAGE01ORG')).status).toBe(403)
  })

  it('of another is for who may set it', async () => {
    const ana = await hub.person('ESPPAGE02ORG', ['health_professional'])
    await hub.root.post('/people/ESPPAGE03ORG', {})
    expect((await ana.get('/password/ESPPAGE03ORG')).status).toBe(403)
    const token = tokenIn(await hub.root.get('/password/ESPPAGE03ORG'))
    const fields = encoded({ token, password: 'taken over', repeated: 'taken over' })
    expect((await post(ana, 'ESPPAGE03ORG', fields)).status).toBe(403)
    expectPage(await fill(hub.root, 'ESPPAGE03ORG', 'given by root'), 200)
    expect(await login('ESPPAGE03ORG', 'given by root')).toBe(200)
  })

  it('takes spaces, signs and letters of every alphabet, and an account in lower case', async () => {
    const client = await hub.person('ESPPAGE04ORG', [])
    const password = '¿a+b & c=d% ü😀?'
    expectPage(await fill(client, 'esppage04org', password), 200)
    expect(await login('ESPPAGE04ORG', password)).toBe(200)
  })

  it('says what is wrong, and shows the form again', async () => {
    const client = await hub.person('ESPPAGE05ORG', [])
    for (const [password, repeated, reason] of [
      ['12345', '12345', 'characters'],
      ['é'.repeat(33), 'é'.repeat(33), 'bytes'],
      ['a new password', 'another one', 'the same'],
      ['', '', 'characters'],
    ] as const) {
      const refused = await fill(client, 'ESPPAGE05ORG', password, repeated)
      expectPage(refused, 422)
      expect(refused.text).toContain(reason)
      expect(tokenIn(refused)).not.toBe('')
      if (password !== '') expect(refused.text).not.toContain(password)
    }
    expect(await login('ESPPAGE05ORG', 'gnusolidario')).toBe(200)
  })

  it('says that there is no such person, or no longer', async () => {
    await hub.root.post('/people/ESPPAGE06ORG', { active: false })
    await hub.root.delete('/people/ESPPAGE06ORG')
    expectPage(await fill(hub.root, 'ESPPAGE06ORG', 'gnusolidario'), 410)
    expectPage(await fill(hub.root, 'ESPNEVER1ORG', 'gnusolidario'), 404)
    expect((await hub.root.get('/password/%20')).status).toBe(404)
    expect((await hub.root.get('/password/ESPPAGE05ORG?x=1')).status).toBe(422)
  })
})

describe('the token of the form', () => {
  const password = 'a forged one'

  it('must be of this caller, this account and this hub, and not expired', async () => {
    const client = await hub.person('ESPTOKEN1ORG', [])
    await hub.person('ESPTOKEN2ORG', ['root'])
    const ofRoot = tokenIn(await hub.root.get('/password/ESPTOKEN1ORG'))
    const ofAnother = tokenIn(await hub.root.get('/password/ESPTOKEN2ORG'))
    const own = tokenIn(await client.get('/password/ESPTOKEN1ORG'))
    const key = await right(hub.core.auth.secret('forms'))
    const caller = { kind: 'person', id: 'ESPTOKEN1ORG' } as const
    const expired = formToken(key, caller, 'ESPTOKEN1ORG', Date.now() - 1)
    const later = own.replace(/^\d+/, digits => String(Number(digits) + 1))
    for (const token of ['', 'x', ofRoot, ofAnother, expired, later, `${own}x`]) {
      const refused = await post(client, 'ESPTOKEN1ORG', encoded({ token, password, repeated: password }))
      expectPage(refused, 403)
    }
    expectPage(await post(client, 'ESPTOKEN1ORG', encoded({ password, repeated: password })), 403)
    expect(await login('ESPTOKEN1ORG', 'gnusolidario')).toBe(200)
    expect((await hub.root.get('/people/ESPTOKEN1ORG')).headers.get('ETag')).toBe('"0"')
  })

  it('opens nothing to who lost the right since', async () => {
    await hub.person('ESPTOKEN3ORG', ['root'])
    const client = hub.as('ESPTOKEN3ORG', 'gnusolidario')
    await hub.root.post('/people/ESPTOKEN4ORG', {})
    const token = tokenIn(await client.get('/password/ESPTOKEN4ORG'))
    const body = encoded({ token, password, repeated: password })
    const held = await holdBack(
      hub.url,
      basic('ESPTOKEN3ORG', 'gnusolidario'),
      'POST',
      '/password/ESPTOKEN4ORG',
      body,
      ofForms,
    )
    await hub.root.put('/people/ESPTOKEN3ORG/roles', { roles: [] })
    expect((await held.finish()).status).toBe(403)
    expect(await login('ESPTOKEN4ORG', password)).toBe(401)
  })
})

describe('a form', () => {
  let client: Client
  let token: string
  beforeAll(async () => {
    client = await hub.person('ESPFORM01ORG', [])
    token = tokenIn(await client.get('/password/ESPFORM01ORG'))
  })

  it.each([
    ['too large', 413, 'a'.repeat(16 * 1024 + 1)],
    ['not UTF-8', 422, 'password=caf%e9caf%e9&repeated=caf%e9caf%e9'],
    ['bytes that are not UTF-8', 422, new Uint8Array([0x70, 0x3d, 0xe9])],
    ['not encoded as forms are', 422, 'password=%zz'],
    ['with a field twice', 422, 'password=a&password=b'],
  ])('that is %s is refused', async (_, status, body) => {
    const text = typeof body === 'string' && status === 422 ? `token=${token}&${body}` : body
    expectPage(await post(client, 'ESPFORM01ORG', text), status)
    expect(await login('ESPFORM01ORG', 'gnusolidario')).toBe(200)
  })

  it('of another charset or coding is refused', async () => {
    const send = (headers: Readonly<Record<string, string>>) =>
      client.send('POST', '/password/ESPFORM01ORG', { body: 'token=x', headers: { ...ofForms, ...headers } })
    expectPage(await send({ 'Content-Type': `${ofForms['Content-Type']}; charset=latin1` }), 415)
    expectPage(await send({ 'Content-Encoding': 'gzip' }), 415)
    expectPage(await send({ 'Content-Type': `${ofForms['Content-Type']}; charset=UTF-8` }), 403)
  })
})
