import { catalogue, kindOfEvent, resourceOfEvent, versionedEventTypes } from '../domain/catalogue.ts'
import type { RecordedEvent } from '../domain/event.ts'
import { isObject, type Json, type JsonObject, jsonText } from '../domain/json.ts'
import { keyOfStream } from '../domain/resource.ts'
import { fieldsOf, modelOf, orderField, ownerField } from './items.ts'
import { projection } from './projection.ts'
import type { Document, FieldChange, FieldValue, ModelShape, Query } from './read-store.ts'

/** The end of what is still valid: larger than every position. */
export const stillValid = 9223372036854775807n

/**
 * Every revision of every item and node: its state, the event that made it, who did it, and from and until (exclusive) which
 * position and time it is valid. The key is `RESOURCE/KEY@REVISION`, the revision padded, so that keys order by it.
 *
 * History finds by `versionKeys`, newest first; the audit by `actor`, `node`, `resource` or `subject`, newest first by
 * `recorded_from`, with ranges of it; reads as of a time by `validAt`. The fields that filter and order the lists of each
 * resource are those of its own read model, as they were in that revision; `list` is the resource, and for pages of life
 * the resource and the book: `pols/ESPGNU777ORG`. A list is ordered by `ordered_by`, empty where the id orders, then key.
 */
export const versions: ModelShape = {
  name: 'versions',
  version: 2,
  fields: {
    ...Object.assign({}, ...catalogue.map(resource => modelOf(resource).fields)),
    list: 'text',
    resource: 'text',
    actor: 'text',
    node: 'text',
    subject: 'text',
    valid_from: 'integer',
    valid_to: 'integer',
    recorded_from: 'integer',
    recorded_to: 'integer',
  },
  validity: {
    from: 'valid_from',
    to: 'valid_to',
    recordedFrom: 'recorded_from',
    recordedTo: 'recorded_to',
  },
  indexes: [
    { fields: ['subject', 'recorded_from'], where: 'subject', withoutKey: true },
    { fields: ['node', 'recorded_from'], where: 'node', withoutKey: true },
    { fields: ['actor', 'recorded_from'], withoutKey: true },
    { fields: ['resource', 'recorded_from'], withoutKey: true },
    { fields: ['recorded_from'], withoutKey: true },
    { fields: ['list', orderField], where: 'list' },
  ],
}

export const versionKey = (resource: string, key: string, revision: number): string =>
  `${resource}/${key}@${String(revision).padStart(12, '0')}`

/** The keys of all versions of an item. No id holds an `@`, and `A` follows it. */
export const versionKeys = (resource: string, key: string): NonNullable<Query['keys']> => ({
  from: `${resource}/${key}@`,
  until: `${resource}/${key}A`,
})

const stateOf = (version: Document | undefined): JsonObject | undefined => {
  if (version?.text === null || version?.text === undefined) return undefined
  const parsed: Json = JSON.parse(version.text)
  const item = isObject(parsed) ? parsed.item : undefined
  return isObject(item) ? item : undefined
}

const previousKey = ({ event, stream, revision }: RecordedEvent): string | undefined => {
  const kind = kindOfEvent(event.type)
  return kind === undefined || revision === 0
    ? undefined
    : versionKey(kind.name, keyOfStream(stream), revision - 1)
}

const millisecondsOf = (recordedAt: string): bigint => BigInt(Date.parse(recordedAt))

/** When an item's first event was recorded: its first version says so, and each later one repeats it. */
const firstRecordedOf = (previous: Document | undefined, recordedAt: string): string => {
  const first = previous?.fields.first_recorded
  return typeof first === 'string' ? first : recordedAt
}

const listFields = (
  { event, stream, metadata }: RecordedEvent,
  item: JsonObject | undefined,
  previous: Document | undefined,
): Readonly<Record<string, FieldValue>> => {
  const resource = resourceOfEvent(event.type)
  if (resource === undefined || item === undefined) return {}
  const key = keyOfStream(stream)
  const fields = fieldsOf(resource, key, item, firstRecordedOf(previous, metadata.recordedAt))
  const owner = fields[ownerField]
  return {
    [orderField]: '',
    ...fields,
    list: typeof owner === 'string' ? `${resource.name}/${owner}` : resource.name,
  }
}

export const versionsProjection = projection({
  shape: versions,
  events: versionedEventTypes,
  needs: recorded => {
    const key = previousKey(recorded)
    return key === undefined ? [] : [key]
  },
  apply: (recorded, document) => {
    const { event, stream, revision, position, metadata } = recorded
    const kind = kindOfEvent(event.type)
    if (kind === undefined) return []
    const key = keyOfStream(stream)
    const previous = previousKey(recorded)
    const before = previous === undefined ? undefined : document(previous)
    const { actor, subject, requestId, recordedAt, occurredAt } = metadata
    const item = kind.evolve(stateOf(before), event)
    const head = JSON.stringify({ event: event.type, recordedAt, occurredAt, actor, subject, requestId })
    const version: Document = {
      key: versionKey(kind.name, key, revision),
      revision,
      position,
      text: `${head.slice(0, -1)},"item":${item === undefined ? 'null' : jsonText(item)}}`,
      fields: {
        ...listFields(recorded, item, before),
        resource: kind.name,
        actor: actor.id,
        node: actor.node ?? null,
        subject: subject ?? null,
        valid_from: position,
        valid_to: stillValid,
        recorded_from: millisecondsOf(recordedAt),
        recorded_to: null,
      },
    }
    if (previous === undefined) return [version]
    const closing: FieldChange = {
      key: previous,
      position,
      fields: { valid_to: position, recorded_to: millisecondsOf(recordedAt) },
    }
    return [closing, version]
  },
})
