import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import * as E from '#fp/Either'
import type { SubjectKey, SubjectKeys } from '../auth/subject-keys.ts'
import type { EventLog, SubjectErased } from '../commands/event-log.ts'
import { eventShapes, schemaVersionOf } from '../domain/catalogue.ts'
import { isErasure, isOfErasure } from '../domain/erasure.ts'
import {
  actorShape,
  type DomainEvent,
  type Metadata,
  type NewEvent,
  type RecordedEvent,
} from '../domain/event.ts'
import { hubMoved, hubStream } from '../domain/hub-events.ts'
import { type JsonObject, jsonText, rememberText } from '../domain/json.ts'
import type { EventUnreadable, LogFailure } from '../domain/log-failure.ts'
import { type LogIdentity, parsePosition } from '../domain/position.ts'
import type { EventFeed } from '../projections/event-feed.ts'
import { decrypted, encrypted, isEncrypted } from './cipher.ts'
import { formerPositions } from './former-positions.ts'
import { parseText, type StoredEvent, type StoredLog, type StoredNewEvent } from './stored.ts'

const metadataShape: z.ZodType<Metadata & { credential?: string }> = z.object({
  commandId: z.string(),
  fingerprint: z.string().exactOptional(),
  actor: actorShape,
  subject: z.string().exactOptional(),
  requestId: z.string(),
  schemaVersion: z.int(),
  recordedAt: z.string(),
  occurredAt: z.string().exactOptional(),
  credential: z.string().exactOptional(),
})

/** An event of the hub itself. */
export const hubEvent = (id: string, event: DomainEvent): NewEvent => ({
  id,
  event,
  metadata: {
    commandId: randomUUID(),
    actor: { kind: 'hub', id: 'thalamus' },
    requestId: randomUUID(),
    schemaVersion: schemaVersionOf(event.type),
    recordedAt: new Date().toISOString(),
  },
})

/** The event in clear: of what belongs to nobody. */
export const encodeOne = ({ id, event, metadata }: NewEvent): StoredNewEvent => ({
  id,
  type: event.type,
  data: jsonText(event.data),
  metadata: JSON.stringify(
    event.credential === undefined ? metadata : { ...metadata, credential: event.credential },
  ),
})

const unreadable = (
  { stream, position }: StoredEvent,
  reason: EventUnreadable['reason'],
): EventUnreadable => ({ _tag: 'EventUnreadable', stream, position, reason })

const isShaped = (shape: z.ZodType, data: unknown): data is JsonObject => shape.safeParse(data).success

type StoredMetadata = z.infer<typeof metadataShape>

/** The metadata of a stored event; undefined where it is damaged. */
export const metadataOf = (text: string): StoredMetadata | undefined =>
  metadataShape.safeParse(parseText(text)).data

/** How the log reads events whose key is in no store, though nobody destroyed it. */
export type LostKeys = 'fail' | 'count as destroyed'

interface Reading {
  readonly keys: Pick<SubjectKeys, 'find' | 'forget' | 'isErased'>
  readonly lostKeys: LostKeys
}

/** The person under whose key the data of an event is, or would be. */
export const subjectOfStored = (type: string, metadata: Pick<Metadata, 'subject'>): string | undefined =>
  isOfErasure(type) ? undefined : metadata.subject

const decodeOne = (
  stored: StoredEvent,
  { credential, ...metadata }: StoredMetadata,
  key: SubjectKey | undefined,
): E.Either<EventUnreadable, RecordedEvent> => {
  const { id, stream, revision, position, type } = stored
  const shape = eventShapes.get(type)
  if (shape === undefined || metadata.schemaVersion > schemaVersionOf(type))
    return E.left(unreadable(stored, 'newer than this release'))
  if (key === 'destroyed')
    return E.right({ id, stream, revision, position, event: { type, data: {}, erased: true }, metadata })
  const isClear = !isEncrypted(stored.data)
  if (!isClear && key === undefined) return E.left(unreadable(stored, 'without its key'))
  const text = isClear || key === undefined ? stored.data : decrypted(key, stored, stored.data)
  // The shape is checked, the data kept as parsed: zod would drop a member named `__proto__`.
  const data = text === undefined ? undefined : parseText(text)
  if (text === undefined || !isShaped(shape, data)) return E.left(unreadable(stored, 'damaged'))
  rememberText(data, text)
  const event = credential === undefined ? { type, data } : { type, data, credential }
  return E.right({ id, stream, revision, position, event, metadata })
}

