import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic } from '../support/client.ts'
import { rootAccount, rootPassword, startTestHub, type TestHub } from '../support/hub.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
  await hub.root.post('/people/ESPEDG001ORG', { name: 'Ana' })
})
afterAll(() => hub.close())

const book = '/pols/ESPEDG001ORG'
let pages = 0
const newPage = () => {
  pages += 1
  return `${book}/edge-${pages}`
}

describe('a number', () => {
  it.each([
    ['9007199254740993', false],
    ['9007199254740993e0', false],
    ['9.007199254740993e15', false],
    ['90071992547409930e-1', false],
    ['900719925474099300E-2', false],
    ['9223372036854775808', false],
    ['1e400', false],
    ['1e-400', false],
    ['9007199254740992', true],
    ['6.02e23', true],
    ['1.50', true],
    ['-0', true],
    ['0e5', true],
    ['0.1234567890123456789', true],
    ['9007199254740994.0', true],
    ['9007199254740994e0', true],
    ['9007199254740993.0', false],
  ])('%s keeps its value or is refused', async (literal, isKept) => {
    const path = newPage()
    const reply = await hub.root.send('POST', path, { body: `{"v": ${literal}}` })
    expect(reply.status).toBe(isKept ? 201 : 422)
    if (!isKept) expect(reply.json).toMatchObject({ errors: [{ pointer: '/v' }] })
    // What was read can be sent back.
    else expect((await hub.root.send('PUT', path, { body: reply.text })).status).toBe(200)
  })
})

describe('a member that is repeated', () => {
  it('is what it is the last time, whatever it was before', async () => {
    const replaced = await hub.root.send('POST', newPage(), { body: '{"v":1e400,"v":1}' })
    expect([replaced.status, replaced.json]).toMatchObject([201, { v: 1 }])
    expect((await hub.root.send('POST', newPage(), { body: '{"v":1,"v":1e400}' })).status).toBe(422)
  })
})

describe('a request that is wrong in a hundred thousand places', () => {
  it('is told of them in an answer that is not longer than the request, however long its names are', async () => {
    const body = `{"${'n'.repeat(400_000)}": [${'1e999,'.repeat(200)}1]}`
    const refused = await hub.root.send('POST', newPage(), { body })
    expect(refused.status).toBe(422)
    expect(refused.text.length).toBeLessThan(20_000)
  })

  it('is told a hundred of them', async () => {
    const numbers = await hub.root.send('POST', newPage(), { body: `{"v": [${'1e999,'.repeat(100_000)}1]}` })
    expect(numbers.status).toBe(422)
    expect((numbers.json as { errors: unknown[] }).errors).toHaveLength(100)
    const members = Array.from({ length: 50_000 }, (_, n) => `"k${n}":1`).join(',')
    const strangers = await hub.root.send('PUT', '/people/ESPEDG001ORG/active', { body: `{${members}}` })
    expect(strangers.status).toBe(422)
    expect((strangers.json as { errors: unknown[] }).errors.length).toBeLessThanOrEqual(101)
    const roles = `{"roles": [${'1,'.repeat(100_000)}1]}`
    expect((await hub.root.send('POST', '/people/ESPEDG009ORG', { body: roles })).status).toBe(422)
  })
})

describe('a date of sixty thousand digits', () => {
  it('is none, wherever it stands', async () => {
    const long = `2020-01-01T00:00:00.${'0'.repeat(60_000)}1`
    const kept = await hub.root.patch('/people/ESPEDG001ORG', { creation_info: { timestamp: long } })
    expect(kept.status).toBe(200)
    expect((await hub.root.patch('/people/ESPEDG001ORG', { dob: long })).status).toBe(422)
  })
})

