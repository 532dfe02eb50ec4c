import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { makeGuesses } from '../../auth/guesses.ts'
import { networkOf, widerNetworkOf } from '../../auth/networks.ts'
import { memoryAuthStore } from '../../stores/memory/auth-store.ts'
import { left, right } from '../support/either.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const ana = (n: number, address = '192.0.2.1') => ({ account: `ANA${n}`, address })

describe('guesses', () => {
  it('are ten in any sixty seconds, not in a minute by the clock', async () => {
    const guesses = makeGuesses(memoryAuthStore())
    const wrong = async (word: string) => (await right(guesses.begin(ana(1), word)))(false)
    await wrong('first')
    vi.advanceTimersByTime(59_000)
    for (let i = 0; i < 9; i += 1) await wrong(`more-${i}`)
    expect(await left(guesses.begin(ana(1), 'too soon'))).toEqual({ _tag: 'TooManyAttempts', seconds: 1 })
    vi.advanceTimersByTime(1_001)
    await wrong('the first has left the window')
    expect(await left(guesses.begin(ana(1), 'and no more'))).toEqual({ _tag: 'TooManyAttempts', seconds: 59 })
  })

  it('are three hundred from one address, over all accounts', async () => {
    const guesses = makeGuesses(memoryAuthStore())
    for (let i = 0; i < 300; i += 1) await (await right(guesses.begin(ana(i), 'x')))(false)
    expect(await left(guesses.begin(ana(300), 'x'))).toMatchObject({ _tag: 'TooManyAttempts' })
    await right(guesses.begin(ana(300, '192.0.2.2'), 'x'))
  })

  it('are twelve hundred from one IPv6 /48, over all its /64s', async () => {
    const guesses = makeGuesses(memoryAuthStore())
    const from = (n: number, site = '2001:db8:1') => ana(n, `${site}:${n}::1`)
    for (let i = 0; i < 1200; i += 1) await (await right(guesses.begin(from(i), 'x')))(false)
    for (let i = 0; i < 30; i += 1)
      expect(await left(guesses.begin(from(1200), `x-${i}`))).toMatchObject({ _tag: 'TooManyAttempts' })
    await right(guesses.begin(from(1200, '2001:db8:2'), 'x'))
    vi.advanceTimersByTime(60_001)
    await right(guesses.begin(from(1200), 'later'))
  })

  it('are given back to the /48, too', async () => {
    const guesses = makeGuesses(memoryAuthStore())
    for (let i = 0; i < 1300; i += 1)
      await (await right(guesses.begin(ana(i, `2001:db8:1:${i}::1`), 'x')))(true)
  })

  it('are counted together by all processes that share the store', async () => {
    const store = memoryAuthStore()
    const processes = [makeGuesses(store), makeGuesses(store)]
    for (let i = 0; i < 10; i += 1) {
      const settle = await processes[i % 2]?.begin(ana(1), `x-${i}`)
      expect(settle).toMatchObject({ _tag: 'Right' })
    }
    for (const guesses of processes)
      expect(await left(guesses.begin(ana(1), 'y'))).toMatchObject({ _tag: 'TooManyAttempts' })
  })

  it('are given back when they were right, and refused ones are not counted', async () => {
    const guesses = makeGuesses(memoryAuthStore())
    for (let i = 0; i < 30; i += 1) await (await right(guesses.begin(ana(1), `x-${i}`)))(true)
    for (let i = 0; i < 10; i += 1) await (await right(guesses.begin(ana(1), `y-${i}`)))(false)
    for (let i = 0; i < 30; i += 1) await left(guesses.begin(ana(1), `z-${i}`))
    vi.advanceTimersByTime(60_001)
    await right(guesses.begin(ana(1), 'later'))
  })
})

describe('an address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1', '192.0.2.1'],
    ['192.0.2.1:4711', '192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2', '2001:db8:1'],
    ['2001:db8::6', '2001:db8:0:0', '2001:db8:0'],
    ['[2001:db8::6]:4711', '2001:db8:0:0', '2001:db8:0'],
    ['::1', '0:0:0:0', '0:0:0'],
  ])('%s counts as %s, and more widely as %s', (address, network, wider) => {
    expect(networkOf(address)).toBe(network)
    expect(widerNetworkOf(address)).toBe(wider)
  })
})
