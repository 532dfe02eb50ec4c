import { setImmediate as immediate } from 'node:timers/promises'
import * as E from '#fp/Either'
import type { Superseded } from './checkpoints.ts'
import { type Changed, compareChanged, type Difference, walkBoth } from './compare-generations.ts'
import type { EventFeed } from './event-feed.ts'
import type { Building } from './projector.ts'
import type { Generation, ReadModels, ReadModelWriter } from './read-store.ts'

/** What came of comparing a model that was built anew with the one served. */
export type Comparison =
  /** Nothing of this version was served. */
  | { readonly is: 'nothing served' }
  /** What is served was made of another log, such as one before a backup was put back. */
  | { readonly is: 'of another log' }
  /** More documents changed while they were looked at than can be put aside. */
  | { readonly is: 'not at rest' }
  | ({ readonly is: 'equal' } & Compared)
  | ({ readonly is: 'different'; readonly difference: Difference } & Compared)

export interface Compared {
  /** Where both stood. */
  readonly position: bigint
  readonly documents: number
  /** SHA-256 (hex) over them. */
  readonly digests: { readonly served: string; readonly built: string }
  /** Documents compared one by one, each where the hub had changed it meanwhile. */
  readonly changed: number
}

/** Feeds a model to each of these positions in turn. */
export type FeedTo = (
  building: Building,
  stops: readonly bigint[],
  atStop: (building: Building) => Promise<void>,
) => Promise<Building>

interface Stores {
  readonly feed: Pick<EventFeed, 'eventIdAt'>
  readonly reads: Pick<ReadModels, 'checkpoint'>
  readonly writer: Pick<ReadModelWriter, 'served' | 'documentsAfter' | 'load'>
}

/** A digest and a key each: some ten megabytes. */
const mostChanged = 100_000
const mostWalks = 5
/** How often the log is looked at for events that were seen in what is served. */
const mostLooks = 5

/**
 * Compares a model that stands no further than the one served with it. It is fed to where the one served stands at that moment,
 * and all documents of both are walked through; those that a running hub has changed meanwhile are compared one by one, by
 * feeding the new one on to the very event that changed each. Needs no snapshot and no pause of the hub. Throws a `FollowFailure`.
 */
export const compareWithServed = async (
  { feed, reads, writer }: Stores,
  begun: Building,
  feedTo: FeedTo,
  report: (documents: number) => void,
): Promise<{ readonly building: Building; readonly comparison: Comparison }> => {
  const { shape } = begun.projection
  const present = await reads.checkpoint(shape)
  if (E.isLeft(present)) throw present.left
  // Asked before the generation is: that would make one.
  if (present.right.position === 0n) return { building: begun, comparison: { is: 'nothing served' } }

  const servedNow = async (): Promise<Generation> => {
    const served = await writer.served(shape)
    if (E.isLeft(served)) throw served.left
    return served.right
  }
  const served = await servedNow()
  const eventId = await feed.eventIdAt(served.checkpoint.position)
  if (E.isLeft(eventId)) throw eventId.left
  if (eventId.right !== served.checkpoint.eventId)
    return { building: begun, comparison: { is: 'of another log' } }

  let building = begun
  for (let walks = 0; walks < mostWalks; walks += 1) {
    const { number, checkpoint } = await servedNow()
    if (number !== served.number) throw { _tag: 'Superseded' } satisfies Superseded
    building = await feedTo(building, [checkpoint.position], async () => {})
    // The log is not seen as far from here yet.
    if (building.generation.checkpoint.position !== checkpoint.position) continue
    const walk = await walkBoth(writer, served, building.generation, mostChanged, report)
    if (walk === undefined) continue
    const { documents, digests, changed } = walk
    const { position } = building.generation.checkpoint
    let { difference } = walk
    const stops = new Set(stopsOf(changed))
    // The log may not be seen as far from here in the same turn of the event loop, in which it was read before.
    for (let tries = 0; tries < mostLooks && [...stops].some(isAhead(building)); tries += 1) {
      await immediate()
      building = await feedTo(building, [...stops], async at => {
        const wrong = await compareChanged(writer, at.generation, changed)
        if (E.isLeft(wrong)) throw wrong.left
        difference ??= wrong.right
        stops.delete(at.generation.checkpoint.position)
      })
    }
    // Made by no event of the log.
    const strange = changed.find(({ position }) => stops.has(position))
    if (strange !== undefined) difference ??= { key: strange.key, is: 'different', parts: ['position'] }
    if ((await servedNow()).number !== served.number) throw { _tag: 'Superseded' } satisfies Superseded
    const compared = { position, documents, digests, changed: changed.length }
    return difference === undefined
      ? { building, comparison: { is: 'equal', ...compared } }
      : { building, comparison: { is: 'different', difference, ...compared } }
  }
  return { building, comparison: { is: 'not at rest' } }
}

const isAhead =
  ({ generation }: Building) =>
  (position: bigint): boolean =>
    position > generation.checkpoint.position

/** The positions of what was put aside, each once, in order. */
const stopsOf = (changed: readonly Changed[]): readonly bigint[] =>
  [...new Set(changed.map(({ position }) => position))].sort((a, b) => (a < b ? -1 : 1))
