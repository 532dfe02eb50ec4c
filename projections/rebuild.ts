import { setTimeout as pause } from 'node:timers/promises'
import * as E from '#fp/Either'
import { earlierOf, laterOf } from '../domain/position.ts'
import { type Comparison, compareWithServed } from './compare-with-served.ts'
import type { EventFeed } from './event-feed.ts'
import type { FollowFailure } from './leased-work.ts'
import type { Projection } from './projection.ts'
import { type Building, feedModels } from './projector.ts'
import type { ReadModels, ReadModelWriter } from './read-store.ts'

export interface RebuildOptions {
  readonly signal: AbortSignal
  /** Left to other processes between two batches, in milliseconds. */
  readonly pauseMilliseconds: number
  /** Serves models that differ from those served, too. */
  readonly force: boolean
  /** Serves none: what was built is left to the sweep. */
  readonly onlyCompares?: boolean
  /** Where the models stand, and how many events they were given. */
  readonly report: (position: bigint, events: number) => void
  /** How many documents of a model were compared. */
  readonly reportCompared: (model: string, documents: number) => void
}

export interface Rebuilt {
  readonly model: string
  readonly comparison: Comparison
  /** Whether it is served now. */
  readonly served: boolean
}

export interface RebuildStores {
  readonly feed: EventFeed
  readonly reads: Pick<ReadModels, 'checkpoint'>
  readonly writer: ReadModelWriter
}

/**
 * Builds the models anew from the log beside those served, compares them with these at one position, and serves them once
 * they have come as far: those that are equal, or all with `force`. Throws a `FollowFailure`.
 */
export const rebuild = async (
  stores: RebuildStores,
  projections: readonly Projection[],
  options: RebuildOptions,
): Promise<readonly Rebuilt[]> => {
  const { signal, pauseMilliseconds, force, onlyCompares = false, report, reportCompared } = options
  const dependencies = { ...stores, mayWait: () => pauseMilliseconds === 0 }
  let events = 0

  /** Feeds models that stand at one checkpoint: to the stops, or else to the head. */
  const feed = async (
    models: readonly Building[],
    stops: readonly bigint[] | undefined,
    atStop: (models: readonly Building[]) => Promise<void> = async () => {},
  ): Promise<readonly Building[]> => {
    let standing = models
    const way = { signal, toHead: true, ...(stops === undefined ? {} : { stops }) }
    for await (const step of feedModels(dependencies, models, way)) {
      standing = step.models
      events += step.events
      report(standing[0]?.generation.checkpoint.position ?? 0n, events)
      await atStop(standing)
      if (pauseMilliseconds > 0) await pause(pauseMilliseconds)
    }
    return standing
  }

  const begun: Building[] = []
  const servedPositions: bigint[] = []
  for (const projection of projections) {
    const checkpoint = await stores.reads.checkpoint(projection.shape)
    if (E.isLeft(checkpoint)) throw checkpoint.left
    if (checkpoint.right.position > 0n) servedPositions.push(checkpoint.right.position)
    const generation = await stores.writer.begin(projection.shape)
    if (E.isLeft(generation)) throw generation.left
    begun.push({ projection, generation: generation.right })
  }
  // None goes past what is served of it before they are compared.
  const least = servedPositions.reduce((a, b) => earlierOf(a, b), servedPositions[0] ?? 0n)
  const together = await feed(begun, [least])

  const compared: { readonly building: Building; readonly comparison: Comparison }[] = []
  for (const building of together) {
    const model = building.projection.shape.name
    compared.push(
      await compareWithServed(
        stores,
        building,
        async (one, stops, atStop) => (await feed([one], stops, ([at]) => atStop(at ?? one)))[0] ?? one,
        documents => reportCompared(model, documents),
      ),
    )
  }

  const isAccepted = ({ is }: Comparison) =>
    !onlyCompares && (force || (is !== 'different' && is !== 'not at rest'))
  const accepted = compared.filter(({ comparison }) => isAccepted(comparison))
  const furthest = accepted.reduce(
    (position, { building }) => laterOf(position, building.generation.checkpoint.position),
    0n,
  )
  const otherLogs = accepted.some(({ comparison }) => comparison.is === 'of another log')
  let models: readonly Building[] = []
  for (const { building } of accepted) models = [...models, ...(await feed([building], [furthest]))]
  while (!signal.aborted && models.length > 0) {
    models = await feed(models, undefined)
    const served = await stores.writer.serve(
      models.map(({ generation }) => generation),
      otherLogs ? 'whatever was served' : 'if as far',
    )
    if (E.isLeft(served)) throw served.left satisfies FollowFailure
    if (served.right) break
  }
  return compared.map(({ building, comparison }) => ({
    model: building.projection.shape.name,
    comparison,
    served: isAccepted(comparison),
  }))
}
