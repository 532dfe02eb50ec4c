/** Settles after so many milliseconds, or with the signal. */
export type Sleep = (milliseconds: number, signal: AbortSignal) => Promise<void>

/** That of the system. Its own of promises ends with an error and its stack, as costly as a post. */
export const sleep: Sleep = (milliseconds, signal) =>
  new Promise(resolve => {
    if (signal.aborted) return resolve()
    const wake = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', wake)
      resolve()
    }
    const timer = setTimeout(wake, milliseconds)
    signal.addEventListener('abort', wake)
  })

/** Lets the parts of a work wait for what others of them do. */
export interface Bell {
  readonly ring: () => void
  /** Until it rings next, or so many milliseconds have passed, or the work ends. */
  readonly rung: (milliseconds: number) => Promise<void>
}

/** `ending`: of the work. */
export const makeBell = (sleeping: Sleep, ending: AbortSignal): Bell => {
  const waiting = new Set<AbortController>()
  const ring = () => {
    // Without a reason each makes an error with its stack, too.
    for (const one of [...waiting]) one.abort('rung')
  }
  ending.addEventListener('abort', ring)
  return {
    ring,
    rung: async milliseconds => {
      const woken = new AbortController()
      waiting.add(woken)
      if (ending.aborted) woken.abort()
      try {
        await sleeping(milliseconds, woken.signal)
      } finally {
        waiting.delete(woken)
      }
    },
  }
}
