import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic } from '../support/client.ts'
import { rootAccount, rootPassword, startTestHub, type TestHub } from '../support/hub.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
  await hub.root.post('/people/ESPGNU777ORG', { name: 'Ana' })
})
afterAll(() => hub.close())

/** The status of a request whose path is sent as it is written: other clients tidy it up first. */
const statusOf = async (request: string, body = '{"name":"x"}') => {
  const { hostname, port } = new URL(hub.url)
  const socket = connect(Number(port), hostname)
  const head = [
    `${request} HTTP/1.1`,
    `Host: ${hostname}`,
    'Connection: close',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `Authorization: ${basic(rootAccount, rootPassword)}`,
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
  return Number((await text(socket)).split(' ')[1])
}

describe('an empty id', () => {
  it.each([
    'GET /people/',
    'POST /people/',
    'PATCH /people/',
    'DELETE /people/',
    'GET /pols/',
    'GET /pols/ESPGNU777ORG/',
    'POST /pols/ESPGNU777ORG/',
    'DELETE /pols/ESPGNU777ORG/',
    'GET /people//roles',
    'PUT /people//active',
    'POST /password/',
    'GET /pols//page',
  ])('%s is at no route', async request => {
    expect(await statusOf(request)).toBe(404)
  })
})

describe('a path that is no other name of a route', () => {
  it.each([
    'GET //people',
    'GET /People',
    'GET /%70eople',
    'GET /people/ESPGNU777ORG/',
    'GET /people/ESPGNU777ORG/name',
    'GET /login/',
    'GET /pols',
    'GET /password',
    'GET /people/ESPGNU777ORG/roles/root',
    'GET /people/%',
    'GET /people/%ff',
    'PATCH /pols/ESPGNU777ORG/%zz',
  ])('%s is 404', async request => {
    expect(await statusOf(request)).toBe(404)
  })
})

describe('a dot as an id', () => {
  it.each(['.', '..', '%2e', '%2E%2e'])('%s names nothing, and goes nowhere', async id => {
    for (const path of [`/people/${id}`, `/pols/ESPGNU777ORG/${id}`]) {
      for (const method of ['GET', 'PATCH', 'DELETE']) expect(await statusOf(`${method} ${path}`)).toBe(404)
      for (const method of ['POST', 'PUT']) expect(await statusOf(`${method} ${path}`)).toBe(422)
    }
    for (const path of [`/people/${id}/roles`, `/people/${id}/active`])
      expect(await statusOf(`PUT ${path}`)).toBe(422)
    expect(await statusOf(`POST /password/${id}`)).toBe(422)
    expect(await statusOf(`POST /pols/${id}`)).toBe(422)
  })
})

describe('a method that a route does not take', () => {
  it.each([
    ['PUT /people', 'GET, HEAD, POST, OPTIONS'],
    ['DELETE /pols/ESPGNU777ORG', 'GET, HEAD, POST, OPTIONS'],
    ['PROPFIND /people/ESPGNU777ORG', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'],
    ['GET /people/ESPGNU777ORG/roles', 'PUT, OPTIONS'],
    ['POST /people/ESPGNU777ORG/active', 'PUT, OPTIONS'],
    ['PUT /password/ESPGNU777ORG', 'GET, HEAD, POST, OPTIONS'],
    ['POST /login', 'GET, HEAD, OPTIONS'],
    ['DELETE /readyz', 'GET, HEAD, OPTIONS'],
  ])('%s is 405, and told %s', async (request, allow) => {
    const [method = '', path = ''] = request.split(' ')
    const refused = await hub.root.send(method, path)
    expect(refused.status).toBe(405)
    expect(refused.headers.get('Allow')).toBe(allow)
    expect(refused.json).toMatchObject({ type: 'urn:thalamus:problem:method-not-allowed', status: 405 })
  })

  it('is refused before what the caller may not do, and after who the caller is', async () => {
    expect((await hub.nobody.send('PUT', '/people')).status).toBe(401)
    expect((await hub.nobody.send('GET', '/people/ESPGNU777ORG/roles')).status).toBe(401)
  })
})

describe('HEAD', () => {
  it.each(['/people', '/people/ESPGNU777ORG', '/pols/ESPGNU777ORG', '/login', '/people/NOBODY', '/livez'])(
    'of %s answers as GET does, without the body',
    async path => {
      const get = await hub.root.get(path)
      const head = await hub.root.send('HEAD', path)
      expect([head.status, head.text]).toEqual([get.status, ''])
      for (const name of ['Content-Length', 'Content-Type', 'ETag', 'Link'])
        expect(head.headers.get(name)).toBe(get.headers.get(name))
    },
  )
})