describe('an id that cannot be', () => {
  it('is told after what else is wrong with the request', async () => {
    expect((await hub.root.patch('/people/%20', { dob: 'soon' })).status).toBe(422)
    expect((await hub.root.patch('/people/%20', {}, { 'Idempotency-Key': 'a b' })).status).toBe(422)
    expect((await hub.root.get('/people/%20', { 'Thalamus-Min-Position': 'zz' })).status).toBe(422)
    expect((await hub.root.get('/pols/%20?x=1')).status).toBe(422)
    expect((await hub.root.get('/pols/%20')).status).toBe(404)
    expect((await hub.root.post('/pols/%20/x', {})).json).toMatchObject({ errors: [{ pointer: '/book' }] })
  })

  it('is 422 on POST and PUT also where the path cannot be decoded', async () => {
    for (const path of ['/people/%FF', '/pols/ESPEDG001ORG/%E0%A4%A']) {
      for (const method of ['POST', 'PUT'])
        expect((await hub.root.send(method, path, { body: {} })).status).toBe(422)
      for (const method of ['GET', 'PATCH', 'DELETE'])
        expect((await hub.root.send(method, path)).status).toBe(404)
    }
  })
})

describe('the person of a page', () => {
  it('is the one of the book, in upper case, where the body says it', async () => {
    expect((await hub.root.post(newPage(), { person: 'ITAPYT999HON' })).status).toBe(422)
    const path = newPage()
    const reply = await hub.root.post(path, { person: 'espedg001org' })
    expect(reply.json).toMatchObject({ person: 'ESPEDG001ORG' })
    expect((await hub.root.post(path, { person: 'espedg001org' })).status).toBe(200)
    expect((await hub.root.patch(path, { person: null })).status).toBe(422)
    expect((await hub.root.patch(path, { person: 'ESPEDG001ORG' })).status).toBe(200)
    expect((await hub.root.post(newPage(), {})).json).not.toHaveProperty('person')
  })
})

describe('a filter', () => {
  it('finds the context of a page whatever its domain', async () => {
    await hub.root.post(newPage(), { domain: 'social', context: 'stress' })
    await hub.root.post(newPage(), { domain: 'medical', context: 'lab' })
    expect((await hub.root.get(`${book}?medical_context=stress`)).json).toHaveLength(1)
    expect((await hub.root.get(`${book}?medical_context=LAB`)).json).toHaveLength(1)
  })
})

describe('an item near the limit of 900 KiB', () => {
  it('does not grow past it by whatever changes it', async () => {
    const room = 900 * 1024 - JSON.stringify({ id: 'ESPEDG002ORG', active: true, roles: [] }).length - 30
    const big = await hub.root.post('/people/ESPEDG002ORG', { v: 'x'.repeat(room) })
    expect(big.status).toBe(201)
    const roles = ['auditor', 'health_professional', 'end_user', 'root']
    expect((await hub.root.put('/people/ESPEDG002ORG/roles', { roles })).status).toBe(413)
    expect((await hub.root.patch('/people/ESPEDG002ORG', { w: 'x'.repeat(100) })).status).toBe(413)
  })
})

describe('roles', () => {
  it('are counted once, however often they are said', async () => {
    const reply = await hub.root.put('/people/ESPEDG001ORG/roles', { roles: Array(65).fill('end_user') })
    expect(reply.json).toMatchObject({ roles: ['end_user'] })
  })
})

describe('a PUT that created a person with a password', () => {
  it('may come again, and changes nothing', async () => {
    const body = { name: 'Eva', password: 'gnusolidario' }
    const put = (more: object = {}) => hub.root.put('/people/ESPEDG003ORG', { ...body, ...more })
    expect((await put()).status).toBe(201)
    const again = await put()
    expect([again.status, again.headers.get('ETag')]).toEqual([200, '"0"'])
    expect((await put({ password: 'another one' })).status).toBe(403)
    expect((await put({ name: 'Ida' })).status).toBe(403)
  })
})

