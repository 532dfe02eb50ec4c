export interface Turns {
  /** Runs the work when its key's earlier work is done and a place is free; undefined when too many wait. */
  readonly take: <A>(key: string, work: () => Promise<A>) => Promise<A> | undefined
  /** When nothing runs or waits. */
  readonly idle: () => Promise<void>
}

/** One at a time per key, `places` at a time altogether, `mostHeld` running and waiting. */
export const makeTurns = (places: number, mostHeld: number): Turns => {
  const tails = new Map<string, Promise<unknown>>()
  const waiting: (() => void)[] = []
  let running = 0
  let held = 0

  const place = async (): Promise<void> => {
    if (running < places) running += 1
    else await new Promise<void>(resolve => waiting.push(resolve))
  }

  const leave = (): void => {
    const next = waiting.shift()
    if (next === undefined) running -= 1
    else next()
  }

  const turn = async <A>(before: Promise<unknown> | undefined, work: () => Promise<A>): Promise<A> => {
    await before?.catch(() => {})
    await place()
    try {
      return await work()
    } finally {
      leave()
    }
  }

  return {
    take: (key, work) => {
      if (held >= mostHeld) return undefined
      held += 1
      const taken = turn(tails.get(key), work).finally(() => {
        held -= 1
        if (tails.get(key) === taken) tails.delete(key)
      })
      tails.set(key, taken)
      return taken
    },
    idle: async () => {
      while (tails.size > 0) await Promise.allSettled([...tails.values()])
    },
  }
}
