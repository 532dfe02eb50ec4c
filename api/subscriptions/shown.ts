import * as E from '#fp/Either'
import type { Subscription } from '../../domain/subscriptions.ts'
import { parseProgress } from '../../relay/delivery-records.ts'
import type { ApiDependencies } from '../dependencies.ts'
import type { Failure } from '../http/problem.ts'

/** How a subscription is, and how its deliveries go. */
export interface SubscriptionStatus {
  readonly id: string
  readonly status: Subscription['status']
  readonly position: string
  readonly lag: number
  readonly failures: number
  readonly lastError: { readonly at: string; readonly error: string } | null
  readonly deadLetters: number
}

export type StatusDependencies = Pick<ApiDependencies, 'deliveries' | 'logHead' | 'positionOf'>

/** How the deliveries of some subscriptions go, in their order. */
export const statusesOf = async (
  { deliveries, logHead, positionOf }: StatusDependencies,
  subscriptions: readonly Subscription[],
): Promise<E.Either<Failure, readonly SubscriptionStatus[]>> => {
  const ids = subscriptions.map(({ id }) => id)
  const [head, progress, dead] = await Promise.all([
    logHead(),
    deliveries.progressOf(ids),
    deliveries.countDeadLetters(ids),
  ])
  if (E.isLeft(head)) return head
  if (E.isLeft(progress)) return progress
  if (E.isLeft(dead)) return dead
  const statuses: SubscriptionStatus[] = []
  for (const { id, status, from } of subscriptions) {
    const text = progress.right.get(id)
    const saved = text === undefined ? undefined : parseProgress(text)
    const position = saved?.position ?? from
    const number = await positionOf(position)
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

/** Subscriptions as they are answered: never a secret. */
export const shownSubscriptions = async (
  dependencies: StatusDependencies,
  subscriptions: readonly Subscription[],
): Promise<E.Either<Failure, readonly object[]>> =>
  E.map((statuses: readonly SubscriptionStatus[]) =>
    subscriptions.map(({ id, node, url, types, resources, person, denied }, i) => ({
      id,
      node,
      url,
      types,
      resources,
      person,
      ...statuses[i],
      denied: denied ?? null,
    })),
  )(await statusesOf(dependencies, subscriptions))
