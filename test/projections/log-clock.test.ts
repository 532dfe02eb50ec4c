import { describe, expect, it } from 'vitest'
import { clockAfter } from '../../projections/log-clock.ts'

const at = (time: string): bigint => BigInt(Date.parse(time))

describe('the clock of the log', () => {
  it('is the latest time that an event was recorded at, in the order of commits', () => {
    expect(clockAfter(0n, '2026-01-01T12:00:00.000Z')).toBe(at('2026-01-01T12:00:00Z'))
    expect(clockAfter(at('2026-01-01T12:00:00Z'), '2026-01-01T12:00:01.000Z')).toBe(
      at('2026-01-01T12:00:01Z'),
    )
  })

  it('does not go back with the clock of a process that is a little behind', () => {
    expect(clockAfter(at('2026-01-01T12:00:00Z'), '2026-01-01T11:59:30.000Z')).toBe(
      at('2026-01-01T12:00:00Z'),
    )
  })

  it('is set right after a clock that was far ahead', () => {
    expect(clockAfter(at('2030-01-01T00:00:00Z'), '2026-01-01T12:00:00.000Z')).toBe(
      at('2026-01-01T12:00:00Z'),
    )
  })
})
