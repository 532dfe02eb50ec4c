import { catalogue, kindOfEvent, resourceOfEvent, versionedEventTypes } from '../domain/catalogue.ts'
import { isOfErasure } from '../domain/erasure.ts'
import type { RecordedEvent } from '../domain/event.ts'
import { isObject, type Json, type JsonObject, jsonText } from '../domain/json.ts'
import { laterOf } from '../domain/position.ts'
import { keyOfStream, type Resource } from '../domain/resource.ts'
import { fieldsOf, orderField, ownerField, recordedField } from './items.ts'
import { projection } from './projection.ts'
import type { Document, FieldChange, FieldValue, ModelShape, Query } from './read-store.ts'

/** The end of what is still valid: larger than every position. */
export const stillValid = 9223372036854775807n

/**
 * The fields of versions that filters of a list look at, by the filter's name. Items of a book keep the names, and are looked
 * through in the book's order: a book is short. Those of all other resources share a few fields, so that one index
 * serves the first filter of each of them, another one the second.
 */
export const filterFieldsOf = ({ filters, ownerField }: Resource): ReadonlyMap<string, string> =>
  new Map(
    Object.keys(filters).map(
      (name, n) => [name, ownerField === undefined ? `filter_${n + 1}` : name] as const,
    ),
  )

const filterFields = [...new Set(catalogue.flatMap(resource => [...filterFieldsOf(resource).values()]))]
const sharedFilterFields = [
  ...new Set(
    catalogue
      .filter(({ ownerField }) => ownerField === undefined)
      .flatMap(resource => [...filterFieldsOf(resource).values()]),
  ),
]

/** A filter's value as versions keep it: a flag is a text, too. */
export const filterText = (value: FieldValue): string | null => (value === null ? null : String(value))

/**
 * Every revision of every item and node: its state, the event that made it, who did it, and from and until (exclusive) which
 * position and time it is valid. The key is `RESOURCE/KEY!REVISION`, the revision padded, so that keys order by it.
 *
 * History finds by `versionKeys`, newest first; the audit by `actor`, `node`, `resource` or `subject`, newest first by
 * `recorded_at`, with ranges of it; reads as of a time by `validAt`. The values that filter and order the lists of each
 * resource are those of its own read model, as they were in that revision; `list` is the resource, and for pages of life
 * the resource and the book: `pols/ESPGNU777ORG`. A list is ordered by `ordered_by`, empty where the id orders, then key.
 */
export const versions: ModelShape = {
  name: 'versions',
  version: 3,
  fields: {
    ...Object.fromEntries(
      [orderField, ownerField, recordedField, ...filterFields].map(field => [field, 'text'] as const),
    ),
    list: 'text',
    resource: 'text',
    actor: 'text',
    node: 'text',
    subject: 'text',
    valid_from: 'integer',
    valid_to: 'integer',
    clock_from: 'integer',
    clock_to: 'integer',
    recorded_at: 'integer',
  },
  validity: { from: 'valid_from', to: 'valid_to', clockFrom: 'clock_from', clockTo: 'clock_to' },
  indexes: [
    { fields: ['subject', 'recorded_at'], where: 'subject', withoutKey: true },
    { fields: ['node', 'recorded_at'], where: 'node', withoutKey: true },
    { fields: ['actor', 'recorded_at'], withoutKey: true },
    { fields: ['resource', 'recorded_at'], withoutKey: true },
    { fields: ['recorded_at'], withoutKey: true },
    ...sharedFilterFields.map(field => ({ fields: ['list', field, orderField], where: field })),
    { fields: ['list', orderField], where: 'list' },
  ],
}

/** No id holds the separator, and it sorts before all that ids hold: so items are ordered as their ids are. */
export const versionKey = (resource: string, key: string, revision: number): string =>
  `${resource}/${key}!${String(revision).padStart(12, '0')}`

/** The key of the thing that a version is of. */
export const keyOfVersion = (versionsKey: string): string =>
  versionsKey.slice(versionsKey.indexOf('/') + 1, versionsKey.lastIndexOf('!'))

