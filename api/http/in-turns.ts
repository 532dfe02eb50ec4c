import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'

type Arrived = readonly [request: IncomingMessage, response: ServerResponse]

/** Milliseconds that a turn of the event loop is to take at most. */
const turnMilliseconds = 15
/** Fewer would share too little: a turn of writes ends with one wait for the disk, however many they are. */
const leastInTurn = 4
const mostInTurn = 256

export interface Paced {
  readonly listener: RequestListener
  /** To be told of each connection that was accepted. */
  readonly accepted: () => void
  /** Requests that have arrived and are not begun. */
  readonly waiting: () => number
}

/**
 * Begins so many requests in a turn of the event loop that the turn stays short; the others are begun in the turns after it,
 * in the order in which they came. (What a request does is often done before the loop turns: else whatever had arrived
 * together would be done before anything else is looked at.) Urgent ones are begun at once. As the loop accepts one connection
 * a turn (libuv), it turns at once while connections come: else they would wait as many turns as there are of them.
 */
export const inTurns = (
  listener: RequestListener,
  isUrgent: (request: IncomingMessage) => boolean,
): Paced => {
  let queue: Arrived[] = []
  let next = 0
  let begun = 0
  let allowed = 16
  let turnBegan = 0
  let isScheduled = false
  let hasAccepted = false

  const mayBegin = (): boolean => begun < (hasAccepted ? 1 : allowed)

  const adapt = (now: number): void => {
    const took = now - turnBegan
    if (took > turnMilliseconds) allowed = Math.max(leastInTurn, allowed >> 1)
    else if (took < turnMilliseconds / 2 && begun >= allowed) allowed = Math.min(mostInTurn, allowed * 2)
    turnBegan = now
    begun = 0
  }

  const schedule = (): void => {
    if (isScheduled) return
    isScheduled = true
    setImmediate(turn)
  }

  const turn = (): void => {
    isScheduled = false
    adapt(performance.now())
    while (mayBegin() && next < queue.length) {
      const arrived = queue[next]
      next += 1
      if (arrived !== undefined && !arrived[0].destroyed) {
        begun += 1
        listener(...arrived)
      }
    }
    hasAccepted = false
    if (next === queue.length) {
      queue = []
      next = 0
    } else schedule()
  }

  return {
    listener: (request, response) => {
      if (isUrgent(request)) return listener(request, response)
      if (!isScheduled) {
        turnBegan = performance.now()
        begun = 0
        schedule()
      }
      if (mayBegin() && next === queue.length) {
        begun += 1
        listener(request, response)
        return
      }
      queue.push([request, response])
    },
    accepted: () => {
      hasAccepted = true
    },
    waiting: () => queue.length - next,
  }
}
