import type { Request, Response } from 'express'
import * as E from '#fp/Either'
import { traceparentIn } from '../../domain/trace-context.ts'
import type { Metrics, WaitingFor } from '../../metrics/metrics.ts'
import type { Allocation, MemoryBudget, OverBudget } from './memory-budget.ts'
import type { Quota } from './quota.ts'
import type { NoPlace, WorkPlaces } from './work-places.ts'

/** What a request holds of the memory budget from its start, its head and a small answer included. */
export const smallBytes = 16 * 1024
const patienceMilliseconds = 5_000

/** What requests under way share: memory, places at work, and places for what only waits. */
export interface Load {
  readonly budget: MemoryBudget
  readonly work: WorkPlaces
  readonly waiting: WorkPlaces
  readonly metrics: Pick<Metrics, 'waitingFor'>
}

/** Too many long polls and streams are open: of the caller, or of all. */
export type TooManyWaiting = { readonly _tag: 'CallerWaits' } | { readonly _tag: 'Busy' }

/** A request that is being answered: the memory it holds until its answer has been taken, and its place at work. */
export interface Exchange {
  readonly requestId: string
  /** Which trace the request is part of (W3C Trace Context), if it says so. */
  readonly traceparent?: string
  /** Names the caller whose shares count from now on, and waits up to five seconds for memory and for a place at work. */
  readonly enter: (caller: string) => Promise<OverBudget | NoPlace | undefined>
  /** Holds memory for a body of so many bytes; waits as `enter` does. */
  readonly holdBody: (bytes: number) => Promise<OverBudget | undefined>
  /** Holds memory for an answer of so many bytes, or says at once that it cannot. */
  readonly holdAnswer: (bytes: number) => OverBudget | undefined
  /** Waits for the client, whose place at work others have meanwhile. */
  readonly aside: <A>(waiting: () => Promise<A>) => Promise<E.Either<NoPlace, A>>
  /** Gives the place at work up for good, to what has a limit of its own. */
  readonly elsewhere: <A>(work: () => Promise<A>) => Promise<A>
  /** The same for what goes on for long: takes one of the places for that, if there is one, until the function it gives is called. */
  readonly beginWaiting: (what: WaitingFor) => Promise<E.Either<TooManyWaiting, () => void>>
  /** Waits so for something to come. */
  readonly waiting: <A>(what: WaitingFor, wait: () => Promise<A>) => Promise<E.Either<TooManyWaiting, A>>
  /** The answer is made: others have its place. */
  readonly leave: () => void
  /** Milliseconds that were no work. */
  readonly idle: () => number
  /** The limit that the answer tells its caller of, once there is one. */
  readonly quota: () => Quota | undefined
  readonly limitedBy: (quota: Quota) => void
}

/** A body is held as bytes, as text and as a value while it is worked on. */
const copiesOfBody = 2

export const beginExchange = (
  { budget, work, waiting, metrics }: Load,
  request: Request,
  response: Response,
  requestId: string,
): Exchange => {
  let allocation: Allocation | undefined
  let caller = ''
  let hasPlace = false
  let idle = 0
  let limit: Quota | undefined

  const allocationOf = (name: string): Allocation => {
    if (allocation === undefined) response.once('close', () => allocation?.release())
    else allocation.release()
    allocation = budget.allocationOf(name)
    // A client that has left holds nothing, whatever is still done for it.
    if (response.closed) allocation.release()
    return allocation
  }
  const current = (): Allocation => allocation ?? allocationOf(`network ${request.ip ?? ''}`)

  const takePlace = async (): Promise<NoPlace | undefined> => {
    const refused = await work.take(caller)
    if (refused !== undefined) return refused
    hasPlace = true
    // Nobody reads the answer any more.
    if (response.closed) leave()
    return response.closed ? { _tag: 'Busy' } : undefined
  }
  const leave = (): void => {
    if (hasPlace) work.leave(caller)
    hasPlace = false
  }
  const timed = async <A>(something: () => Promise<A>): Promise<A> => {
    const start = performance.now()
    try {
      return await something()
    } finally {
      idle += performance.now() - start
    }
  }

  const beginWaiting: Exchange['beginWaiting'] = async what => {
    leave()
    const refused = await waiting.take(caller)
    if (refused !== undefined)
      return E.left(refused._tag === 'CallerBusy' ? { _tag: 'CallerWaits' } : refused)
    const ended = metrics.waitingFor(what)
    return E.right(() => {
      ended()
      waiting.leave(caller)
    })
  }

  const traceparent = traceparentIn(request.headers.traceparent)
  return {
    requestId,
    ...(traceparent === undefined ? {} : { traceparent }),
    enter: async name => {
      caller = name
      const refused = await allocationOf(name).takeWithin(smallBytes, patienceMilliseconds)
      return refused ?? takePlace()
    },
    holdBody: bytes => current().takeWithin(copiesOfBody * bytes, patienceMilliseconds),
    holdAnswer: bytes => (bytes <= smallBytes ? undefined : current().take(bytes - smallBytes)),
    aside: async something => {
      if (!hasPlace) return E.right(await timed(something))
      leave()
      const result = await timed(something)
      const refused = await takePlace()
      return refused === undefined ? E.right(result) : E.left(refused)
    },
    elsewhere: something => {
      leave()
      return timed(something)
    },
    beginWaiting,
    waiting: async (what, wait) => {
      const begun = await beginWaiting(what)
      if (E.isLeft(begun)) return begun
      try {
        return E.right(await timed(wait))
      } finally {
        begun.right()
      }
    },
    leave,
    idle: () => idle,
    quota: () =>
      limit ?? (caller === '' ? undefined : { name: 'caller', most: work.share, left: work.leftOf(caller) }),
    limitedBy: quota => {
      limit = quota
    },
  }
}
