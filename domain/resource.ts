import { z } from 'zod'
import { contentField, contentShape } from './content.ts'
import type { DomainEvent } from './event.ts'
import { object } from './fields.ts'
import type { Filter } from './filter.ts'
import { parseItemId } from './identifiers.ts'
import type { ItemRules } from './item.ts'
import { type JsonObject, patched, withMembers } from './json.ts'
import type { InvalidPart } from './rejection.ts'

/**
 * Everything the hub knows about one kind of record; deciders, read models and routes come from it. `Type` is the union of
 * the types of its events.
 */
export interface Resource<Type extends string = string> {
  /** The collection's name in paths, scopes and the history. */
  readonly name: string
  /** What it is, in a sentence or two for those who use it. */
  readonly about: string
  /** One as a client sends it, and a change to it. */
  readonly examples: { readonly item: JsonObject & { readonly id: string }; readonly change: JsonObject }
  /** What one of it is called in sentences, and how its streams' names begin: one word. */
  readonly noun: string
  readonly parseId: (text: string) => string | undefined
  readonly idRule: string
  /** The hub makes an id where a creator brings none. */
  readonly makesIds: boolean
  /** Items live in a person's book: the path names the person, the item says it in this field. */
  readonly ownerField?: string
  /** The field that names the person an item is about; it never changes. Without one items are nobody's. */
  readonly subjectField?: 'id' | 'book' | 'person'
  readonly fields: z.ZodRawShape
  /** Fields that every item has. */
  readonly required: readonly string[]
  /** Fields that name an item of another resource: it must be there when a body names it anew. */
  readonly references: Readonly<Record<string, Resource>>
  /** A field that changes only along these moves, each a fact of its own. Left out of a PUT it stays as it is. */
  readonly lifecycle?: Lifecycle
  /** The fact that gives an item its content: bytes that are kept elsewhere. Without one, items have none. */
  readonly contentFact?: string
  /** Two dates of which the second is not before the first. */
  readonly span?: readonly [start: string, end: string]
  /** What the hub fills in when a creator leaves it out. */
  readonly defaults: JsonObject
  /** A field of a body that is never part of the item: it goes to auth's own store. */
  readonly secretField?: string
  readonly events: {
    readonly created: string
    readonly changed: string
    readonly replaced: string
    readonly removed: string
    /** The person that the item is, and all that is about them, is forgotten. */
    readonly erased?: string
  }
  /** The types of all events of such a stream: those above, its facts, its lifecycle's moves, and its content's fact. */
  readonly eventTypes: readonly Type[]
  /** The versions of event types whose shape has changed: 1 where none is named. Older shapes are read for ever. */
  readonly schemaVersions: Readonly<Record<string, number>>
  /** Further facts of such a stream: the shape of their data, and what they make of the item. */
  readonly facts: Readonly<Record<string, Fact>>
  /** Rules that these items have beside those of all resources: wraps the usual ones. Without it there are none. */
  readonly rules?: (resource: Resource, usual: ItemRules) => ItemRules
  /** Why an item cannot be removed as it is; undefined when it can. Without it every item can. */
  readonly notRemovable?: (item: JsonObject) => string | undefined
  /** What lists are filtered by: what finds the fewest items first. */
  readonly filters: Readonly<Record<string, Filter>>
  /** Raised with every change of what its read model stores, such as its filters: that model alone is built anew. */
  readonly readModelVersion: number
  /** What role files call the collection and the item. */
  readonly endpoints: { readonly collection: string; readonly item: string }
  /** The date that orders a list (an item without it: when the hub first recorded it); without one, the id does. */
  readonly orderedBy?: string
}

export interface Fact {
  readonly data: z.ZodType
  readonly apply: (item: JsonObject, data: JsonObject) => JsonObject
}

/** From each word the words it may change to, and the fact that each such change is. */
export interface Lifecycle {
  readonly field: string
  readonly moves: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** What is so of a resource that does not say otherwise. */
const usual = {
  parseId: parseItemId,
  idRule: '1 to 128 of A–Z a–z 0–9 . _ ~ : -',
  makesIds: false,
  required: [],
  references: {},
  defaults: {},
  schemaVersions: {},
  facts: {},
  filters: {},
  readModelVersion: 1,
} satisfies Partial<Resource>

/** A move's fact holds the patch it came with. */
const factsOf = ({ moves }: Lifecycle): Resource['facts'] =>
  Object.fromEntries(
    Object.values(moves)
      .flatMap(Object.values<string>)
      .map(type => [type, { data: z.object({}), apply: patched }]),
  )

const contentFactOf = (type: string): Resource['facts'] => ({
  [type]: {
    data: contentShape,
    apply: (item, content) => withMembers(item, { [contentField]: content }),
  },
})

type Declaration = Omit<Resource, keyof typeof usual | 'eventTypes'> &
  Partial<Pick<Resource, keyof typeof usual>>

type ValuesOf<Member> = Member[keyof Member]
type MovesOf<Declared> = Declared extends { readonly lifecycle: { readonly moves: infer Moves } }
  ? { [From in keyof Moves]: ValuesOf<Moves[From]> }[keyof Moves]
  : never
/** The types of events that a declaration names. */
type EventTypeOf<Declared extends Declaration> = (
  | ValuesOf<Declared['events']>
  | (Declared extends { readonly facts: infer Facts } ? keyof Facts : never)
  | (Declared extends { readonly contentFact: infer Fact } ? Fact : never)
  | MovesOf<Declared>
) &
  string

/** A resource as declared, with what is usual. */
export const resource = <const Declared extends Declaration>(
  declared: Declared,
): Resource<EventTypeOf<Declared>> => {
  const facts = {
    ...declared.facts,
    ...(declared.lifecycle === undefined ? {} : factsOf(declared.lifecycle)),
    ...(declared.contentFact === undefined ? {} : contentFactOf(declared.contentFact)),
  }
  return {
    ...usual,
    ...declared,
    fields: { ...declared.fields, creation_info: object, modification_info: object },
    // The type above is what these names come to.
    eventTypes: [...Object.values(declared.events), ...Object.keys(facts)] as EventTypeOf<Declared>[],
    facts,
  }
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

/** What a fact makes of an item: the item after it, or undefined once removed or erased. */
export const evolveItem = (
  resource: Resource,
  item: JsonObject | undefined,
  { type, data, erased }: DomainEvent,
): JsonObject | undefined => {
  const { created, changed, replaced, removed } = resource.events
  if (erased === true || type === resource.events.erased) return undefined
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
