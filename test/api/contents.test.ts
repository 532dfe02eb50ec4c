import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { placeOf } from '../../stores/content-cipher.ts'
import { basic, type Client } from '../support/client.ts'
import { right } from '../support/either.ts'
import { rootAccount, rootPassword, startTestHub, type TestHub } from '../support/hub.ts'
import { enrolledNode } from '../support/nodes.ts'

const person = 'ESPGNU777ORG'
const limit = 300_000

let hub: TestHub
let documents = 0
beforeAll(async () => {
  hub = await startTestHub({ MAX_CONTENT: String(limit) })
  await hub.root.post(`/people/${person}`, {})
})
afterAll(() => hub.close())

const newDocument = async (more = {}): Promise<string> => {
  documents += 1
  const path = `/personal-documents/d${documents}`
  expect((await hub.root.post(path, { person, ...more })).status).toBe(201)
  return path
}
const put = (path: string, bytes: Uint8Array, headers = {}, client: Client = hub.root) =>
  client.send('PUT', `${path}/content`, { body: new Uint8Array(bytes), headers })
const sha256 = (bytes: Uint8Array, encoding: 'hex' | 'base64' = 'hex') =>
  createHash('sha256').update(bytes).digest(encoding)
const shown = (bytes: Uint8Array, type = 'application/octet-stream') => ({
  size: bytes.length,
  type,
  sha256: sha256(bytes),
})
const fetched = async (path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET') => {
  const answer = await fetch(`${hub.url}${path}/content`, {
    method,
    headers: { Authorization: basic(rootAccount, rootPassword), ...headers },
  })
  return { status: answer.status, headers: answer.headers, bytes: Buffer.from(await answer.arrayBuffer()) }
}
const folder = () => join(hub.core.config.dataDir, 'content')
const placeIn = async (bytes: Uint8Array) =>
  placeOf(await right(hub.core.keys.hubSecret()), {
    size: bytes.length,
    sha256: sha256(bytes),
    subject: person,
  })
const fileOf = async (bytes: Uint8Array) => {
  const { name, owner = '' } = await placeIn(bytes)
  return join(folder(), 'people', owner, name)
}
const filesKept = () =>
  readdirSync(folder(), { recursive: true, encoding: 'utf8' }).filter(name => name.includes('/'))

