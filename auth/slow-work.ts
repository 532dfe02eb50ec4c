import { availableParallelism } from 'node:os'
import * as E from '#fp/Either'
import type { TaskEither } from '#fp/TaskEither'

/** So much waits already that this would not be done in time. */
export interface Busy {
  readonly _tag: 'Busy'
}

/** Runs at most one piece of slow work per core; the rest waits, up to a bound. */
export type SlowWork = <A>(work: () => Promise<A>) => TaskEither<Busy, A>

export const makeSlowWork = (mostWaiting: number, atOnce: number = availableParallelism()): SlowWork => {
  const waiting: (() => void)[] = []
  let running = 0
  return work => async () => {
    if (running >= atOnce) {
      if (waiting.length >= mostWaiting) return E.left({ _tag: 'Busy' })
      await new Promise<void>(resolve => waiting.push(resolve))
    } else running += 1
    try {
      return E.right(await work())
    } finally {
      const next = waiting.shift()
      // The place goes over to whoever waited longest.
      if (next === undefined) running -= 1
      else next()
    }
  }
}
