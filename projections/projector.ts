import * as E from '#fp/Either'
import type { LogFailure } from '../domain/log-failure.ts'
import { laterOf } from '../domain/position.ts'
import { applyBatch } from './apply-batch.ts'
import { piecesOf } from './batch-pieces.ts'
import type { Superseded } from './checkpoints.ts'
import type { EventFeed, FeedBatch } from './event-feed.ts'
import { followCheckpoints } from './follow-checkpoints.ts'
import { type Bug, type FollowFailure, type LeasedWork, type Round, startLeasedWork } from './leased-work.ts'
import type { Leases } from './leases.ts'
import { clockAfter } from './log-clock.ts'
import type { Progress } from './progress.ts'
import type { Projection } from './projection.ts'
import {
  type Generation,
  leaseName,
  type ModelCheckpoint,
  type ReadModels,
  type ReadModelWriter,
} from './read-store.ts'
import type { ReadUnavailable } from './read-unavailable.ts'
import { together } from './together.ts'

/** Milliseconds after which a batch is on disk: at the log's head, and on a long way there. */
const atHead = 200
const onTheWay = 2_000

export interface Building {
  readonly projection: Projection
  readonly generation: Generation
}

interface Dependencies {
  readonly feed: EventFeed
  readonly writer: ReadModelWriter
  /**
   * Whether batches may share a commit. Where other processes write to the same store, each batch is committed at once:
   * whoever waits for the store waits for one batch only.
   */
  readonly mayWait: () => boolean
}

/** Of models that stand at the same checkpoint. */
const clockOf = (models: readonly Building[]): bigint =>
  models.reduce((latest, { generation: { checkpoint } }) => laterOf(latest, checkpoint.clock), 0n)

/** Applies one batch to models that stand at the same checkpoint, and commits both together. */
const advance = async (
  { writer }: Dependencies,
  models: readonly Building[],
  batch: FeedBatch,
  flushMilliseconds: number,
): Promise<E.Either<ReadUnavailable | Superseded, readonly Building[]>> => {
  const last = batch.events.at(-1)
  if (last === undefined) {
    const confirmed = await writer.confirm(models.map(({ generation }) => generation))
    return E.isLeft(confirmed) ? confirmed : E.right(models)
  }
  const changes = []
  for (const { projection, generation } of models) {
    const applied = await applyBatch(writer, projection, generation, batch.events)
    if (E.isLeft(applied)) return applied
    changes.push(applied.right)
  }
  const checkpoint: ModelCheckpoint = {
    position: last.position,
    eventId: last.id,
    clock: batch.events.reduce(
      (clock, { metadata }) => clockAfter(clock, metadata.recordedAt),
      clockOf(models),
    ),
  }
  const committed = await writer.commit(changes, checkpoint, flushMilliseconds)
  if (E.isLeft(committed)) return committed
  return E.right(
    models.map(({ projection, generation }) => ({ projection, generation: { ...generation, checkpoint } })),
  )
}

/** Models after a batch of so many events. */
interface Step {
  readonly models: readonly Building[]
  readonly events: number
  readonly caughtUp: boolean
}

/**
 * Feeds models that stand at the same checkpoint, batch by batch; yields them after each batch, with whether the
 * head was reached. With `stops`, positions of events in their order, it also stands still and yields at each of them, and ends
 * with the last. Ends with the signal; throws a `FollowFailure`.
 */
export async function* feedModels(
  dependencies: Dependencies,
  models: readonly Building[],
  options: { readonly signal: AbortSignal; readonly toHead?: boolean; readonly stops?: readonly bigint[] },
): AsyncGenerator<Step> {
  const { stops, ...followOptions } = options
  const end = stops?.at(-1)
  let standing = models
  if (stops !== undefined && (end === undefined || positionOf(models) >= end)) return
  for await (const batch of dependencies.feed.follow(positionOf(models), followOptions)) {
    const flushMilliseconds = !dependencies.mayWait() ? 0 : batch.caughtUp ? atHead : onTheWay
    for (const piece of stops === undefined ? [batch] : piecesOf(batch, stops)) {
      const advanced = await advance(dependencies, standing, piece, flushMilliseconds)
      if (E.isLeft(advanced)) throw advanced.left
      standing = advanced.right
      yield { models: standing, events: piece.events.length, caughtUp: piece.caughtUp }
    }
    if (end !== undefined && batch.next >= end) return
  }
}

