import { describe, expect, it } from 'vitest'
import { makeWaker } from '../../stores/waker.ts'

const { signal } = new AbortController()

describe('a follower’s sleep', () => {
  it('ends with the next append, for all who sleep', async () => {
    const waker = makeWaker()
    const sleeping = [1, 2, 3].map(() => waker.sleep(waker.wakes(), 60_000, signal))
    waker.wake()
    await Promise.all(sleeping)
    expect(waker.wakes()).toBe(1)
  })

  it('does not begin after an append that came behind the last look', async () => {
    const waker = makeWaker()
    const look = waker.wakes()
    waker.wake()
    await waker.sleep(look, 60_000, signal)
    expect(waker.wakes()).toBe(look + 1)
  })

  it('ends with its signal, and at its time', async () => {
    const waker = makeWaker()
    const ending = new AbortController()
    const sleeping = waker.sleep(0, 60_000, ending.signal)
    ending.abort()
    await sleeping
    await waker.sleep(0, 60_000, ending.signal)
    await waker.sleep(0, 1, signal)
    expect(waker.wakes()).toBe(0)
  })
})
