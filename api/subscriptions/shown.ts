import * as E from '#fp/Either'
import type { Subscription } from '../../domain/subscriptions.ts'
import { type SubscriptionStatus, subscriptionStatuses } from '../../relay/sync-state.ts'
import type { ApiDependencies } from '../dependencies.ts'
import type { Failure } from '../http/problem.ts'

/** Subscriptions as they are answered: never a secret. */
export const shownSubscriptions = async (
  dependencies: Pick<ApiDependencies, 'deliveries' | 'feed'>,
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
  )(await subscriptionStatuses(dependencies, subscriptions))
