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
  /** Those who wait for the next ring share it. */
  let waiting: AbortController | undefined
  const ring = () => {
    // Without a reason it makes an error with its stack, too.
    waiting?.abort('rung')
    waiting = undefined
  }
  ending.addEventListener('abort', ring)
  return {
    ring,
    rung: async milliseconds => {
      if (ending.aborted) return
      waiting ??= new AbortController()
      await sleeping(milliseconds, waiting.signal)
    },
  }
}
