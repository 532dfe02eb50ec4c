/** Wakes those who wait for something to happen. */
export interface Bell {
  readonly ring: () => void
  /** Settles at the next ring, or after so many milliseconds. */
  readonly wait: (milliseconds: number) => Promise<void>
}

export const makeBell = (): Bell => {
  const waiting = new Set<() => void>()
  return {
    ring: () => {
      for (const wake of waiting) wake()
    },
    wait: milliseconds =>
      new Promise(resolve => {
        const wake = () => {
          clearTimeout(timer)
          waiting.delete(wake)
          resolve()
        }
        const timer = setTimeout(wake, milliseconds)
        waiting.add(wake)
      }),
  }
}
