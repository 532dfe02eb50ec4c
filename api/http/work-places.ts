export interface WorkLimits {
  /** Of all callers together. */
  readonly total: number
  /** Of one caller. */
  readonly share: number
  /** Milliseconds that one waits for a place. */
  readonly patience: number
}

/** Why there is no place: this caller has all of its share, or all callers together have every place. */
export type NoPlace = { readonly _tag: 'CallerBusy' } | { readonly _tag: 'Busy' }

export interface WorkPlaces {
  /** Places of one caller. */
  readonly share: number
  /** Takes a place of this caller, or waits for one. Whoever got one must leave it, once. */
  readonly take: (caller: string) => Promise<NoPlace | undefined>
  readonly leave: (caller: string) => void
  /** Places of this caller that are free. */
  readonly leftOf: (caller: string) => number
  readonly taken: () => number
  readonly waiting: () => number
}

interface Waiter {
  readonly settle: (outcome: NoPlace | undefined) => void
}

/** Dropped when nothing is taken and nobody waits. */
interface Caller {
  taken: number
  readonly waiters: Set<Waiter>
}

const granted = Promise.resolve(undefined)

/**
 * So many places at once, and so many of one caller. Callers that wait take turns, and whoever waited longest of one is its
 * next. Places that come free are given once in a turn of the event loop: what is done in no time could else hold it up.
 */
export const makeWorkPlaces = ({ total, share, patience }: WorkLimits): WorkPlaces => {
  const callers = new Map<string, Caller>()
  /** Those that have somebody waiting, in the order of their turns. */
  const turns = new Set<string>()
  let taken = 0
  let waiting = 0
  let isScheduled = false

  const callerOf = (name: string): Caller => {
    const existing = callers.get(name)
    if (existing !== undefined) return existing
    const caller: Caller = { taken: 0, waiters: new Set() }
    callers.set(name, caller)
    return caller
  }

  const occupy = (caller: Caller): void => {
    caller.taken += 1
    taken += 1
  }

  const give = (): void => {
    isScheduled = false
    for (const name of turns) {
      if (taken >= total) return
      const caller = callerOf(name)
      const [waiter] = caller.waiters
      if (waiter === undefined || caller.taken >= share) continue
      occupy(caller)
      waiter.settle(undefined)
      // It goes behind the others, where the loop comes to it again.
      if (turns.delete(name) && caller.waiters.size > 0) turns.add(name)
    }
  }

  const schedule = (): void => {
    if (isScheduled || waiting === 0) return
    isScheduled = true
    setImmediate(give)
  }

  const wait = (name: string, caller: Caller): Promise<NoPlace | undefined> =>
    new Promise(resolve => {
      const settle: Waiter['settle'] = outcome => {
        clearTimeout(timer)
        caller.waiters.delete(waiter)
        waiting -= 1
        if (caller.waiters.size === 0) turns.delete(name)
        if (caller.taken === 0 && caller.waiters.size === 0) callers.delete(name)
        resolve(outcome)
      }
      const waiter = { settle }
      const timer = setTimeout(
        () => settle({ _tag: caller.taken >= share ? 'CallerBusy' : 'Busy' }),
        patience,
      )
      caller.waiters.add(waiter)
      turns.add(name)
      waiting += 1
    })

  return {
    share,
    take: name => {
      const caller = callerOf(name)
      // Whoever comes now must not pass those who wait.
      if (taken >= total || caller.taken >= share || caller.waiters.size > 0) return wait(name, caller)
      occupy(caller)
      return granted
    },
    leave: name => {
      const caller = callers.get(name)
      if (caller === undefined) return
      caller.taken -= 1
      taken -= 1
      if (caller.taken === 0 && caller.waiters.size === 0) callers.delete(name)
      schedule()
    },
    leftOf: name => share - (callers.get(name)?.taken ?? 0),
    taken: () => taken,
    waiting: () => waiting,
  }
}
