import { randomUUID } from 'node:crypto'
import * as E from '#fp/Either'
import type { AuthSource, AuthTarget } from '../../auth/auth-contents.ts'
import type { SubjectKeys } from '../../auth/subject-keys.ts'
import type { ContentStore } from '../../commands/content-store.ts'
import type { DomainEvent } from '../../domain/event.ts'
import {
  hubEvents,
  hubMoved,
  hubStream,
  type KeptPosition,
  positionsStream,
} from '../../domain/hub-events.ts'
import type { DeliverySource, DeliveryStore } from '../../relay/delivery-store.ts'
import { encodeOne, hubEvent } from '../codec.ts'
import type { MovableBodies } from '../message-bodies.ts'
import { parseText, type Sealable, type StoredEvent, type StoredLog } from '../stored.ts'
import { copyContents } from './contents.ts'
import { type Copied, copyEvents, copyOf, firstEpoch, holdsNothing, makeReadBack } from './copies.ts'
import { copyDeliveries } from './deliveries.ts'
import { along, from, isMoveFailure, type MoveFailure, stop } from './failure.ts'
import { meaningWith } from './meaning.ts'
import { copyBodies } from './message-bodies.ts'

export interface MoveSource {
  readonly log: StoredLog & Sealable
  readonly auth: AuthSource
  /** Of the people that events are about: of the same store. */
  readonly keys: Pick<SubjectKeys, 'find' | 'findOrMake'>
  readonly contents: ContentStore
  readonly relay: { readonly bodies: MovableBodies; readonly deliveries: DeliverySource }
}

export interface MoveTarget {
  readonly log: StoredLog
  readonly auth: AuthTarget
  readonly contents: ContentStore
  readonly relay: { readonly bodies: MovableBodies; readonly deliveries: DeliveryStore }
}

export type MoveStep =
  | 'looking at what is there'
  | 'events'
  | 'credentials'
  | 'contents'
  | 'bodies of messages'
  | 'deliveries'
  | 'reading back'

export interface MoveOptions {
  /** How far a step is, and how far it has to go; that of events only has an end that is known. */
  readonly report: (step: MoveStep, done: bigint, of: bigint | undefined) => void
  /** The table of former positions names every so many events one, so many in an event. */
  readonly placesEvery?: number
  readonly placesTogether?: number
}

export interface Moved {
  readonly events: number
  /** SHA-256 (hex) over what all events say, read back from the new log: whether they were encrypted before makes no difference. */
  readonly digest: string
  /** Nothing was left to do. */
  readonly wasMoved: boolean
}

/** So few events are copied in a moment: then the old log is sealed. */
const little = 100n
const newEpoch = firstEpoch + 1

const stored = (event: DomainEvent) => encodeOne(hubEvent(randomUUID(), event))

const idOf = (hub: readonly StoredEvent[]): string | undefined => {
  const [first] = hub
  const founded = hubEvents.HubFounded.safeParse(parseText(first?.data ?? ''))
  return first?.type === 'HubFounded' && founded.success ? founded.data.id : undefined
}

/**
 * Moves a hub's log, its credentials, and what its relay keeps to other engines, while hubs run on the old ones. A run that was killed may be begun
 * again: what is in the new log is held against the old one, and the copying goes on behind it. The old log is sealed
 * when nearly everything is there; the rest follows, then all is read back, and only then is the new log whole.
 */