/** The keys of the versions of an item, of all or of those before a revision. */
export const versionKeys = (
  resource: string,
  key: string,
  before = 999_999_999_999,
): NonNullable<Query['keys']> => ({
  from: versionKey(resource, key, 0),
  until: versionKey(resource, key, before),
})

const stateOf = (version: Document | undefined): JsonObject | undefined => {
  if (version?.text === null || version?.text === undefined) return undefined
  const parsed: Json = JSON.parse(version.text)
  const item = isObject(parsed) ? parsed.item : undefined
  return isObject(item) ? item : undefined
}

const clockOf = (version: Document | undefined): bigint => {
  const clock = version?.fields.clock_from
  return typeof clock === 'bigint' ? clock : 0n
}

const previousKey = ({ event, stream, revision }: RecordedEvent): string | undefined => {
  const kind = kindOfEvent(event.type)
  return kind === undefined || revision === 0
    ? undefined
    : versionKey(kind.name, keyOfStream(stream), revision - 1)
}

/** When an item's first event was recorded: its first version says so, and each later one repeats it. */
const firstRecordedOf = (previous: Document | undefined, recordedAt: string): string => {
  const first = previous?.fields[recordedField]
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
  const filters = [...filterFieldsOf(resource)]
  return {
    [orderField]: fields[orderField] ?? '',
    [ownerField]: owner ?? null,
    [recordedField]: fields[recordedField] ?? null,
    ...Object.fromEntries(filters.map(([name, field]) => [field, filterText(fields[name] ?? null)])),
    list: typeof owner === 'string' ? `${resource.name}/${owner}` : resource.name,
  }
}

/** Of the fields that lists filter and order by, a version of somebody who is forgotten has none. */
const keptFields = [
  'resource',
  'actor',
  'node',
  'subject',
  'valid_from',
  'valid_to',
  'clock_from',
  'clock_to',
  'recorded_at',
] as const

/** Who did it and when, and that what it was can be read no more. */
const leftOf = ({ key, revision, text, fields }: Document): Omit<Document, 'position'> => {
  const parsed: Json = JSON.parse(text ?? '{}')
  const { item: _, ...head } = isObject(parsed) ? parsed : {}
  return {
    key,
    revision,
    text: JSON.stringify({ ...head, erased: true, item: null }),
    fields: Object.fromEntries(keptFields.map(name => [name, fields[name] ?? null])),
  }
}

export const versionsProjection = projection({
  shape: versions,
  events: versionedEventTypes,
  erasing: { about: account => ({ equals: { subject: account } }), left: leftOf },
  needs: recorded => {
    const key = previousKey(recorded)
    return key === undefined ? [] : [key]
  },
  apply: (recorded, document, clock) => {
    const { event, stream, revision, position, metadata } = recorded
    const kind = kindOfEvent(event.type)
    if (kind === undefined) return []
    const key = keyOfStream(stream)
    const previous = previousKey(recorded)
    const before = previous === undefined ? undefined : document(previous)
    const { actor, subject, requestId, recordedAt, occurredAt } = metadata
    const item = kind.evolve(stateOf(before), event)
    // Of one thing it never goes back, even where a clock was set right: each time has one version.
    const clockFrom = laterOf(clock, clockOf(before))
    const head = JSON.stringify({
      event: event.type,
      revision,
      position: String(position),
      clock: Number(clockFrom),
      recordedAt,
      occurredAt,
      actor,
      subject,
      requestId,
      ...(event.erased === true || isOfErasure(event.type) ? { erased: true } : {}),
    })
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
        clock_from: clockFrom,
        clock_to: null,
        recorded_at: BigInt(Date.parse(recordedAt)),
      },
    }
    if (previous === undefined) return [version]
    const closing: FieldChange = {
      key: previous,
      position,
      fields: { valid_to: position, clock_to: clockFrom },
    }
    return [closing, version]
  },
})