/**
 * The generation to go on with: the one served, or a new one where the log has no such event at its checkpoint
 * (a log put back from a backup).
 */
const generationToFeed = async (
  { feed, writer }: Dependencies,
  projection: Projection,
  token: number,
): Promise<E.Either<LogFailure | ReadUnavailable, Building>> => {
  const served = await writer.served(projection.shape, token)
  if (E.isLeft(served)) return served
  const { position, eventId } = served.right.checkpoint
  if (position === 0n) return E.right({ projection, generation: served.right })
  const idAtCheckpoint = await feed.eventIdAt(position)
  if (E.isLeft(idAtCheckpoint)) return idAtCheckpoint
  if (idAtCheckpoint.right === eventId) return E.right({ projection, generation: served.right })
  const fresh = await writer.begin(projection.shape)
  if (E.isLeft(fresh)) return fresh
  const serving = await writer.serve([fresh.right], 'whatever was served')
  if (E.isLeft(serving)) return serving
  const own = await writer.served(projection.shape, token)
  return E.isLeft(own) ? own : E.right({ projection, generation: own.right })
}

/** Of models that stand at the same checkpoint. */
const positionOf = (models: readonly Building[]): bigint => models[0]?.generation.checkpoint.position ?? 0n

const byCheckpoint = (models: readonly Building[]): readonly (readonly Building[])[] =>
  Object.values(Object.groupBy(models, ({ generation }) => String(generation.checkpoint.position))).filter(
    group => group !== undefined,
  )

export interface ProjectorDependencies extends Dependencies {
  readonly reads: Pick<ReadModels, 'checkpoint'>
  readonly leases: Leases
  readonly projections: readonly Projection[]
  readonly progress: Progress
  /** What this process is called in leases. */
  readonly holder: string
  readonly report: (failure: FollowFailure | Bug) => void
}

/**
 * Keeps the read models up to date until the signal: those whose lease it holds; of the others it follows how far they
 * are, and takes them over when their holder falls silent.
 */
export const startProjector = (dependencies: ProjectorDependencies, signal: AbortSignal): LeasedWork => {
  const { reads, leases, projections, progress, holder, report } = dependencies

  /** Those whose lease is held, from where each stands. */
  const prepare = async (tokens: Round['tokens']): Promise<readonly Building[]> => {
    const models: Building[] = []
    for (const projection of projections) {
      const token = tokens.get(leaseName(projection.shape))
      if (token === undefined) continue
      const model = await generationToFeed(dependencies, projection, token)
      if (E.isLeft(model)) throw model.left
      models.push(model.right)
      progress.moved(projection.shape.name, model.right.generation.checkpoint.position)
    }
    return models
  }

  /** Feeds groups beside each other until two of them meet: from then on they share their batches. */
  const feedUntilTwoMeet = (
    groups: readonly (readonly Building[])[],
    { signal, progressed }: Round,
  ): Promise<void> => {
    const positions = new Map(groups.map(group => [group, positionOf(group)]))
    const feed = async (group: readonly Building[], ending: AbortSignal) => {
      for await (const { models } of feedModels(dependencies, group, { signal: ending })) {
        progressed()
        for (const { projection, generation } of models)
          progress.moved(projection.shape.name, generation.checkpoint.position)
        const position = positionOf(models)
        positions.set(group, position)
        if ([...positions].some(([other, place]) => other !== group && place === position)) return
      }
    }
    return together(
      signal,
      groups.map(group => (ending, end) => feed(group, ending).then(end)),
    )
  }

  const feedHeld = async (round: Round): Promise<void> => {
    while (!round.signal.aborted && round.tokens.size > 0)
      await feedUntilTwoMeet(byCheckpoint(await prepare(round.tokens)), round)
  }

  const work = (round: Round): Promise<void> => {
    const shapes = projections.map(({ shape }) => shape)
    const others = shapes.filter(shape => !round.tokens.has(leaseName(shape)))
    return together(round.signal, [
      signal => feedHeld({ ...round, signal }),
      signal => followCheckpoints(reads, others, progress, signal),
    ])
  }

  return startLeasedWork(
    {
      leases,
      names: projections.map(({ shape }) => leaseName(shape)),
      holder,
      work,
      report: failure => {
        report(failure)
        for (const { shape } of projections) progress.away(shape.name)
      },
    },
    signal,
  )
}
