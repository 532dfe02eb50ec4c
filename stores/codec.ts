import { randomUUID } from 'node:crypto'
import * as E from '#fp/Either'
import type { SubjectKeys } from '../auth/subject-keys.ts'
import type { EventLog, SubjectErased } from '../commands/event-log.ts'
import { schemaVersionOf } from '../domain/catalogue.ts'
import type { DomainEvent, NewEvent, RecordedEvent } from '../domain/event.ts'
import { hubMoved, hubStream } from '../domain/hub-events.ts'
import { jsonText } from '../domain/json.ts'
import { isLogFailure, type LogFailure } from '../domain/log-failure.ts'
import { type LogIdentity, parsePosition } from '../domain/position.ts'
import type { EventFeed } from '../projections/event-feed.ts'
import { encrypted } from './cipher.ts'
import { decode, type LostKeys, lastTypeOf, type Reading } from './decode.ts'
import { formerPositions } from './former-positions.ts'
import type { StoredLog, StoredNewEvent } from './stored.ts'
import { subjectOfStored } from './stored-metadata.ts'

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

/** EventStoreDB takes 1 MiB; a move adds to the metadata. The same on every engine, so that a log can be moved. */
const mostBytes = 1024 * 1024 - 4 * 1024
const bytesOf = ({ type, data, metadata }: StoredNewEvent): number =>
  Buffer.byteLength(type) + Buffer.byteLength(data) + Buffer.byteLength(metadata)

const encode = async (
  stream: string,
  events: readonly NewEvent[],
  keys: Pick<SubjectKeys, 'findOrMake'>,
): Promise<E.Either<LogFailure | SubjectErased, readonly StoredNewEvent[]>> => {
  const subjects = events.map(({ event, metadata }) => subjectOfStored(event.type, metadata))
  const people = new Set(subjects.filter(subject => subject !== undefined))
  if (people.size === 0) return E.right(events.map(encodeOne))
  const found = await keys.findOrMake([...people])
  if (E.isLeft(found)) return E.left({ _tag: 'LogUnavailable', cause: found.left.cause })
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
  lastType: async stream => {
    const last = await stored.last(stream)
    if (E.isLeft(last) || last.right === undefined) return E.map(() => undefined)(last)
    return lastTypeOf(last.right, reading)
  },
  append: async (stream, expected, events) => {
    const encoded = await encode(stream, events, keys)
    if (E.isLeft(encoded)) return encoded
    if (encoded.right.reduce((sum, event) => sum + bytesOf(event), 0) > mostBytes)
      return E.left({ _tag: 'AppendTooLarge' })
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
    if (E.isLeft(founded) && isLogFailure(founded.left)) return E.left(founded.left)
  }
  const hub = await log.read(hubStream)
  if (E.isLeft(hub)) return hub
  return E.map((identity: LogIdentity) => ({ identity, log, feed: eventFeed(stored, identity, reading) }))(
    identityOf(hub.right.events),
  )
}
