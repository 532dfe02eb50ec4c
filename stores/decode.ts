import type { z } from 'zod'
import * as E from '#fp/Either'
import type { SubjectKey, SubjectKeys } from '../auth/subject-keys.ts'
import type { LastType } from '../commands/event-log.ts'
import { eventShapes, schemaVersionOf } from '../domain/catalogue.ts'
import { isErasure } from '../domain/erasure.ts'
import type { RecordedEvent } from '../domain/event.ts'
import { type JsonObject, rememberText } from '../domain/json.ts'
import type { EventUnreadable, LogFailure } from '../domain/log-failure.ts'
import { decrypted, isEncrypted } from './cipher.ts'
import { parseText, type StoredEvent } from './stored.ts'
import { metadataOf, type StoredMetadata, subjectOfStored } from './stored-metadata.ts'

const unreadable = (
  { stream, position }: StoredEvent,
  reason: EventUnreadable['reason'],
): EventUnreadable => ({ _tag: 'EventUnreadable', stream, position, reason })

const isShaped = (shape: z.ZodType, data: unknown): data is JsonObject => shape.safeParse(data).success

/** How the log reads events whose key is in no store, though nobody destroyed it. */
export type LostKeys = 'fail' | 'count as destroyed'

/** With which keys stored events are read. */
export interface Reading {
  readonly keys: Pick<SubjectKeys, 'find' | 'forget' | 'isErased'>
  readonly lostKeys: LostKeys
}

/** Why an event cannot be read, before its data is opened; undefined where that may do. */
const notReadable = (
  { type, data }: StoredEvent,
  { schemaVersion }: StoredMetadata,
  key: SubjectKey | undefined,
): EventUnreadable['reason'] | undefined => {
  if (!eventShapes.has(type) || schemaVersion > schemaVersionOf(type)) return 'newer than this release'
  return key === undefined && isEncrypted(data) ? 'without its key' : undefined
}

const decodeOne = (
  stored: StoredEvent,
  { credential, ...metadata }: StoredMetadata,
  key: SubjectKey | undefined,
): E.Either<EventUnreadable, RecordedEvent> => {
  const { id, stream, revision, position, type } = stored
  const reason = notReadable(stored, metadata, key)
  const shape = eventShapes.get(type)
  if (reason !== undefined || shape === undefined)
    return E.left(unreadable(stored, reason ?? 'newer than this release'))
  if (key === 'destroyed')
    return E.right({ id, stream, revision, position, event: { type, data: {}, erased: true }, metadata })
  const isClear = !isEncrypted(stored.data)
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

/** The keys of a batch of events, looked up at once: of each event the one that opens it, where it is encrypted. */
const keysOf = async (
  batch: readonly StoredEvent[],
  metadata: readonly (StoredMetadata | undefined)[],
  { keys, lostKeys }: Reading,
): Promise<E.Either<LogFailure, (place: number) => SubjectKey | undefined>> => {
  const subjects = batch.map(({ type }, i) => subjectOfStored(type, metadata[i] ?? {}))
  const people = new Set(
    subjects.filter((subject, i) => subject !== undefined && isEncrypted(batch[i]?.data ?? '')),
  )
  const found = await keys.find([...people].filter(person => person !== undefined))
  if (E.isLeft(found)) return E.left({ _tag: 'LogUnavailable', cause: found.left.cause })
  return E.right(place => {
    const subject = subjects[place]
    if (subject === undefined) return undefined
    if (keys.isErased(subject)) return 'destroyed'
    const isLost = lostKeys === 'count as destroyed' && isEncrypted(batch[place]?.data ?? '')
    return found.right.get(subject) ?? (isLost ? 'destroyed' : undefined)
  })
}

/** The events of a batch, up to the first that cannot be read. */
export const decode = async (batch: readonly StoredEvent[], reading: Reading): Promise<Decoded> => {
  const metadata = batch.map(({ metadata }) => metadataOf(metadata))
  const found = await keysOf(batch, metadata, reading)
  if (E.isLeft(found)) return { events: [], failure: found.left }
  const events: RecordedEvent[] = []
  for (const [i, stored] of batch.entries()) {
    const about = metadata[i]
    if (about === undefined || stored.isDamaged) return { events, failure: unreadable(stored, 'damaged') }
    const decoded = decodeOne(stored, about, found.right(i))
    if (E.isLeft(decoded)) return { events, failure: decoded.left }
    // Whatever follows about this person is erased as well, also where the key is not destroyed yet.
    if (isErasure(stored.type) && about.subject !== undefined) reading.keys.forget(about.subject)
    events.push(decoded.right)
  }
  return { events }
}

/** Of which type a stored event is, without opening its data. */
export const lastTypeOf = async (
  event: StoredEvent,
  reading: Reading,
): Promise<E.Either<LogFailure, LastType>> => {
  const metadata = metadataOf(event.metadata)
  if (metadata === undefined || event.isDamaged) return E.left(unreadable(event, 'damaged'))
  const found = await keysOf([event], [metadata], reading)
  if (E.isLeft(found)) return found
  const key = found.right(0)
  const reason = notReadable(event, metadata, key)
  return reason === undefined
    ? E.right({ type: event.type, isErased: key === 'destroyed' })
    : E.left(unreadable(event, reason))
}
