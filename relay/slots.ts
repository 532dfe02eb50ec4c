/** So many things at once; others wait in turn. */
export interface Slots {
  /** Settles once there is room, with what is to be called once when it is needed no more. */
  readonly enter: () => Promise<() => void>
}

export const makeSlots = (most: number): Slots => {
  let taken = 0
  const waiting: (() => void)[] = []
  const leave = () => {
    const next = waiting.shift()
    // The place goes to the next, or is free.
    if (next === undefined) taken -= 1
    else next()
  }
  return {
    enter: async () => {
      if (taken >= most) await new Promise<void>(resolve => waiting.push(resolve))
      else taken += 1
      return leave
    },
  }
}
