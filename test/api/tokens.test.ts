import { createHmac, createSign, generateKeyPairSync, sign } from 'node:crypto'
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rotateSigningKey } from '../../auth/signing-keys.ts'
import { clientOf } from '../support/client.ts'
import { right } from '../support/either.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'
import {
  byKey,
  bySecret,
  discover,
  enroll,
  enrolledNode,
  type KeyPair,
  keyPair,
  requestToken,
  tokenOf,
  withToken,
} from '../support/nodes.ts'

let hub: TestHub
let secret: string
let keys: KeyPair
beforeAll(async () => {
  hub = await startTestHub()
  secret = await enroll(hub.root, 'clinic', ['people:read', 'people:write', 'pols:write'])
  keys = await keyPair('clinic-1')
  await hub.root.patch('/nodes/clinic', { jwks: { keys: [keys.publicJwk] } })
  await hub.root.post('/people/ESPTOK001ORG', { name: 'Ana' })
})
afterAll(() => hub.close())

const decoded = (part: string | undefined): Record<string, unknown> =>
  JSON.parse(Buffer.from(part ?? '', 'base64url').toString())
const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const read = async (token: string, scheme = 'Bearer') =>
  (await clientOf(hub.url, `${scheme} ${token}`).get('/people/ESPTOK001ORG')).status

