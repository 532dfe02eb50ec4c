import * as E from '#fp/Either'
import type { Policy } from '../../auth/policy.ts'
import { readableResources } from '../../auth/readable-resources.ts'
import { eventTypesOf } from '../../domain/catalogue.ts'
import type { FeedBatch } from '../../projections/event-feed.ts'
import { type Call, continued } from '../http/call.ts'
import type { Failure } from '../http/problem.ts'

/** Those of the types that are about these resources. */
const typesOf = (types: readonly string[], resources: readonly string[]): readonly string[] => {
  const allowed = new Set(eventTypesOf(resources))
  return types.filter(type => allowed.has(type))
}

/** What of the feed somebody may be shown. */
export interface Reader {
  /** The types of events that are shown. */
  readonly types: readonly string[]
  /** Why the caller may go on no more, by their rights of this moment: the right to one of the types is gone, too. */
  readonly refusal: () => Failure | undefined
}

export const readerOf = (
  { policy }: { readonly policy: Policy },
  call: Call,
  requested: readonly string[],
): Reader => {
  const types = typesOf(requested, readableResources(policy, call.principal))
  return {
    types,
    refusal: () => {
      const renewed = continued(call)
      if (E.isLeft(renewed)) return renewed.left
      const allowed = typesOf(types, readableResources(policy, renewed.right.principal))
      return allowed.length === types.length ? undefined : { _tag: 'NotAllowed' }
    },
  }
}

/** Follows the feed as somebody may see it; ends when they may no more, or with the signal. Throws a `LogFailure`. */
export async function* shownBatches(
  batches: AsyncIterable<FeedBatch>,
  reader: Reader,
): AsyncGenerator<FeedBatch> {
  const types = new Set(reader.types)
  for await (const batch of batches) {
    if (reader.refusal() !== undefined) return
    yield { ...batch, events: batch.events.filter(({ event }) => types.has(event.type)) }
  }
}
