import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, JsonObject } from '../../domain/json.ts'
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

// Integers beyond 2^53 have tests of their own: JSON spells them in more than one way.
const isPlain = (number: number) => !Number.isInteger(number) || Number.isSafeInteger(number)

/** What JSON can say, with keys that some would take for more than data. */
const key = fc.oneof(
  fc.string(),
  fc.constantFrom('__proto__', 'constructor', '$where', 'a.b', 'toString', ''),
)
const { value } = fc.letrec<{ value: Json }>(tie => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc
      .double({ noDefaultInfinity: true, noNaN: true })
      .filter(isPlain)
      .map(number => number + 0),
    fc.string({ unit: 'binary' }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 4 }).map(members => Object.fromEntries(members)),
  ),
}))
const members = fc.array(fc.tuple(key, value), { maxLength: 5 }).map(entries => Object.fromEntries(entries))

/** RFC 7396, section 2, word by word. */
const merged = (target: Json | undefined, patch: Json): Json => {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const result = new Map(
    typeof target === 'object' && target !== null && !Array.isArray(target) ? Object.entries(target) : [],
  )
  for (const [name, said] of Object.entries(patch)) {
    if (said === null) result.delete(name)
    else result.set(name, merged(result.get(name), said))
  }
  return Object.fromEntries(result)
}

const dataOf = (json: unknown): Json | undefined => (json as { data?: Json }).data

describe('what a page holds', () => {
  it('is given back as it was sent, and recognised when sent again', async () => {
    const property = fc.asyncProperty(members, async (data: JsonObject) => {
      const path = newPage()
      const created = await hub.root.post(path, { data })
      expect(created.status).toBe(201)
      const read = await hub.root.get(path)
      expect(dataOf(read.json)).toEqual(JSON.parse(JSON.stringify(data)))
      expect(JSON.stringify(dataOf(read.json))).toBe(JSON.stringify(data))
      expect((await hub.root.post(path, { data })).status).toBe(200)
      expect((await hub.root.put(path, { data })).headers.get('ETag')).toBe('"0"')
    })
    await fc.assert(property, { numRuns: 60 })
  })

  it('is after a merge patch what RFC 7396 says, read or written', async () => {
    const property = fc.asyncProperty(members, members, async (before: JsonObject, patch: JsonObject) => {
      const path = newPage()
      await hub.root.post(path, { data: before })
      const patched = await hub.root.patch(path, { data: patch })
      expect(patched.status).toBe(200)
      expect(dataOf(patched.json)).toEqual(
        dataOf({ data: merged(before, JSON.parse(JSON.stringify(patch))) }),
      )
      const read = await hub.root.get(path)
      expect([read.text, read.headers.get('ETag')]).toEqual([patched.text, patched.headers.get('ETag')])
      const again = await hub.root.patch(path, { data: patch })
      expect([again.text, again.headers.get('ETag')]).toEqual([patched.text, patched.headers.get('ETag')])
    })
    await fc.assert(property, { numRuns: 60 })
  })
})

describe('a merge patch', () => {
  it.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    [{ a: 5 }, { a: {} }, { a: {} }],
    [{ a: { b: null } }, { a: { b: null } }, { a: {} }],
    [{ a: [1, null] }, { a: [null] }, { a: [null] }],
  ] satisfies [JsonObject, JsonObject, JsonObject][])(
    'of %j by %j makes %j (RFC 7396, appendix A)',
    async (before, patch, after) => {
      const path = newPage()
      await hub.root.post(path, before)
      expect((await hub.root.patch(path, patch)).json).toEqual({
        ...after,
        id: `p${pages}`,
        book: 'ESPGNU777ORG',
      })
      expect((await hub.root.patch(path, patch)).headers.get('ETag')).toBe('"1"')
    },
  )
})