describe('discovery', () => {
  it('is the same at both well-known places, whatever Host a request claims', async () => {
    const get = (path: string, headers = {}) => clientOf(hub.url).get(path, headers)
    const usual = await get('/oidc/.well-known/openid-configuration')
    const forged = { Host: 'evil.example', 'X-Forwarded-Host': 'evil.example', 'X-Forwarded-Proto': 'gopher' }
    expect(usual.json).toMatchObject({
      issuer: `${hub.url}/oidc`,
      token_endpoint: `${hub.url}/oidc/token`,
      jwks_uri: `${hub.url}/oidc/jwks`,
      grant_types_supported: ['client_credentials'],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'private_key_jwt'],
    })
    for (const path of [
      '/oidc/.well-known/openid-configuration',
      '/.well-known/oauth-authorization-server/oidc',
    ])
      expect((await get(path, forged)).json).toEqual(usual.json)
    expect(usual.text).not.toContain('authorization_endpoint')
    expect(usual.headers.get('Access-Control-Allow-Origin')).toBeNull()
  })

  it('publishes public keys only', async () => {
    const { json } = await clientOf(hub.url).get('/oidc/jwks')
    expect(json).toMatchObject({ keys: [{ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig' }] })
    expect(JSON.stringify(json)).not.toContain('"d"')
  })

  it('leaves everything else below /oidc closed', async () => {
    for (const path of ['/oidc/auth', '/oidc/me', '/oidc/session/end', '/oidc/token/introspection', '/oidc'])
      expect((await clientOf(hub.url).get(path)).status).toBe(401)
    expect((await clientOf(hub.url).get('/oidc/token')).status).toBe(405)
  })
})

describe('a token', () => {
  it('is a JWT of RFC 9068 for this hub, short-lived and signed with EdDSA', async () => {
    const [header, payload] = (await tokenOf(hub.url, 'clinic', bySecret(secret)))
      .split('.')
      .slice(0, 2)
      .map(decoded)
    expect(header).toMatchObject({ alg: 'EdDSA', typ: 'at+jwt' })
    expect(payload).toMatchObject({
      iss: `${hub.url}/oidc`,
      aud: hub.url,
      client_id: 'clinic',
      sub: 'clinic',
      scope: 'people:read people:write pols:write',
      jti: expect.any(String),
    })
    expect(Number(payload?.exp) - Number(payload?.iat)).toBe(600)
  })

  it('is given for a secret and for a key, to the same node', async () => {
    expect(await read(await tokenOf(hub.url, 'clinic', bySecret(secret)))).toBe(200)
    expect(await read(await tokenOf(hub.url, 'clinic', byKey(keys)))).toBe(200)
  })

  it('has only scopes that were asked for and that the node holds', async () => {
    const token = await tokenOf(hub.url, 'clinic', bySecret(secret), 'people:read')
    expect(decoded(token.split('.')[1])).toMatchObject({ scope: 'people:read' })
    for (const scope of ['people:delete', 'people:read nodes:write', 'openid', 'no-such-scope']) {
      const refused = await requestToken(hub.url, 'clinic', bySecret(secret), { scope })
      expect([refused.status, await refused.json()]).toMatchObject([400, { error: 'invalid_scope' }])
    }
  })

  it('is for this hub only', async () => {
    const own = await requestToken(hub.url, 'clinic', bySecret(secret), { resource: hub.url })
    expect(own.status).toBe(200)
    const other = await requestToken(hub.url, 'clinic', bySecret(secret), {
      resource: 'https://other.example',
    })
    expect([other.status, await other.json()]).toMatchObject([400, { error: 'invalid_target' }])
  })

  it('is refused in the form of OAuth', async () => {
    const wrong = await requestToken(hub.url, 'clinic', bySecret('wrong'))
    expect([wrong.status, await wrong.json()]).toMatchObject([401, { error: 'invalid_client' }])
    expect(wrong.headers.get('WWW-Authenticate')).toMatch(/^Basic /)
    const post = (body: string) =>
      clientOf(hub.url).send('POST', '/oidc/token', {
        body,
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      })
    expect((await post('grant_type=client_credentials&client_id=clinic')).json).toHaveProperty('error')
    const inBody = await post(`grant_type=client_credentials&client_id=clinic&client_secret=${secret}`)
    expect(inBody.status).toBeGreaterThanOrEqual(400)
  })
})

describe('what a token opens', () => {
  it('is told by its scopes, and 403 names the one that is missing', async () => {
    const client = await enrolledNode(hub.url, hub.root, 'lab', ['people:read'])
    expect((await client.get('/people')).status).toBe(200)
    const refused = await client.patch('/people/ESPTOK001ORG', { name: 'Eva' })
    expect(refused.status).toBe(403)
    expect(refused.headers.get('WWW-Authenticate')).toMatch(
      /^Bearer .*error="insufficient_scope", scope="people:write"/,
    )
    expect(refused.json).toMatchObject({ type: 'urn:thalamus:problem:insufficient-scope' })
    for (const path of ['/login', '/pols/ESPTOK001ORG', '/nodes'])
      expect((await client.get(path)).status).toBe(403)
    expect((await client.put('/people/ESPTOK001ORG/roles', { roles: ['root'] })).status).toBe(403)
    expect((await client.post('/password/ESPTOK001ORG', { password: 'gnusolidario' })).status).toBe(403)
  })

  it('ends at once when a scope is taken from the node', async () => {
    const client = await enrolledNode(hub.url, hub.root, 'lab-2', ['people:read', 'pols:read'])
    expect((await client.get('/people')).status).toBe(200)
    await hub.root.patch('/nodes/lab-2', { scopes: ['pols:read'] })
    expect((await client.get('/people')).status).toBe(403)
    expect((await client.get('/pols/ESPTOK001ORG')).status).toBe(200)
  })

  it('lets a node neither give roles nor set passwords', async () => {
    const client = withToken(hub.url, await tokenOf(hub.url, 'clinic', bySecret(secret)))
    expect((await client.post('/people/ESPTOK002ORG', { roles: ['root'] })).status).toBe(403)
    expect((await client.post('/people/ESPTOK002ORG', { password: 'gnusolidario' })).status).toBe(403)
    expect((await client.post('/people/ESPTOK002ORG', { name: 'Eva' })).status).toBe(201)
  })

  it('is written with the node as actor, and leaves what the body claims as it came', async () => {
    const client = withToken(hub.url, await tokenOf(hub.url, 'clinic', bySecret(secret)))
    const creation_info = { user: 'ITAPYT999HON', timestamp: '2024-01-02 03:04:05', node: 'SOMEWHERE' }
    expect((await client.post('/pols/ESPTOK001ORG/p1', { creation_info })).status).toBe(201)
    const run = await right(hub.core.ports.log.read('page-ESPTOK001ORG:p1'))
    expect(run.events[0]?.event.data).toMatchObject({ creation_info })
    expect(run.events[0]?.metadata).toMatchObject({
      actor: { kind: 'node', id: 'clinic', node: 'clinic' },
      occurredAt: '2024-01-02T03:04:05Z',
    })
  })
})

describe('what is no token of this hub', () => {
  const claims = (more: object = {}) => {
    const now = Math.floor(Date.now() / 1000)
    return {
      iss: `${hub.url}/oidc`,
      aud: hub.url,
      sub: 'clinic',
      client_id: 'clinic',
      jti: 'x',
      iat: now,
      exp: now + 600,
      scope: 'people:read',
      ...more,
    }
  }
  /** Signed with the hub's own key: only what is said is wrong. */
  const signed = async (payload: object, header: object = {}): Promise<string> => {
    const [own] = await right(hub.core.auth.signingKeys())
    const jwk = JSON.parse(own?.jwk ?? '')
    const text = `${encoded({ alg: 'EdDSA', typ: 'at+jwt', kid: jwk.kid, ...header })}.${encoded(payload)}`
    const signature = sign(null, Buffer.from(text), { key: jwk, format: 'jwk' })
    return `${text}.${signature.toString('base64url')}`
  }

  it('would pass if it were right: the hub’s own signature over good claims', async () => {
    expect(await read(await signed(claims()))).toBe(200)
  })

  it.each<[string, object, object?]>([
    ['expired', { exp: Math.floor(Date.now() / 1000) - 1 }],
    ['of a foreign issuer', { iss: 'https://evil.example' }],
    ['for another audience', { aud: 'https://other.example' }],
    ['of a node that never was', { client_id: 'nobody', sub: 'nobody' }],
    ['without an expiry', { exp: undefined }],
    ['an ID token', {}, { typ: 'JWT' }],
    ['bound to a key that is not shown', { cnf: { jkt: 'x'.repeat(43) } }],
    ['of an unknown key', {}, { kid: 'another' }],
  ])('is 401: a token %s', async (_, more, header) => {
    const reply = await clientOf(hub.url, `Bearer ${await signed(claims(more), header)}`).get('/people')
    expect(reply.status).toBe(401)
    expect(reply.headers.get('WWW-Authenticate')).toContain('error="invalid_token"')
  })

  it('is 401: no signature, or one by the public key as if it were a secret (RFC 8725, section 2.1)', async () => {
    const published = await clientOf(hub.url).get('/oidc/jwks')
    const [key] = (published.json as { keys: [{ x: string; kid: string }] }).keys
    const none = `${encoded({ alg: 'none', typ: 'at+jwt' })}.${encoded(claims())}.`
    expect(await read(none)).toBe(401)
    for (const material of [key.x, Buffer.from(key.x, 'base64url'), JSON.stringify(key)]) {
      const text = `${encoded({ alg: 'HS256', typ: 'at+jwt', kid: key.kid })}.${encoded(claims())}`
      const mac = createHmac('sha256', material).update(text).digest('base64url')
      expect(await read(`${text}.${mac}`)).toBe(401)
    }
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const text = `${encoded({ alg: 'RS256', typ: 'at+jwt', kid: key.kid })}.${encoded(claims())}`
    const foreign = createSign('sha256').update(text).sign(privateKey, 'base64url')
    expect(await read(`${text}.${foreign}`)).toBe(401)
  })

  it('is 401: one of more than 8 KiB, unread, and what is no token at all', async () => {
    const long = await signed(claims({ filler: 'x'.repeat(8_192) }))
    expect(await read(long)).toBe(401)
    for (const text of ['', 'a', 'a.b', 'a.b.c', '..', `${await signed(claims())}x`])
      expect(await read(text)).toBe(401)
  })

  it('is 401 once it has expired, however often it was good before', async () => {
    const token = await signed(claims({ exp: Math.floor(Date.now() / 1000) + 2 }))
    expect(await read(token)).toBe(200)
    await expect.poll(() => read(token), { timeout: 10_000, interval: 200 }).toBe(401)
  })
})

describe('a token of a node', () => {
  it('is good no more once the secret it was got with is retired', async () => {
    const first = await enroll(hub.root, 'rotating', ['people:read'])
    const old = await tokenOf(hub.url, 'rotating', bySecret(first))
    const { json } = await hub.root.send('POST', '/nodes/rotating/secrets')
    const second = String(Object(json).client_secret)
    const fresh = await tokenOf(hub.url, 'rotating', bySecret(second))
    expect([await read(old), await read(fresh)]).toEqual([200, 200])
    expect((await hub.root.delete('/nodes/rotating/secrets/old')).status).toBe(204)
    expect([await read(old), await read(fresh)]).toEqual([401, 200])
  })

  it('is good no more once the key it was got with is removed', async () => {
    const [old, present] = [await keyPair('old'), await keyPair('present')]
    const change = (...pairs: readonly KeyPair[]) =>
      hub.root.patch('/nodes/rekeyed', { jwks: { keys: pairs.map(({ publicJwk }) => publicJwk) } })
    await enroll(hub.root, 'rekeyed', ['people:read'])
    await change(old, present)
    const tokens = [
      await tokenOf(hub.url, 'rekeyed', byKey(old)),
      await tokenOf(hub.url, 'rekeyed', byKey(present)),
    ]
    const statuses = () => Promise.all(tokens.map(token => read(token)))
    expect(await statuses()).toEqual([200, 200])
    await change(present)
    expect(await statuses()).toEqual([401, 200])
    // Another key of the same name is another key.
    await change({ ...(await keyPair('old')), kid: 'old' }, present)
    expect(await statuses()).toEqual([401, 200])
  })

  it('is good no more once the node was suspended, though it was reinstated since', async () => {
    const nodeKeys = await keyPair('paused-1')
    const nodeSecret = await enroll(hub.root, 'paused', ['people:read'])
    await hub.root.patch('/nodes/paused', { jwks: { keys: [nodeKeys.publicJwk] } })
    const tokens = [
      await tokenOf(hub.url, 'paused', bySecret(nodeSecret)),
      await tokenOf(hub.url, 'paused', byKey(nodeKeys)),
    ]
    const statuses = () => Promise.all(tokens.map(token => read(token)))
    expect(await statuses()).toEqual([200, 200])
    await hub.root.put('/nodes/paused/status', { status: 'suspended' })
    expect(await statuses()).toEqual([401, 401])
    const reinstated = await hub.root.put('/nodes/paused/status', { status: 'active' })
    expect(reinstated.json).not.toHaveProperty('suspensions')
    expect(await statuses()).toEqual([401, 401])
    expect(await read(await tokenOf(hub.url, 'paused', bySecret(nodeSecret)))).toBe(200)
  })
})

describe('a token request', () => {
  const send = (body: string, authorization = `Basic ${btoa(`clinic:${secret}`)}`) =>
    clientOf(hub.url, authorization).send('POST', '/oidc/token', {
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: Uint8Array.from(body, character => character.charCodeAt(0)),
    })

  it.each(['client_secret=another', 'client_secret=', 'client_id=another', 'client_assertion=a.b.c'])(
    'shows one proof of who sends it: credentials, and %s in the body',
    async more => {
      const both = await send(`grant_type=client_credentials&${more}`)
      expect([both.status, both.json]).toMatchObject([400, { error: 'invalid_request' }])
    },
  )

  it('may repeat the client id of its credentials', async () => {
    expect((await send('grant_type=client_credentials&client_id=clinic')).status).toBe(200)
  })

  it('takes the origin as a URL parser writes it', async () => {
    const resource = encodeURIComponent(`${hub.url}/`)
    const answer = await send(`grant_type=client_credentials&resource=${resource}`)
    expect(answer.status).toBe(200)
    const { aud } = decoded(String(Object(answer.json).access_token).split('.')[1])
    expect(aud).toBe(hub.url)
  })

  it.each(['grant_type=client_credentials&x=%ff', 'grant_type=client_credentials&scope=caf\xe9'])(
    'is refused where its body is not UTF-8: %j',
    async body => {
      const refused = await send(body)
      expect([refused.status, refused.json]).toMatchObject([400, { error: 'invalid_request' }])
    },
  )

  it.each(['x=%ff', 'client_secret=another'])(
    'does not tell by its refusal whether there is such a node: %s in the body, and wrong credentials',
    async more => {
      for (const clientId of ['clinic', 'nobody']) {
        const refused = await send(`grant_type=client_credentials&${more}`, `Basic ${btoa(`${clientId}:x`)}`)
        expect([refused.status, refused.json]).toMatchObject([400, { error: 'invalid_request' }])
      }
    },
  )

  it('is refused where the client id in its body is not UTF-8, before a node is looked for', async () => {
    const refused = await clientOf(hub.url).send('POST', '/oidc/token', {
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: 'grant_type=client_credentials&client_id=caf%e9',
    })
    expect([refused.status, refused.json]).toMatchObject([400, { error: 'invalid_request' }])
  })

  it.each([btoa('caf\xe9:secret'), btoa('clinic:\xff\xfe'), btoa('%ff:secret')])(
    'is refused where its credentials are not UTF-8: %s',
    async credentials => {
      expect((await send('grant_type=client_credentials', `Basic ${credentials}`)).status).toBe(401)
      expect((await clientOf(hub.url, `Basic ${credentials}`).get('/login')).status).toBe(401)
    },
  )
})

describe('a client assertion', () => {
  const assertion = async (
    more: object = {},
    signer: Pick<KeyPair, 'privateKey'> & { readonly kid: string | undefined } = keys,
  ) => {
    const now = Math.floor(Date.now() / 1000)
    const payload = {
      iss: 'clinic',
      sub: 'clinic',
      aud: `${hub.url}/oidc`,
      jti: `j-${Math.random()}`,
      iat: now,
      exp: now + 60,
      ...more,
    }
    const text = `${encoded({ alg: 'EdDSA', kid: signer.kid })}.${encoded(payload)}`
    const signature = await crypto.subtle.sign('Ed25519', signer.privateKey, Buffer.from(text))
    return `${text}.${Buffer.from(signature).toString('base64url')}`
  }
  const present = (client_assertion: string, client_id = 'clinic') =>
    clientOf(hub.url).send('POST', '/oidc/token', {
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion,
      }).toString(),
    })

  it('is good for issuer and token endpoint, once', async () => {
    for (const aud of [`${hub.url}/oidc`, `${hub.url}/oidc/token`]) {
      const one = await assertion({ aud })
      expect((await present(one)).status).toBe(200)
      expect((await present(one)).status).toBe(401)
    }
  })

  it('may name both of its audiences, and be from a clock that is a little ahead', async () => {
    const now = Math.floor(Date.now() / 1000)
    const aud = [`${hub.url}/oidc`, `${hub.url}/oidc/token`]
    expect((await present(await assertion({ aud, iat: now + 30 }))).status).toBe(200)
  })

  it('that names no key opens a token that any key of the node ends, for any may have signed it', async () => {
    const [one, other] = [await keyPair('one'), await keyPair('other')]
    const change = (...pairs: readonly KeyPair[]) =>
      hub.root.patch('/nodes/unnamed', { jwks: { keys: pairs.map(({ publicJwk }) => publicJwk) } })
    await enroll(hub.root, 'unnamed', ['people:read'])
    await change(one, other)
    const unnamed = await assertion({ iss: 'unnamed', sub: 'unnamed' }, { ...one, kid: undefined })
    const { json } = await present(unnamed, 'unnamed')
    const token = String(Object(json).access_token)
    expect(await read(token)).toBe(200)
    await change(one)
    expect(await read(token)).toBe(401)
  })

  it('is good once also when it comes twenty times at once', async () => {
    const one = await assertion()
    const replies = await Promise.all(Array.from({ length: 20 }, () => present(one)))
    const statuses = replies.map(({ status }) => status).sort()
    expect(statuses).toEqual([200, ...Array(19).fill(401)])
  })

  it('is refused when it says anything wrong', async () => {
    const now = Math.floor(Date.now() / 1000)
    for (const wrong of [
      { aud: 'https://evil.example' },
      { exp: now - 60 },
      { exp: now + 86_400 },
      { iss: 'another' },
      { jti: undefined },
      { iat: now + 90 },
      { nbf: now + 90 },
      { aud: [`${hub.url}/oidc`, 'https://evil.example'] },
      { aud: [] },
    ])
      expect((await present(await assertion(wrong))).status).toBe(401)
    expect((await present(await assertion({}, { ...(await keyPair('clinic-1')) }))).status).toBe(401)
  })
})

describe('a token bound to a key (DPoP)', () => {
  it('is given, taken with a proof, and never without one or with one used before', async () => {
    const pair = await oauth.generateKeyPair('ES256')
    const client = { client_id: 'clinic' }
    const dpop = oauth.DPoP({ [oauth.clockSkew]: 0 }, pair)
    const answer = await requestToken(hub.url, 'clinic', bySecret(secret), {}, dpop)
    const granted = await oauth.processClientCredentialsResponse(await discover(hub.url), client, answer)
    expect(granted.token_type).toBe('dpop')
    const url = new URL(`${hub.url}/people/ESPTOK001ORG`)
    let proof = ''
    const options = {
      DPoP: dpop,
      [oauth.allowInsecureRequests]: true,
      [oauth.customFetch]: (input: string, init: { headers: Record<string, string> }) => {
        proof = init.headers.dpop ?? ''
        return fetch(input, init)
      },
    }
    const taken = await oauth.protectedResourceRequest(
      granted.access_token,
      'GET',
      url,
      undefined,
      undefined,
      options,
    )
    expect(taken.status).toBe(200)
    const again = { Authorization: `DPoP ${granted.access_token}`, DPoP: proof }
    expect(proof).not.toBe('')
    expect((await clientOf(hub.url).get(url.pathname, again)).status).toBe(401)
    // The same proof spelt anew: the last character of base64url holds bits that say nothing.
    const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const spelt = last[last.indexOf(proof.at(-1) ?? 'A') ^ 1] ?? ''
    const anew = { ...again, DPoP: `${proof.slice(0, -1)}${spelt}` }
    expect((await clientOf(hub.url).get(url.pathname, anew)).status).toBe(401)
    expect(await read(granted.access_token)).toBe(401)
    expect(await read(granted.access_token, 'DPoP')).toBe(401)
  })
})

describe('the token endpoint', () => {
  it('leaves the connection good after a body it did not read', async () => {
    const body = new ReadableStream({
      start: controller => {
        controller.enqueue(
          new TextEncoder().encode(`grant_type=client_credentials&x=${'x'.repeat(1_000_000)}`),
        )
        controller.close()
      },
    })
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
    const refused = await fetch(`${hub.url}/oidc/token`, {
      method: 'POST',
      headers,
      body,
      duplex: 'half',
    } as RequestInit)
    expect(refused.status).toBeGreaterThanOrEqual(400)
    await refused.text()
    for (let i = 0; i < 3; i += 1) expect((await fetch(`${hub.url}/livez`)).status).toBe(200)
  })

  it('says how to authenticate, whatever was tried', async () => {
    const wrong = oauth.PrivateKeyJwt({ key: (await keyPair('other')).privateKey, kid: 'clinic-1' })
    const reply = await requestToken(hub.url, 'clinic', wrong)
    expect([reply.status, reply.headers.get('WWW-Authenticate')]).toEqual([
      401,
      expect.stringMatching(/^Basic /),
    ])
  })
})

describe('the signing key', () => {
  it('is rotated with overlap: old tokens stay good, new ones are signed with the new key', async () => {
    const before = await tokenOf(hub.url, 'clinic', bySecret(secret))
    const { kid } = await right(rotateSigningKey(hub.core.auth))
    await expect
      .poll(async () => decoded((await tokenOf(hub.url, 'clinic', bySecret(secret))).split('.')[0]).kid, {
        timeout: 10_000,
      })
      .toBe(kid)
    expect(await read(before)).toBe(200)
    expect(await read(await tokenOf(hub.url, 'clinic', bySecret(secret)))).toBe(200)
    const { json } = await clientOf(hub.url).get('/oidc/jwks')
    expect(json).toMatchObject({ keys: [{ kid }, {}] })
  })

  it('is ended at once where it got out: what it signed is refused, and is published no more', async () => {
    const before = await tokenOf(hub.url, 'clinic', bySecret(secret))
    const { kid } = await right(rotateSigningKey(hub.core.auth, 'end'))
    await expect.poll(() => read(before), { timeout: 10_000 }).toBe(401)
    expect(await read(await tokenOf(hub.url, 'clinic', bySecret(secret)))).toBe(200)
    const { json } = await clientOf(hub.url).get('/oidc/jwks')
    expect(json).toMatchObject({ keys: [{ kid }] })
  })
})
