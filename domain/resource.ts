import { z } from 'zod'
import type { DomainEvent } from './event.ts'
import { parseAccount } from './identifiers.ts'
import { parseInstant } from './instant.ts'
import { type Json, type JsonObject, member, patched, withMembers, withoutMembers } from './json.ts'
import type { InvalidPart } from './rejection.ts'

/** How a filter compares: text without regard to case, dates as instants, flags as they are. */
export interface Filter {
  readonly kind: 'text' | 'instant' | 'flag'
  /** The fields it looks at; the first that is set counts. */
  readonly fields: readonly string[]
  /** The words it finds; another one in the field is not found by it. */
  readonly vocabulary?: readonly string[]
}

/** Everything the hub knows about one kind of record; deciders, read models and routes come from it. */
export interface Resource {
  /** The collection's name in paths, scopes and the history. */
  readonly name: string
  /** What one of it is called in sentences, and how its streams' names begin. */
  readonly noun: string
  readonly parseId: (text: string) => string | undefined
  readonly idRule: string
  /** Items live in a person's book: the path names the person, the item says it in this field. */
  readonly ownerField?: string
  readonly subject: (item: JsonObject) => string | undefined
  readonly fields: z.ZodRawShape
  /** What the hub fills in when a creator leaves it out. */
  readonly defaults: JsonObject
  /** Fields that change by their own commands only: in PATCH and PUT equal values are ignored. */
  readonly held: readonly string[]
  /** A field of a body that is never part of the item: it goes to auth's own store. */
  readonly secretField?: string
  readonly events: {
    readonly created: string
    readonly changed: string
    readonly replaced: string
    readonly removed: string
  }
  /** Further facts of such a stream: the shape of their data, and what they make of the item. */
  readonly facts: Readonly<Record<string, Fact>>
  /** Why an item cannot be removed as it is; undefined when it can. */
  readonly notRemovable: (item: JsonObject) => string | undefined
  readonly filters: Readonly<Record<string, Filter>>
  /** What role files call the collection and the item. */
  readonly endpoints: { readonly collection: string; readonly item: string }
  /** The date that orders a list (an item without it: when the hub first recorded it); without one, the id does. */
  readonly orderedBy?: string
}

export interface Fact {
  readonly data: z.ZodType
  readonly apply: (item: JsonObject, data: JsonObject) => JsonObject
}

/** Which item: its own id, and whose book it is in. */
export interface Identity {
  readonly owner?: string
  readonly id: string
}

/** The key of an item within its resource, in streams and read models. An account holds no colon. */
export const keyOf = ({ owner, id }: Identity): string => (owner === undefined ? id : `${owner}:${id}`)

export const streamOf = (resource: Resource, identity: Identity): string =>
  `${resource.noun}-${keyOf(identity)}`

/** The key of the item whose stream this is. */
export const keyOfStream = (stream: string): string => stream.slice(stream.indexOf('-') + 1)

export const pathOf = (resource: Resource, { owner, id }: Identity): string =>
  owner === undefined ? `/${resource.name}/${id}` : `/${resource.name}/${owner}/${id}`

/** What a fact makes of an item: the item after it, or undefined once removed. */
export const evolveItem = (
  resource: Resource,
  item: JsonObject | undefined,
  { type, data }: DomainEvent,
): JsonObject | undefined => {
  const { created, changed, replaced, removed } = resource.events
  if (type === created || type === replaced) return data
  if (type === removed || item === undefined) return undefined
  if (type === changed) return patched(item, data)
  return resource.facts[type]?.apply(item, data) ?? item
}

