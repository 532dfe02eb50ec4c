import { expect, it } from 'vitest'
import { traceIdOf, traceparentIn } from '../../domain/trace-context.ts'

const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
const parent = '00f067aa0ba902b7'
const good = `00-${trace}-${parent}-01`

it('a traceparent of version 00 is taken as it is', () => {
  expect(traceparentIn(good)).toBe(good)
  expect(traceIdOf(good)).toBe(trace)
})

it('a traceparent of a later version is taken as one of version 00, without what that version added', () => {
  expect(traceparentIn(`cc-${trace}-${parent}-01`)).toBe(good)
  expect(traceparentIn(`cc-${trace}-${parent}-01-what.the-future-brings`)).toBe(good)
})

it.each([
  ['none', undefined],
  ['nothing', ''],
  ['several', [good, good]],
  ['letters in upper case', good.toUpperCase()],
  ['a trace of zeros', `00-${'0'.repeat(32)}-${parent}-01`],
  ['a parent of zeros', `00-${trace}-${'0'.repeat(16)}-01`],
  ['the version that must not be', `ff-${trace}-${parent}-01`],
  ['more than version 00 has', `${good}-more`],
  ['a part that is too short', `00-${trace.slice(1)}-${parent}-01`],
  ['no flags', `00-${trace}-${parent}`],
  ['spaces around it', ` ${good} `],
  ['a text without end', `cc-${trace}-${parent}-01-${'x'.repeat(1_000)}`],
])('%s counts as none', (_, header) => {
  expect(traceparentIn(header)).toBeUndefined()
})
