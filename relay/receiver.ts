import type { RecordedEvent } from '../domain/event.ts'
import type { LogIdentity } from '../domain/position.ts'
import type { Subscription } from '../domain/subscriptions.ts'
import { feedEntryText } from '../projections/feed-entry.ts'
import type { Bell } from './bell.ts'
import type { DeliveryState } from './delivery-state.ts'
import type { PostOutcome } from './post-outcome.ts'
import { deliveryError, type SendWebhook } from './send-webhook.ts'
import { makeSlots } from './slots.ts'

/** Posts of one subscription under way at the same time, each of another stream. */
export const mostPosts = 16
/** So many streams have failed since the last delivery: the receiver is taken for down. */
const downFrom = 16
/** While it is down, one stream that has not failed yet is tried this often, and one that has. */
const probeMilliseconds = 15_000
/** Once it is up again, streams that failed are tried within this time. */
const recoveryMilliseconds = 1_000

/** Why the work on a subscription has ended before its signal. */
export type DeliveryEnd =
  /** The receiver answered 410 (Gone). */
  | { readonly is: 'gone' }
  /** The node lacks these rights. */
  | { readonly is: 'denied'; readonly needed: readonly string[] }
  | { readonly is: 'ended' }

/** An event that is posted for the first time, or one that has failed. */
export type Turn = 'first' | 'again'

export type Answer = { readonly is: 'taken' } | { readonly is: 'refused'; readonly error: string }

export interface Receiver {
  /** Whether it is only probed. */
  readonly isDown: () => boolean
  /** Posts an event in its turn. Undefined when the work ends: nothing is known of the event then. */
  readonly post: (event: RecordedEvent, turn: Turn) => Promise<Answer | undefined>
  /** Ends the work where the node lacks a right. */
  readonly checkRights: () => boolean
}

export interface ReceiverDependencies {
  readonly identity: LogIdentity
  readonly send: SendWebhook
  /** What the node lacks to be given events of these resources; undefined where nothing. */
  readonly lacking: (subscription: Subscription) => readonly string[] | undefined
  readonly now: () => number
  readonly random: () => number
}

/** How the work ends. */
export interface Ending {
  readonly signal: AbortSignal
  /** Later than the signal: posts under way are cut off. */
  readonly cutting: AbortSignal
  readonly endWith: (end: DeliveryEnd) => void
}

/** Who receives the events of a subscription: when it may be sent one, and what became of it. */
export const makeReceiver = (
  { identity, send, lacking, now, random }: ReceiverDependencies,
  subscription: Subscription,
  state: DeliveryState,
  bell: Bell,
  { signal: ending, cutting, endWith }: Ending,
): Receiver => {
  const places = makeSlots(mostPosts)
  /** The place of whoever is next among those that are posted for the first time. */
  const entrance = makeSlots(1)
  const failedSince = new Set<string>()
  const isDown = () => failedSince.size >= downFrom
  const probedAt = { first: 0, again: 0 }

  const waitOf = (turn: Turn): number => {
    const probe = isDown() ? probedAt[turn] + probeMilliseconds : 0
    return Math.max(state.noted().heldUntil, probe) - now()
  }

  /** A place among the posts under way, once it may be sent something. Undefined when the work ends. */
  const place = async (turn: Turn): Promise<(() => void) | undefined> => {
    while (!ending.aborted) {
      const wait = waitOf(turn)
      if (wait > 0) {
        await bell.rung(wait)
        continue
      }
      const leave = await places.enter()
      if (!ending.aborted && waitOf(turn) <= 0) {
        if (isDown()) probedAt[turn] = now()
        return leave
      }
      leave()
    }
    return undefined
  }
  const placeInTurn = async (turn: Turn) => {
    if (turn === 'again') return place(turn)
    const leaveEntrance = await entrance.enter()
    try {
      return await place(turn)
    } finally {
      leaveEntrance()
    }
  }

  const checkRights = (): boolean => {
    const needed = lacking(subscription)
    if (needed !== undefined) endWith({ is: 'denied', needed })
    return needed === undefined
  }

  const noteTaken = () => {
    if (isDown())
      for (const row of state.failing.values())
        if (row.nextAt > now())
          state.keep({ ...row, nextAt: now() + Math.round(random() * recoveryMilliseconds) })
    failedSince.clear()
    if (state.noted().failures !== 0) state.note({ failures: 0 })
  }

  const noteError = (error: string, outcome: PostOutcome, failures: number) => {
    const wait = outcome.is === 'answered' ? (outcome.retryAfterMilliseconds ?? 0) : 0
    const heldUntil = Math.max(state.noted().heldUntil, wait === 0 ? 0 : now() + wait)
    state.note({ failures, heldUntil, lastError: { at: new Date(now()).toISOString(), error } })
  }

  const judge = ({ stream }: RecordedEvent, outcome: PostOutcome): Answer | undefined => {
    const error = deliveryError(outcome)
    if (error === undefined) {
      noteTaken()
      return { is: 'taken' }
    }
    if (outcome.is === 'failed' && outcome.reason === 'stopped' && ending.aborted) return undefined
    const { failures } = state.noted()
    if (outcome.is === 'answered' && outcome.status === 410) {
      noteError(error, outcome, failures)
      endWith({ is: 'gone' })
      return undefined
    }
    failedSince.add(stream)
    noteError(error, outcome, failures + 1)
    return { is: 'refused', error }
  }

  return {
    isDown,
    checkRights,
    post: async (event, turn) => {
      const leave = await placeInTurn(turn)
      if (leave === undefined) return undefined
      try {
        if (!checkRights()) return undefined
        const body = feedEntryText(identity, event)
        return judge(event, await send(subscription, event.id, body, cutting, event.metadata.traceparent))
      } finally {
        leave()
      }
    },
  }
}