/** A JSON Pointer (RFC 6901). */
export const pointerOf = (path: readonly PropertyKey[]): string =>
  path.map(part => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')

const mostParts = 100

/** What a schema finds wrong with a body, field by field; the first hundred of it. */
export const invalidPartsOf = (schema: z.ZodType, body: JsonObject): readonly InvalidPart[] => {
  const result = schema.safeParse(body)
  return result.success
    ? []
    : result.error.issues
        .slice(0, mostParts)
        .flatMap(issue =>
          issue.code === 'unrecognized_keys'
            ? issue.keys
                .slice(0, mostParts)
                .map(key => ({ pointer: pointerOf([...issue.path, key]), detail: 'is unknown here' }))
            : [{ pointer: pointerOf(issue.path), detail: issue.message }],
        )
}

const schemas = new WeakMap<Resource, z.ZodType>()

/** The known fields of a body that are not what they must be. Unknown fields are welcome. */
export const invalidFields = (resource: Resource, body: JsonObject): readonly InvalidPart[] => {
  const schema = schemas.get(resource) ?? z.looseObject(resource.fields)
  schemas.set(resource, schema)
  return invalidPartsOf(schema, body)
}

/** The fields by which a body says which item it is; what the path says counts. */
const identityFields = (resource: Resource, { owner, id }: Identity): JsonObject =>
  resource.ownerField === undefined || owner === undefined ? { id } : { id, [resource.ownerField]: owner }

/** The fields that must say the same where a body has them; `person` is another name of whose book it is. */
const saidIdentity = (resource: Resource, identity: Identity): JsonObject => ({
  ...identityFields(resource, identity),
  ...(identity.owner === undefined ? {} : { person: identity.owner }),
})

const sameId = (resource: Resource, field: string, said: Json, known: Json): boolean =>
  typeof said === 'string' &&
  (field === 'id' ? resource.parseId(said) === known : parseAccount(said) === known)

/** The fields of a body that contradict the path. In a merge patch a null would remove the id: refused. */
export const contradictions = (
  resource: Resource,
  identity: Identity,
  body: JsonObject,
  isPatch: boolean,
): readonly InvalidPart[] =>
  Object.entries(saidIdentity(resource, identity)).flatMap(([field, known]) => {
    const said = member(body, field)
    if (said === undefined || (said === null && !isPatch) || sameId(resource, field, said ?? null, known))
      return []
    return [{ pointer: `/${field}`, detail: `must be ${String(known)}, as in the path, or be left out` }]
  })

/** The patch without what only repeats which item it is. */
export const patchOf = (resource: Resource, identity: Identity, body: JsonObject): JsonObject =>
  withoutMembers(body, Object.keys(saidIdentity(resource, identity)))

const isSet = (body: JsonObject, key: string): boolean => (member(body, key) ?? null) !== null

/** The whole item that a body describes: as it came, with the ids of the path and `defaults` for what is left out. */
export const itemOf = (
  resource: Resource,
  identity: Identity,
  body: JsonObject,
  defaults: JsonObject = resource.defaults,
): JsonObject =>
  withMembers(body, {
    ...Object.fromEntries(Object.entries(defaults).filter(([key]) => !isSet(body, key))),
    ...(isSet(body, 'person') ? saidIdentity(resource, identity) : identityFields(resource, identity)),
  })

/** A body without nulls where the hub would fill in: the only nulls that mean "left out". */
const filledIn = (resource: Resource, identity: Identity): readonly string[] => [
  ...Object.keys(resource.defaults),
  ...Object.keys(identityFields(resource, identity)),
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

/** Text as filters compare it: NFC, without regard to case, without NUL (which not every engine stores). */
export const folded = (text: string): string =>
  text.normalize('NFC').toLowerCase().toUpperCase().toLowerCase().normalize('NFC').replaceAll('\0', '')

/** The value by which an item is found by a filter; null is never found. */
export const filterValue = (filter: Filter, item: JsonObject): string | bigint | null => {
  for (const field of filter.fields) {
    const value = member(item, field)
    if (filter.kind === 'flag' && typeof value === 'boolean') return BigInt(value)
    if (typeof value !== 'string') continue
    if (filter.vocabulary !== undefined && !filter.vocabulary.includes(value)) return null
    return filter.kind === 'text' ? folded(value) : (parseInstant(value) ?? null)
  }
  return null
}
