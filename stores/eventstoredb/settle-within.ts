import { setTimeout as pause } from 'node:timers/promises'

/** Waits for the work, but no longer than so many milliseconds. */
export const settleWithin = async (milliseconds: number, work: Promise<unknown>): Promise<void> => {
  const ending = new AbortController()
  const limit = pause(milliseconds, undefined, { signal: ending.signal }).catch(() => undefined)
  await Promise.race([work, limit])
  ending.abort()
}
