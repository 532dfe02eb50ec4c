import * as E from '#fp/Either'
import type { LogFailure } from '../domain/log-failure.ts'
import type { Subscription } from '../domain/subscriptions.ts'
import type { EventFeed } from '../projections/event-feed.ts'
import { type InboxState, readInboxState } from '../projections/inbox.ts'
import type { ReadModels } from '../projections/read-store.ts'
import type { ReadUnavailable } from '../projections/read-unavailable.ts'
import { nodeField, parseSubscriptionText, subscriptions } from '../projections/subscriptions.ts'
import { parseProgress } from './delivery-records.ts'
import type { DeliveryStore } from './delivery-store.ts'

/** How the deliveries of a subscription go. */
export interface SubscriptionStatus {
  readonly id: string
  readonly status: Subscription['status']
  /** Up to here, as clients hold it, everything was delivered, fails, or is a dead letter. */
  readonly position: string
  /** How far the log is ahead, in its own positions. */
  readonly lag: number
  /** Since the last delivery. */
  readonly failures: number
  readonly lastError: { readonly at: string; readonly error: string } | null
  readonly deadLetters: number
}

/** What the hub has for a node that it has not taken yet. */
export interface SyncState {
  readonly inbox: InboxState
  readonly subscriptions: readonly SubscriptionStatus[]
}

/** Messages of an inbox that are counted at most. */
export const mostCounted = 100_000
const mostSubscriptions = 100
const mostBytes = 2 ** 24

export interface SyncDependencies {
  readonly reads: Pick<ReadModels, 'checkpoint' | 'find' | 'count'>
  readonly deliveries: Pick<DeliveryStore, 'progressOf' | 'countDeadLetters'>
  readonly feed: Pick<EventFeed, 'head' | 'positionOf'>
}

type Failure = ReadUnavailable | LogFailure

/** How the deliveries of some subscriptions go, in their order. */
export const subscriptionStatuses = async (
  { deliveries, feed }: Pick<SyncDependencies, 'deliveries' | 'feed'>,
  all: readonly Subscription[],
): Promise<E.Either<Failure, readonly SubscriptionStatus[]>> => {
  if (all.length === 0) return E.right([])
  const ids = all.map(({ id }) => id)
  const [head, progress, dead] = await Promise.all([
    feed.head(),
    deliveries.progressOf(ids),
    deliveries.countDeadLetters(ids),
  ])
  if (E.isLeft(head)) return head
  if (E.isLeft(progress)) return progress
  if (E.isLeft(dead)) return dead
  const statuses: SubscriptionStatus[] = []
  for (const { id, status, from } of all) {
    const text = progress.right.get(id)
    const saved = text === undefined ? undefined : parseProgress(text)
    const position = saved?.position ?? from
    const number = await feed.positionOf(position)
    if (E.isLeft(number)) return number
    const reached = number.right ?? 0n
    statuses.push({
      id,
      status,
      position,
      lag: head.right > reached ? Number(head.right - reached) : 0,
      failures: saved?.failures ?? 0,
      lastError: saved?.lastError ?? null,
      deadLetters: dead.right.get(id) ?? 0,
    })
  }
  return E.right(statuses)
}

/** What the hub has for each of some nodes, in their order. */
export const syncStates = async (
  dependencies: SyncDependencies,
  nodes: readonly string[],
): Promise<E.Either<Failure, readonly SyncState[]>> => {
  const states: SyncState[] = []
  for (const node of nodes) {
    const own = await dependencies.reads.find(subscriptions, {
      equals: { [nodeField]: node },
      descending: false,
      limit: mostSubscriptions,
      mostBytes,
    })
    if (E.isLeft(own)) return own
    const all = own.right.documents.map(({ text }) => parseSubscriptionText(text).subscription)
    const [waiting, statuses] = await Promise.all([
      readInboxState(dependencies.reads, node, mostCounted),
      subscriptionStatuses(dependencies, all),
    ])
    if (E.isLeft(waiting)) return waiting
    if (E.isLeft(statuses)) return statuses
    states.push({ inbox: waiting.right, subscriptions: statuses.right })
  }
  return E.right(states)
}
