import { z } from 'zod'
import { type Json, type JsonObject, member } from '../domain/json.ts'
import { keyOfStream } from '../domain/resource.ts'
import {
  evolveSubscription,
  parseSubscription,
  type Subscription,
  subscriptionEventTypes,
} from '../domain/subscriptions.ts'
import type { EventFeed } from './event-feed.ts'
import { projection } from './projection.ts'
import type { ModelShape, ReadModels } from './read-store.ts'
import { readWhole, type Whole } from './read-whole.ts'

/** Whose it is. */
export const nodeField = 'node'

/** The subscriptions of nodes to the feed, by id: what `/subscriptions` lists, and what the relay starts from. */
export const subscriptions: ModelShape = {
  name: 'subscriptions',
  version: 1,
  fields: { [nodeField]: 'text' },
  indexes: [{ fields: [nodeField] }],
}

/** A subscription with the revision of its stream that it was read at. */
export interface SubscriptionAt {
  readonly revision: number
  readonly subscription: Subscription
}

const isItem = z.custom<JsonObject>(value => typeof value === 'object' && value !== null)
const shape = z.object({ revision: z.int(), item: isItem })

const itemIn = (text: string) => shape.parse(JSON.parse(text) satisfies Json)

/** Throws for what no release would have written. */
export const parseSubscriptionText = (text: string): SubscriptionAt => {
  const { revision, item } = itemIn(text)
  const subscription = parseSubscription(item)
  if (subscription === undefined) throw new Error('a subscription cannot be read')
  return { revision, subscription }
}

export const subscriptionsProjection = projection({
  shape: subscriptions,
  events: subscriptionEventTypes,
  needs: ({ stream, revision }) => (revision > 0 ? [keyOfStream(stream)] : []),
  apply: ({ event, stream, revision, position }, document) => {
    const key = keyOfStream(stream)
    const before = revision === 0 ? undefined : document(key)
    if (before !== undefined && before.revision >= revision) return []
    const text = before?.text ?? undefined
    const item = evolveSubscription(text === undefined ? undefined : itemIn(text).item, event)
    if (item === undefined) return [{ key, revision, position, text: null, fields: {} }]
    const node = member(item, 'node')
    return [
      {
        key,
        revision,
        position,
        text: JSON.stringify({ revision, item }),
        fields: { [nodeField]: typeof node === 'string' ? node : null },
      },
    ]
  },
})

/** Every subscription, if the read model is of this very log and answers; else none, at the log's beginning. */
export const allSubscriptions = (
  reads: Pick<ReadModels, 'checkpoint' | 'find'>,
  feed: Pick<EventFeed, 'eventIdAt'>,
): Promise<Whole<SubscriptionAt>> => readWhole(reads, feed, subscriptions, parseSubscriptionText)
