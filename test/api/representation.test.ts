import { request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { preferredCoding, representationOf } from '../../api/http/representation.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
})
afterAll(() => hub.close())

/** An answer as it comes over the wire: `fetch` decodes what it gets. */
const ask = async (method: string, path: string, headers: Readonly<Record<string, string>> = {}) => {
  const { hostname, port } = new URL(hub.url)
  const sent = request({ hostname, port, path, method, headers })
  const response = await new Promise<import('node:http').IncomingMessage>((resolve, reject) =>
    sent.on('response', resolve).on('error', reject).end(),
  )
  return { status: response.statusCode, headers: response.headers, body: await buffer(response) }
}

describe('the preferred content coding', () => {
  it.each([
    [undefined, 'identity'],
    ['', 'identity'],
    ['gzip', 'gzip'],
    ['GZIP', 'gzip'],
    ['gzip, deflate, br, zstd', 'br'],
    ['br;q=0.5, gzip;q=0.8', 'gzip'],
    ['br; q=0, *', 'gzip'],
    ['*', 'br'],
    ['*;q=0', 'identity'],
    ['gzip;q=0', 'identity'],
    ['identity, gzip;q=0.5', 'identity'],
    ['gzip;q=0.001', 'gzip'],
    ['gzip;q=x', 'identity'],
    ['deflate, zstd', 'identity'],
  ])('by “%s” is %s', (header, coding) => {
    expect(preferredCoding(header)).toBe(coding)
  })
})

describe.each(['/openapi.json', '/docs', '/docs/swagger-ui-bundle.js', '/docs/page.css', '/'])('%s', path => {
  it('is the same content in each coding, with a tag and length of its own', async () => {
    const [identity, gzip, br] = await Promise.all(
      ['identity', 'gzip', 'br'].map(coding => ask('GET', path, { 'Accept-Encoding': coding })),
    )
    expect([identity, gzip, br].map(answer => answer?.status)).toEqual([200, 200, 200])
    expect(identity?.headers['content-encoding']).toBeUndefined()
    expect(gzip?.headers['content-encoding']).toBe('gzip')
    expect(br?.headers['content-encoding']).toBe('br')
    const content = identity?.body ?? Buffer.alloc(0)
    expect(gunzipSync(gzip?.body ?? '').equals(content)).toBe(true)
    expect(brotliDecompressSync(br?.body ?? '').equals(content)).toBe(true)
    const tags = [identity, gzip, br].map(answer => answer?.headers.etag)
    expect(new Set(tags).size).toBe(3)
    for (const tag of tags) expect(tag).toMatch(/^"[\w-]+"$/)
    for (const answer of [identity, gzip, br]) {
      expect(answer?.headers['content-length']).toBe(String(answer?.body.length))
      expect(answer?.headers.vary).toContain('Accept-Encoding')
    }
  })

  it('is not sent to HEAD, nor to whom has this very coding of it', async () => {
    const gzip = await ask('GET', path, { 'Accept-Encoding': 'gzip' })
    const head = await ask('HEAD', path, { 'Accept-Encoding': 'gzip' })
    expect([head.status, head.body.length]).toEqual([200, 0])
    for (const name of ['etag', 'content-length', 'content-encoding', 'content-type', 'vary'])
      expect(head.headers[name], name).toBe(gzip.headers[name])
    const ifNoneMatch = { 'If-None-Match': gzip.headers.etag ?? '' }
    const current = await ask('GET', path, { 'Accept-Encoding': 'gzip', ...ifNoneMatch })
    expect([current.status, current.body.length, current.headers.etag]).toEqual([304, 0, gzip.headers.etag])
    expect(current.headers.vary).toBe(gzip.headers.vary)
    expect((await ask('GET', path, { 'Accept-Encoding': 'br', ...ifNoneMatch })).status).toBe(200)
  })
})

describe('a representation', () => {
  it('is read and encoded once, however many ask at the same time', async () => {
    let reads = 0
    const represent = representationOf(async () => {
      reads += 1
      return Buffer.from('content')
    }, 'text/plain')
    const headers = { 'accept-encoding': 'gzip' }
    const answers = await Promise.all(Array.from({ length: 990 }, () => represent({ headers })))
    expect(reads).toBe(1)
    expect(new Set(answers.map(({ body }) => body)).size).toBe(1)
    expect(new Set(answers.map(answer => answer.headers)).size).toBe(1)
  })
})
