import { isObject, type JsonObject } from '../domain/json.ts'
import { keyOfStream } from '../domain/resource.ts'
import {
  evolveSubscription,
  isSubscriptionEvent,
  parseSubscription,
  type Subscription,
  subscriptionEventTypes,
} from '../domain/subscriptions.ts'
import type { EventFeed } from '../projections/event-feed.ts'
import type { SubscriptionAt } from '../projections/subscriptions.ts'

/** A subscription as it is now, and whether it is there. */
interface Followed {
  readonly revision: number
  readonly item: JsonObject | undefined
  readonly subscription: Subscription | undefined
}

/** The subscriptions of this moment, in memory. */
export interface FollowedSubscriptions {
  /** Those that are there, by id. */
  readonly all: () => readonly SubscriptionAt[]
  /** Those that were removed since the start. */
  readonly removed: () => readonly string[]
  /** Tells of every change; gives what ends that. */
  readonly onChange: (tell: () => void) => () => void
  /** Follows the log until the signal. Throws a `LogFailure`. */
  readonly follow: (feed: Pick<EventFeed, 'follow'>, signal: AbortSignal) => Promise<void>
}

/** Starts from what the read model knew, and goes on from the position it had come to. */
export const followedSubscriptions = (start: {
  readonly position: bigint
  readonly documents: ReadonlyMap<string, SubscriptionAt>
}): FollowedSubscriptions => {
  const all = new Map<string, Followed>(
    [...start.documents].map(([id, { revision, subscription }]) => [
      id,
      { revision, item: subscription, subscription },
    ]),
  )
  let position = start.position
  const told = new Set<() => void>()

  return {
    all: () =>
      [...all.values()].flatMap(({ revision, subscription }) =>
        subscription === undefined ? [] : [{ revision, subscription }],
      ),
    removed: () => [...all].flatMap(([id, { item }]) => (item === undefined ? [id] : [])),
    onChange: tell => {
      told.add(tell)
      return () => told.delete(tell)
    },
    follow: async (feed, signal) => {
      for await (const { events, next } of feed.follow(position, { signal, types: subscriptionEventTypes })) {
        for (const { stream, revision, event } of events) {
          const id = keyOfStream(stream)
          const before = all.get(id)
          if (!isSubscriptionEvent(event) || (before !== undefined && before.revision >= revision)) continue
          const item = evolveSubscription(before?.item, event)
          const subscription = item !== undefined && isObject(item) ? parseSubscription(item) : undefined
          all.set(id, { revision, item, subscription })
        }
        position = next
        if (events.length > 0) for (const tell of [...told]) tell()
      }
    },
  }
}
