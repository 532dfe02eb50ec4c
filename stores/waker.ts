/** Lets followers of a log in this process sleep until something was appended. */
export interface Waker {
  readonly wake: () => void
  /** Until the next `wake`, the signal, or `milliseconds` at most. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>
}

export const makeWaker = (): Waker => {
  const sleepers = new Set<() => void>()
  return {
    wake: () => {
      for (const rise of [...sleepers]) rise()
    },
    sleep: (milliseconds, signal) =>
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
        if (signal.aborted) rise()
      }),
  }
}
