import { expect, it } from 'vitest'
import { makeProgress } from '../../cli/progress.ts'

const watched = (isTerminal = true) => {
  let time = 0
  const lines: string[] = []
  return {
    lines,
    pass: (milliseconds: number) => {
      time += milliseconds
    },
    terminal: {
      isTerminal,
      write: (text: string) => lines.push(text.replace('\r\u001b[K', '')),
      now: () => time,
    },
  }
}

it('shows events, share of the way, rate, and the time that is left', () => {
  const { lines, pass, terminal } = watched()
  const progress = makeProgress(1_000n, 5_000n, terminal)
  pass(2_000)
  progress.show(2_000n, 900)
  pass(3_600_000)
  progress.show(2_040n, 1_234_567)
  expect(lines).toEqual(['900 events, 25 %, 450/s, 0:06 left', '1,234,567 events, 26 %, 343/s, 2:50:52 left'])
})

it('shows what is known where the end is not', () => {
  const { lines, pass, terminal } = watched()
  const progress = makeProgress(0n, undefined, terminal)
  pass(1_000)
  progress.show(7n, 5)
  expect(lines).toEqual(['5 events, 5/s'])
})

it('is shown five times a second at most, and goes away at the end', () => {
  const { lines, pass, terminal } = watched()
  const progress = makeProgress(0n, 100n, terminal)
  for (let n = 1; n <= 100; n += 1) {
    pass(10)
    progress.show(BigInt(n), n)
  }
  expect(lines.length).toBeLessThanOrEqual(5)
  progress.clear()
  expect(lines.at(-1)).toBe('')
})

it('is shown to nobody where there is no terminal', () => {
  const { lines, pass, terminal } = watched(false)
  const progress = makeProgress(0n, 100n, terminal)
  pass(1_000)
  progress.show(50n, 50)
  progress.clear()
  expect(lines).toEqual([])
})