interface Decoded {
  readonly events: readonly RecordedEvent[]
  /** Why the next event could not be read; `events` are those before it. */
  readonly failure?: LogFailure
}

/** By batch: the keys of its events are looked up at once. */
const decode = async (batch: readonly StoredEvent[], { keys, lostKeys }: Reading): Promise<Decoded> => {
  const metadata = batch.map(({ metadata }) => metadataOf(metadata))
  const people = new Set<string>()
  batch.forEach(({ type, data }, i) => {
    const subject = subjectOfStored(type, metadata[i] ?? {})
    if (subject !== undefined && isEncrypted(data)) people.add(subject)
  })
  const found = await keys.find([...people])
  if (E.isLeft(found)) return { events: [], failure: { _tag: 'LogUnavailable', cause: found.left } }
  const keyOf = (subject: string, isLost: boolean): SubjectKey | undefined => {
    if (keys.isErased(subject)) return 'destroyed'
    return found.right.get(subject) ?? (isLost ? 'destroyed' : undefined)
  }

  const events: RecordedEvent[] = []
  for (const [i, stored] of batch.entries()) {
    const about = metadata[i]
    if (about === undefined || stored.isDamaged) return { events, failure: unreadable(stored, 'damaged') }
    const subject = subjectOfStored(stored.type, about)
    const isLost = lostKeys === 'count as destroyed' && isEncrypted(stored.data)
    const key = subject === undefined ? undefined : keyOf(subject, isLost)
    const decoded = decodeOne(stored, about, key)
    if (E.isLeft(decoded)) return { events, failure: decoded.left }
    // Whatever follows about this person is erased as well, also where the key is not destroyed yet.
    if (isErasure(stored.type) && about.subject !== undefined) keys.forget(about.subject)
    events.push(decoded.right)
  }
  return { events }
}

const encode = async (
  stream: string,
  events: readonly NewEvent[],
  keys: Pick<SubjectKeys, 'findOrMake'>,
): Promise<E.Either<LogFailure | SubjectErased, readonly StoredNewEvent[]>> => {
  const subjects = events.map(({ event, metadata }) => subjectOfStored(event.type, metadata))
  const people = new Set(subjects.filter(subject => subject !== undefined))
  if (people.size === 0) return E.right(events.map(encodeOne))
  const found = await keys.findOrMake([...people])
  if (E.isLeft(found)) return E.left({ _tag: 'LogUnavailable', cause: found.left })
  const encoded: StoredNewEvent[] = []
  for (const [i, event] of events.entries()) {
    const subject = subjects[i]
    const key = subject === undefined ? undefined : found.right.get(subject)
    if (key === 'destroyed') return E.left({ _tag: 'SubjectErased' })
    const clear = encodeOne(event)
    if (subject !== undefined && key === undefined)
      return E.left({ _tag: 'LogUnavailable', cause: new Error('a person has no key') })
    encoded.push(
      key === undefined ? clear : { ...clear, data: encrypted(key, { ...clear, stream }, clear.data) },
    )
  }
  return E.right(encoded)
}

export interface LogPorts {
  readonly identity: LogIdentity
  readonly log: EventLog
  readonly feed: EventFeed
}

