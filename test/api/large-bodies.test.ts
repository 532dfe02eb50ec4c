import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bodyShapes } from '../../bench/body-shapes.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'
import { noise } from '../support/noise.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
  await hub.root.post('/people/ESPGNU777ORG', {})
})
afterAll(() => hub.close())

/** Without what the hub adds to a page. */
const ofSender = (json: unknown) => {
  const { id: _id, book: _book, ...rest } = Object(json)
  return rest
}

describe.each(Object.entries(bodyShapes))('a large body of %s', (name, text) => {
  const path = `/pols/ESPGNU777ORG/${name.replaceAll(' ', '-')}`
  const sent = JSON.parse(text)

  it('is created, changed and put as any other', async () => {
    const created = await hub.root.send('POST', path, { body: text })
    expect(created.status).toBe(201)
    expect(ofSender(created.json)).toEqual(sent)
    expect((await hub.root.send('POST', path, { body: text })).status).toBe(200)

    const same = await hub.root.send('PATCH', path, { body: text })
    expect([same.status, same.headers.get('ETag')]).toEqual([200, '"0"'])

    const member = Object.keys(sent)[0] ?? ''
    const removed = await hub.root.patch(path, { [member]: null })
    expect([removed.status, removed.headers.get('ETag')]).toEqual([200, '"1"'])
    expect(removed.json).not.toHaveProperty([member])

    const whole = await hub.root.send('PATCH', path, { body: text })
    expect([whole.status, whole.headers.get('ETag')]).toEqual([200, '"2"'])
    expect(ofSender(whole.json)).toEqual(sent)

    const other = { ...sent, [member]: 'other' }
    expect((await hub.root.post(path, other)).status).toBe(409)

    const put = await hub.root.send('PUT', path, { body: text })
    expect([put.status, put.headers.get('ETag')]).toEqual([200, '"2"'])
    expect(ofSender((await hub.root.get(path)).json)).toEqual(sent)
  })
})

it('a patch of nulls removes every member that it names', async () => {
  const path = '/pols/ESPGNU777ORG/emptied'
  const members = (value: string, count: number) =>
    `{${Array.from({ length: count }, (_, i) => `"k${i}":${value}`).join(',')}}`
  const nested = (value: string) =>
    `{"list":${members(value, 35_000)},"kept":1,${members(value, 35_000).slice(1)}`
  expect((await hub.root.send('POST', path, { body: nested('1') })).status).toBe(201)
  const emptied = await hub.root.send('PATCH', path, {
    body: nested('null').replace('"kept":1', '"kept":2').replace('null}', 'null,"none":null}'),
  })
  expect([emptied.status, ofSender(emptied.json)]).toEqual([200, { list: {}, kept: 2 }])
})

it('a body that nests nulls 60 levels deep is merged as RFC 7396 says', async () => {
  const path = '/pols/ESPGNU777ORG/nested'
  const nested = (inner: string) => `${'{"a":'.repeat(60)}${inner}${'}'.repeat(60)}`
  await hub.root.send('POST', path, { body: nested('{"keep":1,"drop":2}') })
  const changed = await hub.root.send('PATCH', path, {
    body: nested('{"drop":null,"none":null,"new":{"x":null}}'),
  })
  expect(ofSender(changed.json)).toEqual(JSON.parse(nested('{"keep":1,"new":{}}')))
})

it('an item that no engine could take once it is encrypted is refused as too large', async () => {
  const { status, json } = await hub.root.post('/pols/ESPGNU777ORG/noise', { info: noise(890 * 1024) })
  expect([status, Object(json).type]).toEqual([413, 'urn:thalamus:problem:too-large'])
  expect((await hub.root.get('/pols/ESPGNU777ORG/noise')).status).toBe(404)
})
