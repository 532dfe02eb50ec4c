import { setTimeout as pause } from 'node:timers/promises'
import * as E from '#fp/Either'
import type { LogFailure } from '../domain/log-failure.ts'
import { applyBatch } from './apply-batch.ts'
import type { EventFeed, FeedBatch } from './event-feed.ts'
import { followCheckpoints } from './follow-checkpoints.ts'
import type { Progress } from './progress.ts'
import type { Projection } from './projection.ts'
import type {
  Checkpoint,
  Generation,
  ReadModels,
  ReadModelWriter,
  ReadUnavailable,
  Superseded,
} from './read-store.ts'

/** Milliseconds after which a batch is on disk: at the log's head, and on a long way there. */
const atHead = 200
const onTheWay = 2_000

export interface Building {
  readonly projection: Projection
  readonly generation: Generation
}

export type ProjectorFailure = LogFailure | ReadUnavailable | Superseded

interface Dependencies {
  readonly feed: EventFeed
  readonly writer: ReadModelWriter
  /**
   * Whether batches may share a commit. Where other processes write to the same store, each batch is committed at once:
   * whoever waits for the store waits for one batch only.
   */
  readonly mayWait: () => boolean
}

/** Applies one batch to models that stand at the same checkpoint, and commits both together. */
const advance = async (
  { writer }: Dependencies,
  models: readonly Building[],
  batch: FeedBatch,
  within: number,
): Promise<E.Either<ReadUnavailable | Superseded, readonly Building[]>> => {
  const last = batch.events.at(-1)
  if (last === undefined) {
    const confirmed = await writer.confirm(models.map(({ generation }) => generation))()
    return E.isLeft(confirmed) ? confirmed : E.right(models)
  }
  const changes = []
  for (const { projection, generation } of models) {
    const applied = await applyBatch(writer, projection, generation, batch.events)()
    if (E.isLeft(applied)) return applied
    changes.push(applied.right)
  }
  const checkpoint: Checkpoint = { position: last.position, eventId: last.id }
  const committed = await writer.commit(changes, checkpoint, within)()
  if (E.isLeft(committed)) return committed
  return E.right(
    models.map(({ projection, generation }) => ({ projection, generation: { ...generation, checkpoint } })),
  )
}

/**
 * Feeds models that stand at the same checkpoint, batch by batch; yields them after each batch, with whether the
 * head was reached. Ends with the signal; throws a `ProjectorFailure`.
 */
