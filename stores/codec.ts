import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import * as E from '#fp/Either'
import type { EventLog } from '../commands/event-log.ts'
import { eventShapes, schemaVersionOf } from '../domain/catalogue.ts'
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
): E.Either<EventUnreadable, never> => E.left({ _tag: 'EventUnreadable', stream, position, reason })

const isShaped = (shape: z.ZodType, data: unknown): data is JsonObject => shape.safeParse(data).success

const decodeOne = (stored: StoredEvent): E.Either<EventUnreadable, RecordedEvent> => {
  const parsed = metadataShape.safeParse(parseText(stored.metadata))
  if (!parsed.success) return unreadable(stored, 'damaged')
  const { credential, ...metadata } = parsed.data
  const shape = eventShapes.get(stored.type)
  if (shape === undefined || metadata.schemaVersion > schemaVersionOf(stored.type))
    return unreadable(stored, 'newer than this release')
  // The shape is checked, the data kept as parsed: zod would drop a member named `__proto__`.
  const data = parseText(stored.data)
  if (!isShaped(shape, data)) return unreadable(stored, 'damaged')
  rememberText(data, stored.data)
  const { id, stream, revision, position, type } = stored
  const event = credential === undefined ? { type, data } : { type, data, credential }
  return E.right({ id, stream, revision, position, event, metadata })
}

interface Decoded {
  readonly events: readonly RecordedEvent[]
  /** The first event that could not be read; `events` are those before it. */
  readonly failure?: EventUnreadable
}

// Asynchronous and by batch: keys of encrypted data will have to be fetched.
const decode = async (batch: readonly StoredEvent[]): Promise<Decoded> => {
  const events: RecordedEvent[] = []
  for (const stored of batch) {
    const decoded = decodeOne(stored)
    if (E.isLeft(decoded)) return { events, failure: decoded.left }
    events.push(decoded.right)
  }
  return { events }
}

const encode = async (events: readonly NewEvent[]): Promise<readonly StoredNewEvent[]> =>
  events.map(encodeOne)

export interface LogPorts {
  readonly identity: LogIdentity
  readonly log: EventLog
  readonly feed: EventFeed
}

const eventLog = (stored: StoredLog): EventLog => ({
  read: async (stream, from = 0) => {
    const read = await stored.read(stream, from)
    if (E.isLeft(read)) return read
    const { events, failure } = await decode(read.right.events)
    return failure === undefined ? E.right({ events, more: read.right.more }) : E.left(failure)
  },
  last: async stream => {
    const last = await stored.last(stream)
    if (E.isLeft(last) || last.right === undefined) return E.map(() => undefined)(last)
    const { events, failure } = await decode([last.right])
    return failure === undefined ? E.right(events[0]) : E.left(failure)
  },
  append: async (stream, expected, events) => {
    const appended = await stored.append(stream, expected, await encode(events))
    const first = expected === 'no-stream' ? 0 : expected + 1
    return E.map((positions: readonly bigint[]) =>
      events.map((event, i) => ({ ...event, stream, revision: first + i, position: positions[i] ?? 0n })),
    )(appended)
  },
})

const eventFeed = (stored: StoredLog, identity: LogIdentity): EventFeed => {
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
        const { events, failure } = await decode(batch.events)
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
 * The ports over an engine: schema check, JSON. A log without events is founded: its first event names it.
 * Fails when the log cannot be read or written, or is not whole yet.
 */
export const openLog = async (
  stored: StoredLog,
): Promise<E.Either<LogFailure | MoveUnfinished, LogPorts>> => {
  const log = eventLog(stored)
  const existing = await log.read(hubStream)
  if (E.isLeft(existing)) return existing
  if (existing.right.events.length === 0) {
    const data = { id: randomUUID().replaceAll('-', '') }
    const founding = hubEvent(randomUUID(), { type: 'HubFounded', data })
    const founded = await log.append(hubStream, 'no-stream', [founding])
    if (E.isLeft(founded) && founded.left._tag !== 'RevisionConflict') return E.left(founded.left)
  }
  const hub = await log.read(hubStream)
  if (E.isLeft(hub)) return hub
  return E.map((identity: LogIdentity) => ({ identity, log, feed: eventFeed(stored, identity) }))(
    identityOf(hub.right.events),
  )
}
