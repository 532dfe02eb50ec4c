import { kindOfEvent } from '../domain/catalogue.ts'
import type { Actor, RecordedEvent } from '../domain/event.ts'
import { type JsonObject, jsonText } from '../domain/json.ts'
import { formatPosition, type LogIdentity } from '../domain/position.ts'
import { keyOfStream } from '../domain/resource.ts'

/** An event as the feed and `replay` show it. What there is none of is left out of its JSON. */
export interface FeedEntry {
  readonly position: string
  readonly stream: string
  readonly revision: number
  readonly type: string
  /** The kind of thing it is about; none of the hub's own events. */
  readonly resource?: string | undefined
  /** Which thing: as in the path after the collection. */
  readonly id?: string | undefined
  /** Whom it is about. */
  readonly person?: string | undefined
  /** None where it can be read no more. */
  readonly data?: JsonObject | undefined
  readonly actor: Actor
  readonly recordedAt: string
  readonly occurredAt?: string | undefined
  /** The person it was about is forgotten. */
  readonly erased?: true | undefined
}

export const feedEntryOf = (
  log: LogIdentity,
  { stream, revision, position, event, metadata }: RecordedEvent,
): FeedEntry => {
  const kind = kindOfEvent(event.type)
  const { subject, actor, recordedAt, occurredAt } = metadata
  return {
    position: formatPosition(log, position),
    stream,
    revision,
    type: event.type,
    ...(kind === undefined ? {} : { resource: kind.name, id: kind.idInPath(keyOfStream(stream)) }),
    ...(subject === undefined ? {} : { person: subject }),
    ...(event.erased === true ? {} : { data: event.data }),
    actor,
    recordedAt,
    ...(occurredAt === undefined ? {} : { occurredAt }),
    ...(event.erased === true ? { erased: true } : {}),
  }
}

/** The entry as JSON, the data as it was written before where somebody has. */
export const feedEntryText = (log: LogIdentity, recorded: RecordedEvent): string => {
  const { data, ...entry } = feedEntryOf(log, recorded)
  if (data === undefined) return JSON.stringify(entry)
  return `${JSON.stringify(entry).slice(0, -1)},"data":${jsonText(data)}}`
}
