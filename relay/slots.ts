/** So many things at once; others wait in turn. */
export interface Slots {
  /** Runs `work` once there is room. */
  readonly take: <A>(work: () => Promise<A>) => Promise<A>
}

export const makeSlots = (most: number): Slots => {
  let taken = 0
  const waiting: (() => void)[] = []
  return {
    take: async work => {
      if (taken >= most) await new Promise<void>(resolve => waiting.push(resolve))
      else taken += 1
      try {
        return await work()
      } finally {
        const next = waiting.shift()
        // The place goes to the next, or is free.
        if (next === undefined) taken -= 1
        else next()
      }
    },
  }
}
