/** Settles after so many milliseconds, or with the signal. */
export type Sleep = (milliseconds: number, signal: AbortSignal) => Promise<void>

/** Lets the parts of a work wait for what others of them do. */
export interface Bell {
  readonly ring: () => void
  /** Until it rings next, or so many milliseconds have passed, or the work ends. */
  readonly rung: (milliseconds: number) => Promise<void>
}

/** `ending`: of the work. */
export const makeBell = (sleep: Sleep, ending: AbortSignal): Bell => {
  const waiting = new Set<AbortController>()
  const ring = () => {
    for (const one of [...waiting]) one.abort()
  }
  ending.addEventListener('abort', ring)
  return {
    ring,
    rung: async milliseconds => {
      const woken = new AbortController()
      waiting.add(woken)
      if (ending.aborted) woken.abort()
      try {
        await sleep(milliseconds, woken.signal)
      } finally {
        waiting.delete(woken)
      }
    },
  }
}
