import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Send } from '../support/client.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'

let hub: TestHub
let pages = 0
beforeAll(async () => {
  hub = await startTestHub()
  await hub.root.post('/people/ESPGNU777ORG', {})
})
afterAll(() => hub.close())

const newPage = () => {
  pages += 1
  return `/pols/ESPGNU777ORG/p${pages}`
}
const post = (body: Send['body'], headers: Readonly<Record<string, string>> = {}) =>
  hub.root.send('POST', newPage(), { headers, ...(body === undefined ? {} : { body }) })

describe('a body', () => {
  it.each([
    undefined,
    { 'Content-Type': 'application/json' },
    { 'Content-Type': 'Application/JSON; charset=UTF-8' },
    { 'Content-Type': 'application/merge-patch+json' },
    { 'Content-Encoding': 'identity' },
  ])('is taken as JSON with %j', async headers => {
    expect((await post('{"info": "é"}', headers)).status).toBe(201)
  })

  it.each([
    { 'Content-Type': 'text/plain' },
    { 'Content-Type': 'application/x-www-form-urlencoded' },
    { 'Content-Type': 'application/json; charset=latin1' },
    { 'Content-Encoding': 'gzip' },
  ])('is refused with %j, and told which header to send', async headers => {
    const refused = await post('{}', headers)
    expect(refused.status).toBe(415)
    expect(refused.json).toMatchObject({ detail: expect.stringContaining('application/json') })
  })

  it.each(['', '{', '{"a": 1,}', 'null x', "{'a': 1}", '{"a": NaN}'])('%j is malformed', async text => {
    expect((await post(text)).status).toBe(400)
  })

  it('that is not UTF-8 is malformed', async () => {
    expect((await post(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]))).status).toBe(400)
  })

  it.each(['null', '[]', '"text"', '5', 'true'])('%s is not an object', async text => {
    const refused = await post(text)
    expect(refused.status).toBe(422)
    expect(refused.json).toMatchObject({ errors: [{ pointer: '' }] })
  })

  it('has at most 1 MiB, and makes an item of at most 900 KiB', async () => {
    const of = (bytes: number) => `{"info":"${'x'.repeat(bytes - 11)}"}`
    expect((await post(of(1024 * 1024 + 1))).status).toBe(413)
    expect((await post(of(1024 * 1024))).status).toBe(413)
    expect((await post(of(900 * 1024 - 100))).status).toBe(201)
    const path = `/pols/ESPGNU777ORG/p${pages}`
    expect((await hub.root.patch(path, { summary: 'y'.repeat(200) })).status).toBe(413)
    expect((await hub.root.get(path)).headers.get('ETag')).toBe('"0"')
  })

  it('nests at most 64 levels, itself being one', async () => {
    const nested = (levels: number) => `{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`
    expect((await post(nested(64))).status).toBe(201)
    expect((await post(nested(65))).status).toBe(422)
    expect((await post(nested(400_000))).status).toBe(422)
  })

  it.each(['1e400', '-1e999', '12345678901234567891', '9007199254740993', '-9007199254740993', '1e-400'])(
    'with the number %s is refused: it would not keep its value',
    async number => {
      const refused = await post(`{"list": [1, {"a/b": ${number}}]}`)
      expect(refused.status).toBe(422)
      expect(refused.json).toMatchObject({ errors: [{ pointer: '/list/1/a~1b' }] })
    },
  )

  it('keeps the value of every number that can be kept', async () => {
    const numbers = [0, -0.5, 1e21, 9007199254740992, 100000000000000000000, 1.5e-300, 0.1]
    const text = `{"numbers": [0, -0.5, 1e21, 9007199254740992, 100000000000000000000, 1.5e-300, 0.1]}`
    expect((await post(text)).json).toMatchObject({ numbers })
    expect((await post('{"info": "the text 1e400 and 12345678901234567891"}')).status).toBe(201)
  })

  it('counts the last of a repeated key', async () => {
    expect((await post('{"info": "first", "info": "last"}')).json).toMatchObject({ info: 'last' })
  })

  it('keeps as data what looks like an instruction', async () => {
    const text =
      '{"__proto__":{"admin":true},"$where":"sleep(1)","a.b":{"$gt":""},"constructor":1,"nul":"\\u0000","pair":"😀"}'
    const created = await post(text)
    expect(created.status).toBe(201)
    const path = created.headers.get('Location') ?? ''
    const stored = await hub.root.get(path)
    expect(stored.text).toBe(`${text.slice(0, -1)},"id":"p${pages}","book":"ESPGNU777ORG"}`)
    const patched = await hub.root.send('PATCH', path, { body: '{"__proto__":{"admin":false}}' })
    expect(patched.text).toContain('"__proto__":{"admin":false}')
  })

  it.each([
    ['{"lone":"\\ud800"}', '/lone'],
    ['{"a":[1,{"b/c":"x\\uDFFF"}]}', '/a/1/b~1c'],
    ['{"list":["ok","\\ud83d\\u0020"]}', '/list/1'],
    ['{"a":{"x\\udabc":1}}', '/a/x\udabc'],
  ])(
    'is refused with half of a surrogate pair, since not every store keeps it: %s',
    async (text, pointer) => {
      const refused = await post(text)
      expect(refused.status).toBe(422)
      expect(refused.json).toMatchObject({ errors: [{ pointer }] })
    },
  )

  it('keeps pairs of surrogates, and what only looks like half of one', async () => {
    const created = await post('{"pair":"\\ud83d\\ude00","text":"\\\\ud800"}')
    expect(created.status).toBe(201)
    expect(created.json).toMatchObject({ pair: '😀', text: '\\ud800' })
  })

  it('has at most 200 characters in a text that filters know', async () => {
    const name = (text: string) => hub.root.patch('/people/ESPGNU777ORG', { name: text })
    expect((await name('é'.repeat(200))).status).toBe(200)
    expect((await name('😀'.repeat(200))).status).toBe(200)
    expect((await name('a'.repeat(201))).status).toBe(422)
  })
})
