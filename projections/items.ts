import { type Filter, filterValue, folded } from '../domain/filter.ts'
import { parseInstant } from '../domain/instant.ts'
import { isObject, type Json, type JsonObject, jsonText, member } from '../domain/json.ts'
import { evolveItem, keyOfStream, type Resource } from '../domain/resource.ts'
import { indexedValue } from './indexed-value.ts'
import { type Erasing, type Projection, projection } from './projection.ts'
import type { Document, FieldValue, ModelShape, Query } from './read-store.ts'

/** The names of the fields that every read model of items has beside its filters. */
export const ownerField = 'owner'
export const orderField = 'ordered_by'
export const recordedField = 'first_recorded'

/** A filter with few values finds many items with each of them. Nearly all words are of the vocabulary, open or not. */
const isCoarse = (filter: Filter | undefined): boolean =>
  filter?.kind === 'flag' || filter?.vocabulary !== undefined

/** What the indexes of a collection compare, the best first: many items have what a coarse filter looks for. */
const comparedIn = ({ filters, references, subjectField }: Resource): readonly (readonly string[])[] => {
  const names = Object.keys(filters)
  const coarse = names.filter(name => isCoarse(filters[name]))
  // An institution may have nearly as many.
  const busy = names.filter(name => name !== subjectField && Object.hasOwn(references, name))
  const fine = names.filter(name => !coarse.includes(name) && !busy.includes(name))
  return [
    ...fine.map(name => [name]),
    ...busy.flatMap(name => coarse.map(other => [name, other])),
    ...busy.map(name => [name]),
    ...(coarse.length > 1 ? [coarse] : []),
    ...coarse.map(name => [name]),
  ]
}

/** The read model that serves a resource's items. */
export const modelOf = (resource: Resource): ModelShape => {
  const filters = Object.entries(resource.filters)
  const owner = resource.ownerField === undefined ? [] : [ownerField]
  const order = resource.orderedBy === undefined ? [] : [orderField]
  return {
    name: resource.name,
    version: resource.readModelVersion,
    fields: {
      ...Object.fromEntries(owner.map(field => [field, 'text'] as const)),
      ...Object.fromEntries(order.map(field => [field, 'text'] as const)),
      ...(resource.orderedBy === undefined ? {} : { [recordedField]: 'text' as const }),
      ...Object.fromEntries(
        filters.map(([name, { kind }]) => [name, kind === 'flag' ? 'integer' : 'text'] as const),
      ),
    },
    // A book is short: one index holds it in order, with what its filters compare.
    indexes:
      owner.length > 0
        ? [{ fields: [...owner, ...order], also: filters.map(([name]) => name) }]
        : [
            ...(order.length === 0 ? [] : [{ fields: order }]),
            ...comparedIn(resource).map(compared => {
              const fields = [...compared, ...order]
              return compared.length > 1 || compared[0] === undefined
                ? { fields }
                : { fields, where: compared[0] }
            }),
          ],
  }
}

const parseItem = (text: string | null | undefined): JsonObject | undefined => {
  if (text === null || text === undefined) return undefined
  const value: Json = JSON.parse(text)
  return isObject(value) ? value : undefined
}

/** The values of the fields of a resource’s read model, for an item as it is. */
export const fieldsOf = (
  resource: Resource,
  key: string,
  item: JsonObject,
  firstRecorded: string,
): Record<string, FieldValue> => {
  const fields: Record<string, FieldValue> = {}
  if (resource.ownerField !== undefined) fields[ownerField] = key.slice(0, key.indexOf(':'))
  if (resource.orderedBy !== undefined) {
    const date = member(item, resource.orderedBy)
    fields[orderField] =
      (typeof date === 'string' ? parseInstant(date) : undefined) ?? parseInstant(firstRecorded) ?? null
    fields[recordedField] = firstRecorded
  }
  for (const [name, filter] of Object.entries(resource.filters))
    fields[name] = indexedValue(filterValue(filter, item))
  return fields
}

/** What is about a person is theirs by its key, by their book, or by the field that names them. */
const erasingOf = ({ subjectField, ownerField }: Resource): { readonly erasing?: Erasing } => {
  if (subjectField === undefined) return {}
  const about = (account: string): Pick<Query, 'equals' | 'keys'> => {
    // No account holds what these sort by: a `!` comes before all of its characters, a `;` right after a colon.
    if (subjectField === 'id') return { equals: {}, keys: { from: account, until: `${account}!` } }
    return ownerField === undefined
      ? { equals: { [subjectField]: folded(account) } }
      : { equals: {}, keys: { from: `${account}:`, until: `${account};` } }
  }
  return { erasing: { about, left: ({ key, revision }) => ({ key, revision, text: null, fields: {} }) } }
}

/** The current state of every item of a resource, by the item's key. */
export const itemsProjection = (resource: Resource): Projection =>
  projection({
    shape: modelOf(resource),
    events: resource.eventTypes,
    ...erasingOf(resource),
    needs: ({ stream, revision }) => (revision > 0 ? [keyOfStream(stream)] : []),
    apply: (recorded, document) => {
      const key = keyOfStream(recorded.stream)
      const { revision, position } = recorded
      const before: Document | undefined = revision === 0 ? undefined : document(key)
      if (before !== undefined && before.revision >= revision) return []
      const item = evolveItem(resource, parseItem(before?.text), recorded.event)
      if (item === undefined) return [{ key, revision, position, text: null, fields: {} }]
      const recordedBefore = before?.fields[recordedField]
      const firstRecorded = typeof recordedBefore === 'string' ? recordedBefore : recorded.metadata.recordedAt
      return [
        {
          key,
          revision,
          position,
          text: jsonText(item),
          fields: fieldsOf(resource, key, item, firstRecorded),
        },
      ]
    },
  })
