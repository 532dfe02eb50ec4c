import * as E from '#fp/Either'
import type { Policy } from '../../auth/policy.ts'
import type { RecordedEvent } from '../../domain/event.ts'
import type { FeedBatch } from '../../projections/event-feed.ts'
import { type Call, continued } from '../http/call.ts'
import type { Failure } from '../http/problem.ts'
import { readableResources, typesOf } from './request.ts'

/** Events that somebody may be shown, and where to go on: also past those that are hidden. */
export interface ShownBatch {
  readonly events: readonly RecordedEvent[]
  readonly next: bigint
  readonly caughtUp: boolean
}

/** What of the feed somebody may be shown, by their rights of this moment. */
export interface Reader {
  /** The types of events that are shown; or why the caller may go on no more: one of its rights is gone, too. */
  readonly types: () => E.Either<Failure, readonly string[]>
}

export const readerOf = (
  { policy }: { readonly policy: Policy },
  call: Call,
  requested: readonly string[],
): Reader => {
  const atFirst = typesOf(requested, readableResources(policy, call.principal))
  return {
    types: () => {
      const renewed = continued(call)
      if (E.isLeft(renewed)) return renewed
      const shown = new Set(typesOf(requested, readableResources(policy, renewed.right.principal)))
      return atFirst.every(type => shown.has(type)) ? E.right(atFirst) : E.left({ _tag: 'NotAllowed' })
    },
  }
}

/** What a batch shows to somebody who may see events of these types. */
export const shownOf = (batch: FeedBatch, types: ReadonlySet<string>): ShownBatch => ({
  events: batch.events.filter(({ event }) => types.has(event.type)),
  next: batch.next,
  caughtUp: batch.caughtUp,
})

/** Follows the feed as somebody may see it; ends when they may no more, or with the signal. Throws a `LogFailure`. */
export async function* shownBatches(
  batches: AsyncIterable<FeedBatch>,
  reader: Reader,
): AsyncGenerator<ShownBatch> {
  for await (const batch of batches) {
    const types = reader.types()
    if (E.isLeft(types)) return
    yield shownOf(batch, new Set(types.right))
  }
}
