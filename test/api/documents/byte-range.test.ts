import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rangeIn } from '../../../api/documents/byte-range.ts'

const size = fc.nat(10_000)
const place = fc.nat(20_000)

describe('a range of bytes', () => {
  it('is what an array gives for the same places', () => {
    fc.assert(
      fc.property(size, place, place, (size, first, last) => {
        const bytes = Array.from({ length: size }, (_, n) => n)
        const expected = bytes.slice(first, last + 1)
        const range = rangeIn(`bytes=${first}-${last}`, size)
        if (last < first) expect(range).toBe('whole')
        else if (expected.length === 0) expect(range).toBe('unsatisfiable')
        else expect(range).toEqual({ first: expected[0], last: expected.at(-1) })
      }),
    )
  })

  it('without an end goes to the last byte', () => {
    fc.assert(
      fc.property(size, place, (size, first) => {
        expect(rangeIn(`bytes=${first}-`, size)).toEqual(
          first < size ? { first, last: size - 1 } : 'unsatisfiable',
        )
      }),
    )
  })

  it('without a beginning is so many bytes from the end, all of them where there are fewer', () => {
    fc.assert(
      fc.property(size, place, (size, length) => {
        const range = rangeIn(`bytes=-${length}`, size)
        expect(range).toEqual(
          size === 0 || length === 0
            ? 'unsatisfiable'
            : { first: size - Math.min(size, length), last: size - 1 },
        )
      }),
    )
  })

  it('never reaches outside of the bytes, whatever the header says', () => {
    const header = fc.oneof(fc.string(), fc.stringMatching(/^bytes=[0-9 ,-]{0,40}$/))
    fc.assert(
      fc.property(header, size, (header, size) => {
        const range = rangeIn(header, size)
        if (typeof range === 'string') return
        expect(range.first).toBeGreaterThanOrEqual(0)
        expect(range.last).toBeGreaterThanOrEqual(range.first)
        expect(range.last).toBeLessThan(size)
      }),
      { numRuns: 1_000 },
    )
  })

  it.each([
    undefined,
    '',
    'bytes',
    'bytes=',
    'bytes=-',
    'bytes=a-b',
    'bytes=1-2,4-5',
    'lines=1-2',
    'bytes=5-2',
    'bytes=--5',
    'bytes=+1-2',
    'bytes=1.5-2',
  ])('%j is ignored', header => {
    expect(rangeIn(header, 10)).toBe('whole')
  })

  it('counts beyond 2^53 without going astray', () => {
    const huge = '9'.repeat(400)
    expect(rangeIn(`bytes=${huge}-`, 10)).toBe('unsatisfiable')
    expect(rangeIn(`bytes=0-${huge}`, 10)).toEqual({ first: 0, last: 9 })
    expect(rangeIn(`bytes=-${huge}`, 10)).toEqual({ first: 0, last: 9 })
    expect(rangeIn('BYTES= 1-2 ', 10)).toEqual({ first: 1, last: 2 })
  })
})