export const move = async (
  source: MoveSource,
  target: MoveTarget,
  { report, placesEvery = 1_000, placesTogether = 1_000 }: MoveOptions,
): Promise<E.Either<MoveFailure, Moved>> => {
  const hubOf = async (store: 'old events' | 'new events', log: StoredLog) =>
    (await from(store, log.read(hubStream, 0))).events

  const append = async (stream: string, revision: number, events: Parameters<StoredLog['append']>[2]) => {
    const appended = await target.log.append(stream, revision === 0 ? 'no-stream' : revision - 1, events)
    if (E.isRight(appended)) return
    const failure = appended.left
    stop(
      failure._tag === 'RevisionConflict'
        ? { _tag: 'Overtaken' }
        : { _tag: 'StoreUnavailable', store: 'new events', cause: failure.cause },
    )
  }

  const meaning = meaningWith(source.keys)
  const readBack = makeReadBack(source.log, target.log, meaning, placesEvery)

  /** Begins the move, or finds how far an earlier run came: the position up to which all is there. */
  const begin = async (founded: StoredEvent, isBegun: boolean): Promise<bigint> => {
    if (isBegun) {
      const head = await from('old events', source.log.head())
      const copied = await readBack(position => report('looking at what is there', position, head))
      return copied?.upTo ?? stop({ _tag: 'TargetTaken', store: 'new events' })
    }
    // Together: a hub that is started on a log without the second would take it for whole.
    const begun = stored({ type: 'HubMoveBegun', data: { epoch: newEpoch } })
    await append(hubStream, 0, [copyOf(founded), begun])
    return founded.position
  }

  const copyTo = async (after: bigint, until: bigint): Promise<bigint> => {
    await copyEvents(source.log, target.log, meaning, { after, until }, position =>
      report('events', position, until),
    )
    return until
  }

  const allUpTo = async (end: bigint): Promise<Copied> => {
    const copied = await readBack(position => report('reading back', position, end))
    // Another run may have brought more.
    return copied !== undefined && copied.upTo >= end
      ? copied
      : stop({ _tag: 'CopyDiffers', store: 'new events' })
  }

  /** Copies while hubs write, until what is left is little, or gets no less: they write faster than this copies. */
  const copyMost = async (after: bigint): Promise<bigint> => {
    let copied = after
    for (let before: bigint | undefined; ; ) {
      const head = await from('old events', source.log.head())
      const left = head - copied
      if (left === 0n || (before !== undefined && (before <= little || left >= before))) return copied
      before = left
      copied = await copyTo(copied, head)
    }
  }

  const copyCredentials = async (): Promise<void> => {
    let rows = 0n
    for await (const part of along('old credentials', source.auth.contents())) {
      const takeOver = () => from('new credentials', target.auth.takeOver(part))
      if ((await takeOver()) > 0 && (await takeOver()) > 0)
        stop({ _tag: 'CopyDiffers', store: 'new credentials' })
      for (const kept of Object.values(part)) rows += BigInt(kept.length)
      report('credentials', rows, undefined)
    }
  }

  const contentsAfter = (after: bigint): Promise<void> =>
    copyContents(source.log, source.contents, target.contents, meaning, after, done =>
      report('contents', done, undefined),
    )

  const bodiesAfter = (after: bigint): Promise<void> =>
    copyBodies(source.log, source.relay.bodies, target.relay.bodies, after, done =>
      report('bodies of messages', done, undefined),
    )

  const deliveriesOfNow = (): Promise<void> =>
    copyDeliveries(source.log, source.relay.deliveries, target.relay.deliveries, done =>
      report('deliveries', done, undefined),
    )

  const keepPlaces = async (places: readonly KeptPosition[]): Promise<void> => {
    const stream = positionsStream(firstEpoch)
    const last = await from('new events', target.log.last(stream))
    for (let part = (last?.revision ?? -1) + 1; part * placesTogether < places.length; part += 1) {
      const entries = places.slice(part * placesTogether, (part + 1) * placesTogether)
      await append(stream, part, [stored({ type: 'HubPositionsKept', data: { epoch: firstEpoch, entries } })])
    }
  }

  const work = async (): Promise<Moved> => {
    const [founded] = await hubOf('old events', source.log)
    const id = idOf(founded === undefined ? [] : [founded])
    if (founded === undefined || id === undefined) return stop({ _tag: 'NothingToMove' })
    const hub = await hubOf('new events', target.log)
    if (hub.length > 0 && (idOf(hub) !== id || hub.length === 1))
      stop({ _tag: 'TargetTaken', store: 'new events' })
    const owner = await from('new credentials', target.auth.owner())
    const isOurs = typeof owner === 'object' && owner.logId === id
    const isWhole = typeof owner === 'object' && owner.isWhole
    const last = hub.at(-1)
    if (last?.type === 'HubMoved') {
      if (!isOurs || !isWhole) stop({ _tag: 'MovedWithAnother' })
      const { events, digest } = hubMoved.parse(parseText(last.data))
      return { events, digest, wasMoved: true }
    }
    if (hub.length === 0 && !(await holdsNothing(target.log))) {
      // Another run may have begun since the look before.
      const isBegun = idOf(await hubOf('new events', target.log)) === id
      stop(isBegun ? { _tag: 'Overtaken' } : { _tag: 'TargetTaken', store: 'new events' })
    }
    if (!isOurs && (owner !== 'nobody' || !(await from('new credentials', target.auth.claimFor(id)))))
      stop({ _tag: 'TargetTaken', store: 'new credentials' })

    // All that takes long is done before the old log is sealed, so that writes are refused for a short time only.
    const most = await copyMost(await begin(founded, hub.length > 0))
    await copyCredentials()
    await contentsAfter(0n)
    await bodiesAfter(0n)
    await allUpTo(most)
    const nearlyAll = await copyMost(most)
    await from('old events', source.log.seal())
    const end = await copyTo(nearlyAll, await from('old events', source.log.head()))
    // Once more: nothing that an event of the last moments names may be left behind.
    await copyCredentials()
    await contentsAfter(most)
    await bodiesAfter(most)
    // They change until then, and are few.
    await deliveriesOfNow()
    const copied = await allUpTo(end)
    await keepPlaces(copied.places)
    await from('new credentials', target.auth.isWholeFor(id))
    const { events, digest } = copied
    await append(hubStream, 2, [stored({ type: 'HubMoved', data: { epoch: newEpoch, events, digest } })])
    return { events, digest, wasMoved: false }
  }

  try {
    return E.right(await work())
  } catch (thrown) {
    if (isMoveFailure(thrown)) return E.left(thrown)
    throw thrown
  }
}
