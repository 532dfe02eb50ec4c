import { setTimeout as pause } from 'node:timers/promises'
import * as E from '#fp/Either'
import type { EventFeed } from './event-feed.ts'
import type { FollowFailure } from './leased-work.ts'
import type { Projection } from './projection.ts'
import { type Building, feedModels } from './projector.ts'
import type { ReadModelWriter } from './read-store.ts'

export interface RebuildOptions {
  readonly signal: AbortSignal
  /** Left to other processes between two batches, in milliseconds. */
  readonly pauseMilliseconds: number
  readonly report: (position: bigint) => void
}

/**
 * Builds the models anew from the log beside those served, and serves them once they have come as far. Throws a
 * `FollowFailure`.
 */
export const rebuild = async (
  stores: { readonly feed: EventFeed; readonly writer: ReadModelWriter },
  projections: readonly Projection[],
  { signal, pauseMilliseconds, report }: RebuildOptions,
): Promise<void> => {
  const dependencies = { ...stores, mayWait: () => pauseMilliseconds === 0 }
  let models: readonly Building[] = []
  for (const projection of projections) {
    const begun = await dependencies.writer.begin(projection.shape)
    if (E.isLeft(begun)) throw begun.left
    models = [...models, { projection, generation: begun.right }]
  }
  const options = { signal, toHead: true }
  while (!signal.aborted) {
    for await (const step of feedModels(dependencies, models, options)) {
      models = step.models
      report(models[0]?.generation.checkpoint.position ?? 0n)
      if (pauseMilliseconds > 0) await pause(pauseMilliseconds)
    }
    const served = await dependencies.writer.serve(
      models.map(({ generation }) => generation),
      'if as far',
    )
    if (E.isLeft(served)) throw served.left satisfies FollowFailure
    if (served.right) return
  }
}
