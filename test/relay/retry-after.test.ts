import { describe, expect, it } from 'vitest'
import { retryAfterMilliseconds } from '../../relay/retry-after.ts'

const now = Date.UTC(2026, 5, 1, 12)
const threeDays = 259_200_000

describe('Retry-After', () => {
  it.each([
    ['0', 0],
    ['120', 120_000],
    ['259200', threeDays],
    ['259201', threeDays],
    ['9'.repeat(400), threeDays],
    ['Mon, 01 Jun 2026 12:01:00 GMT', 60_000],
    ['Monday, 01-Jun-26 12:01:00 GMT', 60_000],
    ['Mon Jun  1 12:01:00 2026', 60_000],
    ['Mon, 01 Jun 2026 11:00:00 GMT', 0],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 0],
    ['Tue, 01 Jun 2027 12:00:00 GMT', threeDays],
  ])('%s is understood', (header, milliseconds) => {
    expect(retryAfterMilliseconds(header, now)).toBe(milliseconds)
  })

  it.each(['', ' 5', '-5', '1.5', '1e3', 'soon', '2026-06-01T12:01:00Z', 'Mon, 99 Jun 2026 12:01:00 GMT'])(
    '"%s" is passed over',
    header => {
      expect(retryAfterMilliseconds(header, now)).toBeUndefined()
    },
  )
})
