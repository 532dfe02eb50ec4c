import { kindOfEvent } from '../domain/catalogue.ts'
import type { RecordedEvent } from '../domain/event.ts'
import { isObject, type Json, type JsonObject, jsonText } from '../domain/json.ts'
import { keyOfStream } from '../domain/resource.ts'
import type { Projection } from './projection.ts'
import type { Document, ModelShape } from './read-store.ts'

/** The end of what is still valid: larger than every position. */
export const stillValid = 9223372036854775807n

/**
 * Every revision of every item and node: its state, the event that made it, who did it, and from and until (exclusive) which
 * position and time it is valid. The key is `RESOURCE/KEY@REVISION`, the revision padded, so that keys order by it.
 */
export const versions: ModelShape = {
  name: 'versions',
  version: 1,
  fields: {
    valid_from: 'integer',
    valid_to: 'integer',
    recorded_from: 'text',
    recorded_to: 'text',
  },
  indexes: [],
}

export const versionKey = (resource: string, key: string, revision: number): string =>
  `${resource}/${key}@${String(revision).padStart(12, '0')}`

const stateOf = (version: Document | undefined): JsonObject | undefined => {
  if (version?.text === null || version?.text === undefined) return undefined
  const parsed: Json = JSON.parse(version.text)
  const item = isObject(parsed) ? parsed.item : undefined
  return isObject(item) ? item : undefined
}

const beforeOf = ({ event, stream, revision }: RecordedEvent): string | undefined => {
  const kind = kindOfEvent(event.type)
  return kind === undefined || revision === 0
    ? undefined
    : versionKey(kind.name, keyOfStream(stream), revision - 1)
}

export const versionsProjection: Projection = {
  shape: versions,
  needs: recorded => {
    const before = beforeOf(recorded)
    return before === undefined ? [] : [before]
  },
  apply: (recorded, document) => {
    const { event, stream, revision, position, metadata } = recorded
    const kind = kindOfEvent(event.type)
    if (kind === undefined) return []
    const key = keyOfStream(stream)
    const before = beforeOf(recorded)
    const previous = before === undefined ? undefined : document(before)
    const { actor, subject, requestId, recordedAt, occurredAt } = metadata
    const item = kind.evolve(stateOf(previous), event)
    const head = JSON.stringify({ event: event.type, recordedAt, occurredAt, actor, subject, requestId })
    const version: Document = {
      key: versionKey(kind.name, key, revision),
      revision,
      position,
      text: `${head.slice(0, -1)},"item":${item === undefined ? 'null' : jsonText(item)}}`,
      fields: { valid_from: position, valid_to: stillValid, recorded_from: recordedAt, recorded_to: null },
    }
    return previous === undefined
      ? [version]
      : [
          {
            ...previous,
            position,
            fields: { ...previous.fields, valid_to: position, recorded_to: recordedAt },
          },
          version,
        ]
  },
}
