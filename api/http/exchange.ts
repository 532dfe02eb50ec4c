import type { Request, Response } from 'express'
import { traceparentIn } from '../../domain/trace-context.ts'
import type { Allocation, MemoryBudget, OverBudget } from './memory-budget.ts'

/** What a request holds of the memory budget from its start, its head and a small answer included. */
export const smallBytes = 16 * 1024
const patienceMilliseconds = 5_000

/** A request that is being answered, and the memory it holds until its answer has been taken. */
export interface Exchange {
  readonly requestId: string
  /** Which trace the request is part of (W3C Trace Context), if it says so. */
  readonly traceparent?: string
  /** Names the caller whose share counts from now on, and waits up to five seconds for a place in it. */
  readonly enter: (caller: string) => Promise<OverBudget | undefined>
  /** Holds memory for a body of so many bytes; waits as `enter` does. */
  readonly holdBody: (bytes: number) => Promise<OverBudget | undefined>
  /** Holds memory for an answer of so many bytes, or says at once that it cannot. */
  readonly holdAnswer: (bytes: number) => OverBudget | undefined
  /** Waits for the client, or for something to come: that is no work. */
  readonly aside: <A>(waiting: Promise<A>) => Promise<A>
  /** Milliseconds in which it waited so. */
  readonly waited: () => number
}

/** A body is held as bytes, as text and as a value while it is worked on. */
const copiesOfBody = 2

export const beginExchange = (
  budget: MemoryBudget,
  request: Request,
  response: Response,
  requestId: string,
): Exchange => {
  let allocation: Allocation | undefined
  let waited = 0
  const allocationOf = (caller: string): Allocation => {
    if (allocation === undefined) response.once('close', () => allocation?.release())
    else allocation.release()
    allocation = budget.allocationOf(caller)
    // A client that has left holds nothing, whatever is still done for it.
    if (response.closed) allocation.release()
    return allocation
  }
  const current = (): Allocation => allocation ?? allocationOf(`network ${request.ip ?? ''}`)
  const traceparent = traceparentIn(request.headers.traceparent)
  return {
    requestId,
    ...(traceparent === undefined ? {} : { traceparent }),
    enter: caller => allocationOf(caller).takeWithin(smallBytes, patienceMilliseconds),
    holdBody: bytes => current().takeWithin(copiesOfBody * bytes, patienceMilliseconds),
    holdAnswer: bytes => (bytes <= smallBytes ? undefined : current().take(bytes - smallBytes)),
    aside: async waiting => {
      const start = performance.now()
      try {
        return await waiting
      } finally {
        waited += performance.now() - start
      }
    },
    waited: () => waited,
  }
}
