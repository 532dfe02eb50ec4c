import { z } from 'zod'
import { parseAccount } from './identifiers.ts'
import { isBefore, parseInstant } from './instant.ts'
import { contentFields } from './item-content.ts'
import { isObject, type Json, type JsonObject, member, withMembers, withoutMembers } from './json.ts'
import type { InvalidPart } from './rejection.ts'
import { type Identity, invalidPartsOf, type Resource } from './resource.ts'

/** The item that was made last of a body: its size is looked at before it is decided on. */
const items = new WeakMap<
  JsonObject,
  {
    readonly resource: Resource
    readonly identity: Identity
    readonly defaults: JsonObject
    readonly item: JsonObject
  }
>()

const schemas = new WeakMap<Resource, z.ZodType>()

/** The known fields of an item's body. Unknown fields are welcome. */
export const itemShape = ({ fields }: Resource): z.ZodType => z.looseObject(fields)

/** The same, for looking at the known fields only: it does not touch the others. */
const knownFields = (resource: Resource): z.ZodType => {
  const schema = schemas.get(resource) ?? z.object(resource.fields)
  schemas.set(resource, schema)
  return schema
}

/** The known fields of a body that are not what they must be. */
export const invalidFields = (resource: Resource, body: JsonObject): readonly InvalidPart[] =>
  invalidPartsOf(knownFields(resource), body)

/** The fields by which a body says which item it is; what the path says counts. */
const identityFields = (resource: Resource, { owner, id }: Identity): JsonObject =>
  resource.ownerField === undefined || owner === undefined ? { id } : { id, [resource.ownerField]: owner }

/** The fields that must say the same where a body has them; `person` is another name of whose book it is. */
const identityMembers = (resource: Resource, identity: Identity): JsonObject => ({
  ...identityFields(resource, identity),
  ...(identity.owner === undefined ? {} : { person: identity.owner }),
})

const sameId = (resource: Resource, field: string, sent: Json, expected: Json): boolean =>
  typeof sent === 'string' &&
  (field === 'id' ? resource.parseId(sent) === expected : parseAccount(sent) === expected)

const isSet = (body: JsonObject, key: string): boolean => (member(body, key) ?? null) !== null

/** Required fields that a body lacks; that a merge patch would remove. */
const missingFields = ({ required }: Resource, body: JsonObject, isPatch: boolean): readonly InvalidPart[] =>
  required
    .filter(field => !isSet(body, field) && (!isPatch || Object.hasOwn(body, field)))
    .map(field => ({ pointer: `/${field}`, detail: 'must be given' }))

/** Whether the second date of a span is before the first. */
export const endsEarly = ({ span }: Resource, item: JsonObject): readonly InvalidPart[] => {
  if (span === undefined) return []
  const [start, end] = span.map(field => member(item, field))
  return typeof start === 'string' && typeof end === 'string' && isBefore(end, start)
    ? [{ pointer: `/${span[1]}`, detail: `must not be before ${span[0]}` }]
    : []
}

/** The fields of a body that contradict the path. In a merge patch a null would remove the id: refused. */
const contradictions = (
  resource: Resource,
  identity: Identity,
  body: JsonObject,
  isPatch: boolean,
): readonly InvalidPart[] =>
  Object.entries(identityMembers(resource, identity)).flatMap(([field, expected]) => {
    const sent = member(body, field)
    if (sent === undefined || (sent === null && !isPatch) || sameId(resource, field, sent ?? null, expected))
      return []
    return [{ pointer: `/${field}`, detail: `must be ${String(expected)}, as in the path, or be left out` }]
  })

/** What is wrong with a body by itself, before the item is looked at. */
export const invalidParts = (
  resource: Resource,
  identity: Identity,
  body: JsonObject,
  isPatch: boolean,
): readonly InvalidPart[] => [
  ...invalidFields(resource, body),
  ...missingFields(resource, body, isPatch),
  ...contradictions(resource, identity, body, isPatch),
  ...endsEarly(resource, body),
]

/** The patch without what only repeats which item it is. */
export const patchOf = (resource: Resource, identity: Identity, body: JsonObject): JsonObject =>
  withMembers(
    withoutMembers(body, Object.keys(identityMembers(resource, identity))),
    namedPerson(resource, body),
  )

/** A person named by the body and not by the path, as items name people. */
const namedPerson = ({ subjectField }: Resource, body: JsonObject): JsonObject => {
  if (subjectField !== 'person') return {}
  const sent = member(body, subjectField)
  const person = typeof sent === 'string' ? parseAccount(sent) : undefined
  return person === undefined ? {} : { person }
}

/** The whole item that a body describes: as it came, with the ids of the path and `defaults` for what is left out. */
export const itemOf = (
  resource: Resource,
  identity: Identity,
  body: JsonObject,
  defaults: JsonObject = resource.defaults,
): JsonObject => {
  const before = items.get(body)
  if (before?.resource === resource && before.defaults === defaults && before.identity === identity)
    return before.item
  const item = madeOf(resource, identity, body, defaults)
  items.set(body, { resource, identity, defaults, item })
  return item
}

const madeOf = (resource: Resource, identity: Identity, body: JsonObject, defaults: JsonObject): JsonObject =>
  withMembers(body, {
    ...Object.fromEntries(Object.entries(defaults).filter(([key]) => !isSet(body, key))),
    ...(isSet(body, 'person') ? identityMembers(resource, identity) : identityFields(resource, identity)),
    ...namedPerson(resource, body),
  })

/** A body without nulls where the hub would fill in: the only nulls that mean "left out". */
const filledIn = (resource: Resource, identity: Identity): readonly string[] => [
  ...Object.keys(resource.defaults),
  ...Object.keys(identityFields(resource, identity)),
  ...contentFields(resource),
]

/** The item without what the hub filled in and the body does not say: what is compared for "same content". */
export const asSaid = (
  resource: Resource,
  identity: Identity,
  body: JsonObject,
  item: JsonObject,
): JsonObject =>
  withoutMembers(
    item,
    filledIn(resource, identity).filter(key => !isSet(body, key)),
  )

const timestampIn = (body: JsonObject, field: string): string | undefined => {
  const info = member(body, field)
  const timestamp = isObject(info) ? member(info, 'timestamp') : undefined
  return typeof timestamp === 'string' ? parseInstant(timestamp) : undefined
}

/** When the sender says it happened: `modification_info.timestamp`, else `creation_info.timestamp`. */
export const occurredAtOf = (body: JsonObject): string | undefined => {
  const instant = timestampIn(body, 'modification_info') ?? timestampIn(body, 'creation_info')
  return instant === undefined ? undefined : `${instant}Z`
}
