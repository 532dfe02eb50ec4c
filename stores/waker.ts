/** Lets followers of a log in this process sleep until something was appended. */
export interface Waker {
  readonly wake: () => void
  /** How often it was woken so far: taken before looking at the log, so that no wake after the look is slept through. */
  readonly wakes: () => number
  /** Until it was woken more often than `since`, the signal, or `milliseconds` at most. */
  readonly sleep: (since: number, milliseconds: number, signal: AbortSignal) => Promise<void>
}

export const makeWaker = (): Waker => {
  const sleepers = new Set<() => void>()
  let wakes = 0
  return {
    wake: () => {
      wakes += 1
      for (const rise of [...sleepers]) rise()
    },
    wakes: () => wakes,
    sleep: (since, milliseconds, signal) =>
      new Promise(resolve => {
        const rise = () => {
          clearTimeout(timer)
          sleepers.delete(rise)
          signal.removeEventListener('abort', rise)
          resolve()
        }
        const timer = setTimeout(rise, milliseconds)
        sleepers.add(rise)
        signal.addEventListener('abort', rise)
        if (signal.aborted || wakes > since) rise()
      }),
  }
}