const eventLog = (stored: StoredLog, keys: SubjectKeys, reading: Reading): EventLog => ({
  read: async (stream, from = 0) => {
    const read = await stored.read(stream, from)
    if (E.isLeft(read)) return read
    const { events, failure } = await decode(read.right.events, reading)
    return failure === undefined ? E.right({ events, more: read.right.more }) : E.left(failure)
  },
  last: async stream => {
    const last = await stored.last(stream)
    if (E.isLeft(last) || last.right === undefined) return E.map(() => undefined)(last)
    const { events, failure } = await decode([last.right], reading)
    return failure === undefined ? E.right(events[0]) : E.left(failure)
  },
  append: async (stream, expected, events) => {
    const encoded = await encode(stream, events, keys)
    if (E.isLeft(encoded)) return encoded
    const appended = await stored.append(stream, expected, encoded.right)
    const first = expected === 'no-stream' ? 0 : expected + 1
    return E.map((positions: readonly bigint[]) =>
      events.map((event, i) => ({ ...event, stream, revision: first + i, position: positions[i] ?? 0n })),
    )(appended)
  },
})

const eventFeed = (stored: StoredLog, identity: LogIdentity, reading: Reading): EventFeed => {
  const find = formerPositions(stored, identity.epoch - 1)
  return {
    identity,
    head: stored.head,
    eventIdAt: stored.eventIdAt,
    positionOf: async text => {
      const position = parsePosition(identity, text)
      if (position === undefined) return E.right(undefined)
      const { epoch, number } = position
      if (epoch === identity.epoch) return E.right(number)
      return epoch === identity.epoch - 1 ? find(number) : E.right(undefined)
    },
    follow: async function* (after, options) {
      for await (const batch of stored.follow(after, options)) {
        const { events, failure } = await decode(batch.events, reading)
        if (failure === undefined) yield { events, next: batch.next, caughtUp: batch.caughtUp }
        else {
          const last = events.at(-1)
          if (last !== undefined) yield { events, next: last.position, caughtUp: false }
          throw failure
        }
      }
    },
  }
}

/** A log that is being moved here and is not whole yet: it is not to be read or written. */
export interface MoveUnfinished {
  readonly _tag: 'MoveUnfinished'
}

const identityOf = (hub: readonly RecordedEvent[]): E.Either<MoveUnfinished, LogIdentity> => {
  const id = hub[0]?.event.data.id
  const last = hub.at(-1)?.event
  if (last?.type === 'HubMoveBegun') return E.left({ _tag: 'MoveUnfinished' })
  const epoch = last?.type === 'HubMoved' ? hubMoved.parse(last.data).epoch : 0
  return E.right({ id: typeof id === 'string' ? id : '', epoch })
}

/**
 * The ports over an engine: schema check, JSON, and the encryption of what is about a person under that person's key. A log
 * without events is founded: its first event names it. Fails when the log cannot be read or written, or is not whole yet.
 */
export const openLog = async (
  stored: StoredLog,
  keys: SubjectKeys,
  lostKeys: LostKeys = 'fail',
): Promise<E.Either<LogFailure | MoveUnfinished, LogPorts>> => {
  const reading: Reading = { keys, lostKeys }
  const log = eventLog(stored, keys, reading)
  const existing = await log.read(hubStream)
  if (E.isLeft(existing)) return existing
  if (existing.right.events.length === 0) {
    const data = { id: randomUUID().replaceAll('-', '') }
    const founding = hubEvent(randomUUID(), { type: 'HubFounded', data })
    const founded = await log.append(hubStream, 'no-stream', [founding])
    if (
      E.isLeft(founded) &&
      founded.left._tag !== 'RevisionConflict' &&
      founded.left._tag !== 'SubjectErased'
    )
      return E.left(founded.left)
  }
  const hub = await log.read(hubStream)
  if (E.isLeft(hub)) return hub
  return E.map((identity: LogIdentity) => ({ identity, log, feed: eventFeed(stored, identity, reading) }))(
    identityOf(hub.right.events),
  )
}