export async function* feedModels(
  dependencies: Dependencies,
  models: readonly Building[],
  options: { readonly signal: AbortSignal; readonly toHead?: boolean },
): AsyncGenerator<{ readonly models: readonly Building[]; readonly caughtUp: boolean }> {
  let standing = models
  const from = models[0]?.generation.checkpoint.position ?? 0n
  for await (const batch of dependencies.feed.follow(from, options)) {
    const within = !dependencies.mayWait() ? 0 : batch.caughtUp ? atHead : onTheWay
    const advanced = await advance(dependencies, standing, batch, within)
    if (E.isLeft(advanced)) throw advanced.left
    standing = advanced.right
    yield { models: standing, caughtUp: batch.caughtUp }
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
  const served = await writer.served(projection.shape, token)()
  if (E.isLeft(served)) return served
  const { position, eventId } = served.right.checkpoint
  if (position === 0n) return E.right({ projection, generation: served.right })
  const there = await feed.eventIdAt(position)()
  if (E.isLeft(there)) return there
  if (there.right === eventId) return E.right({ projection, generation: served.right })
  const fresh = await writer.begin(projection.shape)()
  if (E.isLeft(fresh)) return fresh
  const serving = await writer.serve([fresh.right], 'whatever was served')()
  if (E.isLeft(serving)) return serving
  const own = await writer.served(projection.shape, token)()
  return E.isLeft(own) ? own : E.right({ projection, generation: own.right })
}

const byCheckpoint = (models: readonly Building[]): readonly (readonly Building[])[] =>
  Object.values(Object.groupBy(models, ({ generation }) => String(generation.checkpoint.position))).filter(
    group => group !== undefined,
  )

const isFailure = (thrown: unknown): thrown is ProjectorFailure =>
  typeof thrown === 'object' && thrown !== null && '_tag' in thrown

export interface Projector {
  /** The failure that stopped it for good, if one did. */
  readonly stopped: () => LogFailure | undefined
  /** Settles when it has ended, after the signal or a failure that stops it. */
  readonly ended: Promise<void>
}

/** A lease is renewed each second, and passes on some seconds after its holder fell silent. */
const leaseMilliseconds = 5_000
const renewMilliseconds = 1_000

export interface ProjectorDependencies extends Dependencies {
  readonly reads: Pick<ReadModels, 'checkpoint'>
  readonly projections: readonly Projection[]
  readonly progress: Progress
  /** What this process is called in leases. */
  readonly holder: string
  readonly report: (failure: ProjectorFailure | { readonly _tag: 'Bug'; readonly cause: unknown }) => void
}

/**
 * Keeps the read models up to date until the signal: those whose lease it holds; of the others it follows how far they
 * are, and takes them over when their holder falls silent. It begins again by itself, with growing pauses up to 5 s,
 * after every kind of loss; an event that cannot be read stops it for good.
 */
export const startProjector = (dependencies: ProjectorDependencies, signal: AbortSignal): Projector => {
  const { writer, reads, projections, progress, holder, report } = dependencies
  const shapes = projections.map(({ shape }) => shape)
  let stopped: LogFailure | undefined
  let failures = 0

  /** Ends the round where models have come as far as those of another group: from then on they share their batches. */
  const follow = async (
    group: readonly Building[],
    positions: Map<readonly Building[], bigint>,
    round: AbortController,
  ) => {
    try {
      for await (const { models } of feedModels(dependencies, group, { signal: round.signal })) {
        failures = 0
        for (const { projection, generation } of models)
          progress.moved(projection.shape.name, generation.checkpoint.position)
        const position = models[0]?.generation.checkpoint.position ?? 0n
        positions.set(group, position)
        if ([...positions].some(([other, place]) => other !== group && place === position)) return
      }
    } finally {
      round.abort()
    }
  }

  const leases = async (): Promise<readonly (number | undefined)[]> => {
    const taken = await writer.takeLeases(shapes, holder, leaseMilliseconds)()
    if (E.isLeft(taken)) throw taken.left
    return taken.right
  }

  /** Ends the round when a lease is won or lost, or cannot be renewed. */
  const renew = async (held: readonly (number | undefined)[], round: AbortController) => {
    try {
      while (!round.signal.aborted) {
        await pause(renewMilliseconds, undefined, { signal: round.signal }).catch(() => undefined)
        if (round.signal.aborted) return
        const now = await leases()
        if (now.some((token, i) => token !== held[i])) return
      }
    } finally {
      round.abort()
    }
  }

  const oneRound = async () => {
    const held = await leases()
    const models: Building[] = []
    for (const [i, projection] of projections.entries()) {
      const token = held[i]
      if (token === undefined) continue
      const model = await generationToFeed(dependencies, projection, token)
      if (E.isLeft(model)) throw model.left
      models.push(model.right)
      progress.moved(projection.shape.name, model.right.generation.checkpoint.position)
    }
    const others = shapes.filter((_, i) => held[i] === undefined)
    const round = new AbortController()
    const end = () => round.abort()
    signal.addEventListener('abort', end)
    try {
      if (signal.aborted) end()
      const groups = byCheckpoint(models)
      const positions = new Map(groups.map(group => [group, group[0]?.generation.checkpoint.position ?? 0n]))
      const ends = await Promise.allSettled([
        ...groups.map(group => follow(group, positions, round)),
        followCheckpoints(reads, others, progress, round.signal),
        renew(held, round),
      ])
      const failed = ends.find(end => end.status === 'rejected')
      if (failed !== undefined) throw failed.reason
    } finally {
      signal.removeEventListener('abort', end)
    }
  }

  const run = async () => {
    while (!signal.aborted && stopped === undefined) {
      try {
        await oneRound()
      } catch (thrown) {
        const failure = isFailure(thrown) ? thrown : ({ _tag: 'Bug', cause: thrown } as const)
        if (failure._tag !== 'Superseded') {
          report(failure)
          for (const { name } of shapes) progress.away(name)
          if (failure._tag === 'EventUnreadable') stopped = failure
          failures += 1
          await pause(Math.min(5000, 50 * 2 ** failures), undefined, { signal }).catch(() => undefined)
        }
      }
    }
    await writer.dropLeases(holder)()
  }

  return { stopped: () => stopped, ended: run() }
}
