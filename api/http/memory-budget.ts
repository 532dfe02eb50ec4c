/** Bytes that requests under way may hold. */
export interface MemoryLimits {
  /** Of all callers together. */
  readonly total: number
  /** Of one caller: a person, a node, or a network of clients without credentials. */
  readonly share: number
}

/** Why bytes cannot be held: this caller holds its share, or all callers together hold everything. */
export type OverBudget = { readonly _tag: 'CallerOverBudget' } | { readonly _tag: 'ProcessOverBudget' }

/** What one request holds. It is released when its answer has left, or its connection has ended. */
export interface Allocation {
  /** Holds so many bytes more, at once or not at all. */
  readonly take: (bytes: number) => OverBudget | undefined
  /** The same, but waits until others have released as much, `milliseconds` at most. */
  readonly takeWithin: (bytes: number, milliseconds: number) => Promise<OverBudget | undefined>
  /** Releases a part of what it holds. */
  readonly giveBack: (bytes: number) => void
  readonly release: () => void
}

/** The memory of a process for bodies and answers under way. */
export interface MemoryBudget {
  readonly allocationOf: (caller: string) => Allocation
  /** Bytes held now. */
  readonly held: () => number
}

interface Waiter {
  readonly caller: string
  readonly bytes: number
  readonly settle: (outcome: OverBudget | undefined) => void
}

/**
 * Counts the bytes that bodies and answers hold, of all callers and of each. A caller that reads its answers and ends its
 * bodies releases them at once; one that does not is refused, and holds up nobody else.
 */
export const makeMemoryBudget = ({ total, share }: MemoryLimits): MemoryBudget => {
  const heldBy = new Map<string, number>()
  const waiters = new Set<Waiter>()
  let held = 0

  const refusal = (caller: string, bytes: number): OverBudget | undefined => {
    if ((heldBy.get(caller) ?? 0) + bytes > share) return { _tag: 'CallerOverBudget' }
    return held + bytes > total ? { _tag: 'ProcessOverBudget' } : undefined
  }

  const add = (caller: string, bytes: number): void => {
    held += bytes
    const ofCaller = (heldBy.get(caller) ?? 0) + bytes
    if (ofCaller === 0) heldBy.delete(caller)
    else heldBy.set(caller, ofCaller)
  }

  const remove = (caller: string, bytes: number): void => {
    add(caller, -bytes)
    for (const waiter of waiters)
      if (refusal(waiter.caller, waiter.bytes) === undefined) waiter.settle(undefined)
  }

  return {
    held: () => held,
    allocationOf: caller => {
      let own = 0
      let released = false
      const take: Allocation['take'] = bytes => {
        const refused = refusal(caller, bytes)
        // What comes after the end of the request holds nothing.
        if (refused !== undefined || released) return refused
        own += bytes
        add(caller, bytes)
        return undefined
      }
      const giveBack: Allocation['giveBack'] = bytes => {
        const returned = Math.min(bytes, own)
        if (returned === 0) return
        own -= returned
        remove(caller, returned)
      }
      return {
        take,
        takeWithin: (bytes, milliseconds) => {
          const refused = take(bytes)
          if (refused === undefined) return Promise.resolve(undefined)
          return new Promise(resolve => {
            const settle: Waiter['settle'] = outcome => {
              clearTimeout(timer)
              waiters.delete(waiter)
              resolve(outcome ?? take(bytes))
            }
            const waiter = { caller, bytes, settle }
            const timer = setTimeout(() => settle(refusal(caller, bytes)), milliseconds)
            waiters.add(waiter)
          })
        },
        giveBack,
        release: () => {
          giveBack(own)
          released = true
        },
      }
    },
  }
}