describe('PUT of a content', () => {
  it('is 201 with the document, then 200 with nothing added, also when another is sent in between', async () => {
    const path = await newDocument({ description: 'X-ray' })
    const [one, other] = [randomBytes(100_000), randomBytes(5)]
    const first = await put(path, one, { 'Content-Type': 'image/png' })
    expect([first.status, first.headers.get('ETag'), first.headers.get('Location')]).toEqual([
      201,
      '"1"',
      `${path}/content`,
    ])
    expect(first.headers.get('Content-Location')).toBe(path)
    expect(first.headers.get('Thalamus-Position')).not.toBeNull()
    expect(first.json).toMatchObject({ description: 'X-ray', content: shown(one, 'image/png') })
    const again = await put(path, one, { 'Content-Type': 'image/png' })
    expect([again.status, again.headers.get('ETag'), again.text]).toEqual([200, '"1"', first.text])
    expect(again.headers.get('Location')).toBeNull()
    expect((await put(path, other)).json).toMatchObject({ content: shown(other) })
    const back = await put(path, one, { 'Content-Type': 'image/png' })
    expect([back.status, back.headers.get('ETag')]).toEqual([200, '"3"'])
    expect((await hub.root.get(path)).json).toMatchObject({ content: shown(one, 'image/png') })
  })

  it('takes another type of the same bytes for a change', async () => {
    const path = await newDocument()
    const bytes = randomBytes(10)
    await put(path, bytes)
    const retyped = await put(path, bytes, { 'Content-Type': 'text/plain; charset="utf-8"' })
    expect([retyped.status, retyped.headers.get('ETag')]).toEqual([200, '"2"'])
    expect((await fetched(path)).headers.get('Content-Type')).toBe('text/plain; charset="utf-8"')
  })

  it('takes no bytes, and as many as MAX_CONTENT says, but not one more', async () => {
    const path = await newDocument()
    for (const size of [0, limit]) {
      const bytes = randomBytes(size)
      expect((await put(path, bytes)).json).toMatchObject({ content: shown(bytes) })
      expect((await fetched(path)).bytes.equals(bytes)).toBe(true)
    }
    const refused = await put(path, randomBytes(limit + 1))
    expect(refused.status).toBe(413)
    expect(refused.json).toMatchObject({ detail: expect.stringContaining(String(limit)) })
    expect((await fetched(path)).bytes).toHaveLength(limit)
  })

  it('that goes on without saying how long is refused at MAX_CONTENT, and leaves nothing', async () => {
    const path = await newDocument()
    const kept = filesKept()
    let sent = 0
    const endless = new ReadableStream<Uint8Array>({
      pull: controller => {
        sent += 10_000
        controller.enqueue(new Uint8Array(10_000).fill(sent / 10_000))
      },
    })
    const refused = await fetch(`${hub.url}${path}/content`, {
      method: 'PUT',
      headers: { Authorization: basic(rootAccount, rootPassword) },
      body: endless,
      duplex: 'half',
    } as RequestInit)
    expect(refused.status).toBe(413)
    expect(refused.headers.get('Connection')).toBe('close')
    expect((await hub.root.get(path)).headers.get('ETag')).toBe('"0"')
    expect(filesKept()).toEqual(kept)
  })

  it.each(['nonsense', 'a/b; c', `a/${'b'.repeat(300)}`])('refuses the type %j', async type => {
    const refused = await put(await newDocument(), randomBytes(1), { 'Content-Type': type })
    expect(refused.status).toBe(422)
    expect(refused.json).toMatchObject({ errors: [{ header: 'Content-Type' }] })
  })

  it('refuses bytes that are encoded, or a part of them, naming the header', async () => {
    const path = await newDocument()
    const encoded = await put(path, randomBytes(1), { 'Content-Encoding': 'gzip' })
    expect(encoded.status).toBe(415)
    expect(encoded.json).toMatchObject({ detail: expect.stringContaining('Content-Encoding') })
    expect((await put(path, randomBytes(1), { 'Content-Range': 'bytes 0-0/2' })).status).toBe(400)
    expect((await put(path, randomBytes(1), { 'Content-Encoding': 'identity' })).status).toBe(201)
  })

  it.each(['Content-Digest', 'Repr-Digest'])('checks %s', async header => {
    const path = await newDocument()
    const bytes = randomBytes(1000)
    const kept = filesKept()
    const wrong = await put(path, bytes, { [header]: `sha-256=:${sha256(randomBytes(1), 'base64')}:` })
    expect(wrong.status).toBe(422)
    expect(wrong.json).toMatchObject({ errors: [{ header }] })
    expect((await put(path, bytes, { [header]: 'sha-256' })).status).toBe(422)
    expect(filesKept()).toEqual(kept)
    expect((await hub.root.get(path)).headers.get('ETag')).toBe('"0"')
    const both = `sha-256=:${sha256(bytes, 'base64')}:, sha-512=:${createHash('sha512').update(bytes).digest('base64')}:`
    expect((await put(path, bytes, { [header]: both })).status).toBe(201)
  })

  it('holds the document to If-Match, and itself to If-None-Match: *', async () => {
    const path = await newDocument()
    const [one, other] = [randomBytes(10), randomBytes(10)]
    expect((await put(path, one, { 'If-Match': '"7"' })).status).toBe(412)
    expect((await put(path, one, { 'If-None-Match': '*' })).status).toBe(201)
    expect((await put(path, other, { 'If-None-Match': '*' })).status).toBe(412)
    expect((await put(path, other, { 'If-Match': '"0"' })).status).toBe(412)
    expect((await put(path, other, { 'If-Match': '"1"' })).status).toBe(200)
    expect((await put(path, one, { 'If-Match': `"${sha256(other)}"` })).status).toBe(412)
    expect((await fetched(path)).bytes.equals(other)).toBe(true)
  })

  it('with an Idempotency-Key is answered again as it was, and no other request', async () => {
    const path = await newDocument()
    const bytes = randomBytes(1000)
    const key = { 'Idempotency-Key': 'k1', 'If-Match': '"0"' }
    const first = await put(path, bytes, key)
    await put(path, randomBytes(10))
    const again = await put(path, bytes, key)
    expect([again.status, again.text, again.headers.get('ETag')]).toEqual([201, first.text, '"1"'])
    for (const other of [
      await put(path, randomBytes(9), key),
      await put(path, bytes, { ...key, 'Content-Type': 'a/b' }),
    ]) {
      expect(other.status).toBe(422)
      expect(other.json).toMatchObject({ errors: [{ header: 'Idempotency-Key' }] })
    }
    expect((await put(path, bytes, { 'Idempotency-Key': 'é' })).status).toBe(422)
    expect((await hub.root.get(path)).headers.get('ETag')).toBe('"2"')
  })

  it('is 404 for a document that never was, 410 for one removed, 422 for an id that cannot be', async () => {
    const bytes = randomBytes(10)
    const path = await newDocument()
    expect((await put('/personal-documents/never', bytes)).status).toBe(404)
    expect((await put('/personal-documents/a%20b', bytes)).status).toBe(422)
    await put(path, bytes)
    await hub.root.delete(path)
    expect((await put(path, bytes)).status).toBe(410)
    expect((await fetched(path)).status).toBe(410)
    expect((await fetched('/personal-documents/never')).status).toBe(404)
    expect((await fetched('/personal-documents/a%20b')).status).toBe(404)
    expect((await hub.root.delete(`${path}/content`)).headers.get('Allow')).toBe('GET, HEAD, PUT, OPTIONS')
  })

  it('of the same bytes many times at once adds one event, and keeps them once', async () => {
    const path = await newDocument()
    const bytes = randomBytes(200_000)
    const answers = await Promise.all(Array.from({ length: 8 }, () => put(path, bytes)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 200, 200, 200, 201])
    expect((await hub.root.get(path)).headers.get('ETag')).toBe('"1"')
    const elsewhere = await newDocument()
    await put(elsewhere, bytes)
    const { name } = await placeIn(bytes)
    expect(filesKept().filter(file => file.endsWith(name))).toHaveLength(1)
    expect(filesKept().filter(file => file.includes(sha256(bytes)))).toEqual([])
    expect(readdirSync(join(folder(), 'incoming'))).toEqual([])
  })

  it('answers less when asked to', async () => {
    const path = await newDocument()
    const minimal = { Prefer: 'return=minimal' }
    const first = await put(path, randomBytes(10), minimal)
    expect([first.status, first.text]).toEqual([201, ''])
    expect((await put(path, randomBytes(10), minimal)).status).toBe(204)
  })
})