describe('an Idempotency-Key of a collection', () => {
  const send = (body: object, key: string) =>
    hub.root.send('POST', book, { body: JSON.stringify(body), headers: { 'Idempotency-Key': key } })

  it('is for one request, also where another body names another item', async () => {
    expect((await send({ id: 'key-a' }, 'k1')).status).toBe(201)
    expect((await send({ id: 'key-a' }, 'k1')).status).toBe(201)
    expect((await send({ id: 'key-b' }, 'k1')).status).toBe(422)
    expect((await send({ summary: 'x' }, 'k1')).status).toBe(422)
    expect((await hub.root.get(`${book}/key-b`)).status).toBe(404)
  })

  it('is free again where the request added nothing', async () => {
    await hub.root.post(`${book}/key-taken`, { summary: 'first' })
    expect((await send({ id: 'key-taken', summary: 'other' }, 'k2')).status).toBe(409)
    expect((await send({ id: 'key-c' }, 'k2')).status).toBe(201)
  })
})

describe('what is no request', () => {
  const raw = (text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(hub.url)
      let answer = ''
      const socket = connect(Number(port), hostname, () => socket.write(text))
      socket.on('data', chunk => {
        answer += String(chunk)
      })
      socket.on('close', () => resolve(answer))
      socket.on('error', reject)
    })

  it.each([
    ['FOO /people HTTP/1.1\r\nHost: x\r\n\r\n', 405],
    [`GET /people HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['GET /people HTTP/1.1\r\nHost: x\r\nContent-Length: z\r\n\r\n', 400],
  ])('is answered as everything is: %j', async (text, status) => {
    const answer = await raw(text)
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    for (const header of [
      'Content-Type: application/problem\\+json',
      'X-Request-Id: ',
      'X-Content-Type-Options: nosniff',
    ])
      expect(answer).toMatch(new RegExp(header))
  })

  it.each([
    ['FOO /people', 405, 'GET, HEAD, POST, OPTIONS'],
    ['FOO /people/ESPEDG001ORG/roles?x=1', 405, 'PUT, OPTIONS'],
    ['FOO /livez', 405, 'GET, HEAD, OPTIONS'],
    ['FOO /oidc/token', 405, 'POST, OPTIONS'],
    ['CONNECT /people', 405, 'GET, HEAD, POST, OPTIONS'],
    ['TRACE /people', 405, 'GET, HEAD, POST, OPTIONS'],
    ['PROPFIND /people', 405, 'GET, HEAD, POST, OPTIONS'],
    ['PUT /people', 405, 'GET, HEAD, POST, OPTIONS'],
    ['FOO /nothing', 404, undefined],
    ['TRACE /nothing', 404, undefined],
    ['PATCH /people/a/b/c', 404, undefined],
  ])(
    'by a method that no route takes is told the methods of its own route: %s',
    async (line, status, allow) => {
      const answer = await raw(
        `${line} HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic(rootAccount, rootPassword)}\r\nConnection: close\r\n\r\n`,
      )
      expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
      expect(/\r\nAllow: ([^\r]*)/.exec(answer)?.[1]).toBe(allow)
    },
  )

  it.each(['Host', 'Authorization'])('with two %s lines is refused', async name => {
    const lines = { Host: 'x', Authorization: basic(rootAccount, rootPassword), Connection: 'close' }
    const head = [...Object.entries(lines), [name, 'y']].map(([key, value]) => `${key}: ${value}\r\n`)
    expect(await raw(`GET /people HTTP/1.1\r\n${head.join('')}\r\n`)).toMatch(/^HTTP\/1\.1 400 /)
  })

  it('is no matter where it only expects something odd', async () => {
    const answer = await raw('GET /livez HTTP/1.1\r\nHost: x\r\nExpect: foo\r\nConnection: close\r\n\r\n')
    expect(answer).toMatch(/^HTTP\/1\.1 200 /)
  })
})

describe('a query of the open paths', () => {
  it('takes no parameters', async () => {
    for (const path of ['/livez', '/readyz']) expect((await hub.nobody.get(`${path}?x=1`)).status).toBe(422)
  })
})