describe('the document of a content', () => {
  it('keeps it through PATCH and PUT, which may repeat it and not change it', async () => {
    const path = await newDocument()
    const bytes = randomBytes(10)
    await put(path, bytes)
    const content = shown(bytes)
    const changed = [
      await hub.root.patch(path, { type: 'lab' }),
      await hub.root.patch(path, { description: 'a', content }),
      await hub.root.put(path, { person, type: 'x-ray' }),
      await hub.root.put(path, { person, type: 'scan', content }),
      await hub.root.put(path, { person, type: 'other', content: null }),
    ]
    for (const { status, json } of changed) {
      expect(status).toBe(200)
      expect(json).toMatchObject({ content })
    }
    const refused = [
      await hub.root.patch(path, { content: null }),
      await hub.root.patch(path, { content: { size: 11 } }),
      await hub.root.patch(path, { content: 'text' }),
      await hub.root.put(path, { person, content: { size: 10 } }),
      await hub.root.put(path, { person, content: { ...content, sha256: sha256(randomBytes(1)) } }),
    ]
    for (const { status, json } of refused) {
      expect(status).toBe(422)
      expect(json).toMatchObject({ errors: [{ pointer: '/content' }] })
    }
    expect((await fetched(path)).bytes.equals(bytes)).toBe(true)
  })

  it('is the same document when it is created again, with its content or without', async () => {
    const path = await newDocument({ type: 'lab' })
    const bytes = randomBytes(10)
    await put(path, bytes)
    for (const more of [{}, { content: null }, { content: shown(bytes) }])
      expect((await hub.root.post(path, { person, type: 'lab', ...more })).status).toBe(200)
    expect((await hub.root.post(path, { person, type: 'lab', content: {} })).status).toBe(422)
    expect((await hub.root.get(path)).headers.get('ETag')).toBe('"1"')
  })

  it('cannot be created with one', async () => {
    const refused = await hub.root.post('/personal-documents/with', {
      person,
      content: shown(randomBytes(1)),
    })
    expect(refused.status).toBe(422)
    expect(refused.json).toMatchObject({ errors: [{ pointer: '/content' }] })
    const created = await hub.root.post('/personal-documents/with', { person, content: null })
    expect([created.status, created.text]).toEqual([201, `{"person":"${person}","id":"with"}`])
    expect((await hub.root.patch('/personal-documents/with', { content: null })).status).toBe(200)
  })
})

describe('GET of a content', () => {
  const bytes = randomBytes(limit)
  let path: string
  beforeAll(async () => {
    path = await newDocument({ description: 'Tórax "1"\r\n', extension: 'png' })
    await put(path, bytes, { 'Content-Type': 'image/png' })
  })

  it('gives the bytes with all that a client needs, HEAD the same without them', async () => {
    const tag = `"${sha256(bytes)}"`
    for (const method of ['GET', 'HEAD']) {
      const answer = await fetched(path, { Range: method === 'HEAD' ? 'bytes=0-1' : '' }, method)
      expect(answer.status).toBe(200)
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        'content-type': 'image/png',
        'content-length': String(limit),
        'repr-digest': `sha-256=:${sha256(bytes, 'base64')}:`,
        etag: tag,
        'accept-ranges': 'bytes',
        'content-disposition': `attachment; filename="T?rax _1_.png"; filename*=UTF-8''T%C3%B3rax%20_1_.png`,
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; sandbox",
        'cache-control': 'private, no-cache',
      })
      expect(answer.bytes.equals(method === 'GET' ? bytes : Buffer.alloc(0))).toBe(true)
    }
  })

  it('gives any range of them', async () => {
    const place = fc.nat(limit - 1)
    await fc.assert(
      fc.asyncProperty(place, fc.nat(limit * 2), async (first, last) => {
        fc.pre(first <= last)
        const part = await fetched(path, { Range: `bytes=${first}-${last}` })
        const end = Math.min(last, limit - 1)
        expect(part.status).toBe(206)
        expect(part.headers.get('Content-Range')).toBe(`bytes ${first}-${end}/${limit}`)
        expect(part.headers.get('Content-Length')).toBe(String(end - first + 1))
        expect(part.bytes.equals(bytes.subarray(first, end + 1))).toBe(true)
      }),
      { numRuns: 25 },
    )
    const tail = await fetched(path, { Range: 'bytes=-5' })
    expect(tail.bytes.equals(bytes.subarray(-5))).toBe(true)
    expect(tail.headers.get('Repr-Digest')).toBe(`sha-256=:${sha256(bytes, 'base64')}:`)
  })

  it('answers 416 for a range past the end, and the whole for several ranges', async () => {
    const past = await fetched(path, { Range: `bytes=${limit}-` })
    expect([past.status, past.headers.get('Content-Range')]).toEqual([416, `bytes */${limit}`])
    expect(past.headers.get('Content-Type')).toBe('application/problem+json')
    expect((await fetched(path, { Range: 'bytes=0-1,3-4' })).status).toBe(200)
    const empty = await newDocument()
    await put(empty, Buffer.alloc(0))
    expect((await fetched(empty, { Range: 'bytes=0-' })).status).toBe(416)
    expect((await fetched(empty)).status).toBe(200)
  })

  it('honours If-Range, If-None-Match and If-Match', async () => {
    const tag = `"${sha256(bytes)}"`
    const ranged = async (ifRange: string) =>
      (await fetched(path, { Range: 'bytes=0-1', 'If-Range': ifRange })).status
    expect(await ranged(tag)).toBe(206)
    for (const other of ['"other"', `W/${tag}`, new Date().toUTCString()])
      expect(await ranged(other)).toBe(200)
    for (const same of [tag, `W/${tag}`, `"x", ${tag}`, '*']) {
      const current = await fetched(path, { 'If-None-Match': same })
      expect([current.status, current.headers.get('ETag'), current.bytes.length]).toEqual([304, tag, 0])
    }
    expect((await fetched(path, { 'If-None-Match': '"1"' })).status).toBe(200)
    expect((await fetched(path, { 'If-Match': tag })).status).toBe(200)
    for (const other of ['"1"', `W/${tag}`])
      expect((await fetched(path, { 'If-Match': other })).status).toBe(412)
  })

  it('is 404 where there is none, and 422 with a parameter', async () => {
    const none = await fetched(await newDocument())
    expect(none.status).toBe(404)
    expect((await hub.root.get(`${path}/content?x=1`)).status).toBe(422)
  })
})

describe('a content that is not what was kept', () => {
  const damages: readonly (readonly [string, (file: string) => void])[] = [
    ['changed', file => writeFileSync(file, readFileSync(file).fill(1, 50_000, 50_001))],
    ['another one of the same size', file => writeFileSync(file, randomBytes(100_000))],
    ['longer', file => writeFileSync(file, 'x', { flag: 'a' })],
    ['shorter', file => writeFileSync(file, 'x')],
    ['gone', file => rmSync(file)],
  ]
  it.each(damages)('(%s) is never given, and right again once it is sent again', async (_, damage) => {
    const path = await newDocument()
    const bytes = randomBytes(100_000)
    bytes[50_000] = 2
    await put(path, bytes)
    expect((await fetched(path)).status).toBe(200)
    damage(await fileOf(bytes))
    for (const headers of [{}, { Range: 'bytes=0-9' }]) {
      const refused = await fetched(path, headers)
      expect(refused.status).toBe(500)
      expect(JSON.parse(String(refused.bytes))).toMatchObject({
        type: 'urn:thalamus:problem:content-damaged',
      })
    }
    expect((await put(path, bytes)).status).toBe(200)
    expect((await fetched(path)).bytes.equals(bytes)).toBe(true)
  })
})

describe('who may', () => {
  it('read a content: its person, professionals, nodes with the scope; write it: not its person', async () => {
    const self = await hub.person('ESPOWN001ORG', ['end_user'])
    const other = await hub.person('ESPOWN002ORG', ['end_user'])
    const professional = await hub.person('ESPOWN003ORG', ['health_professional'])
    const auditor = await hub.person('ESPOWN004ORG', ['auditor'])
    const [reads, writes] = await Promise.all([
      enrolledNode(hub.url, hub.root, 'reads-documents', ['personal-documents:read']),
      enrolledNode(hub.url, hub.root, 'writes-documents', ['personal-documents:write']),
    ])
    await hub.root.post('/personal-documents/own', { person: 'ESPOWN001ORG' })
    const bytes = randomBytes(10)
    const statuses = async (work: (client: Client) => Promise<{ status: number }>) => {
      const all: number[] = []
      for (const client of [self, other, professional, auditor, reads, writes, hub.nobody])
        all.push((await work(client)).status)
      return all
    }
    const path = '/personal-documents/own'
    expect(await statuses(client => put(path, bytes, {}, client))).toEqual([
      403, 403, 201, 403, 403, 204, 401,
    ])
    expect(await statuses(client => client.get(`${path}/content`))).toEqual([
      200, 404, 200, 403, 200, 403, 401,
    ])
    await hub.root.delete(path)
    expect(await statuses(client => client.get(`${path}/content`))).toEqual([
      410, 404, 410, 403, 410, 403, 401,
    ])
  })
})
