import { z } from 'zod'
import { accessEvents, accessEventTypes, evolveAccess } from './accesses.ts'
import { domiciliaryUnits } from './domiciliary-units.ts'
import { encounters } from './encounters.ts'
import { erasureEvents } from './erasure.ts'
import type { DomainEvent } from './event.ts'
import { hubEvents } from './hub-events.ts'
import { institutions } from './institutions.ts'
import type { JsonObject } from './json.ts'
import { lifeEvents } from './life-events.ts'
import { messageEvents } from './message-shapes.ts'
import { evolveNode, isNodeEvent, nodeEvents, nodeEventTypes, shownNode } from './nodes.ts'
import { pages } from './pages.ts'
import { people } from './people.ts'
import { personalDocuments } from './personal-documents.ts'
import { evolveItem, type Resource } from './resource.ts'
import {
  evolveSubscription,
  isSubscriptionEvent,
  subscriptionEvents,
  subscriptionEventTypes,
} from './subscriptions.ts'

/** Every resource of the federation. Adding one is a file and a line here. */
export const catalogue: readonly Resource[] = [
  people,
  pages,
  domiciliaryUnits,
  institutions,
  encounters,
  lifeEvents,
  personalDocuments,
]

/** The types of the events that the feed holds: those about items of the resources. */
export const feedEventTypes: readonly string[] = catalogue.flatMap(({ eventTypes }) => eventTypes)

export const resourceNames: readonly string[] = catalogue.map(({ name }) => name)

/** The types of the events of these resources. */
export const eventTypesOf = (resources: readonly string[]): readonly string[] =>
  catalogue.filter(({ name }) => resources.includes(name)).flatMap(({ eventTypes }) => eventTypes)

const whole = z.object({ id: z.string() })
const part = z.object({})

const shapesOf = ({ events, facts }: Resource): [string, z.ZodType][] => [
  [events.created, whole],
  [events.replaced, whole],
  [events.changed, part],
  [events.removed, part],
  ...(events.erased === undefined
    ? []
    : [[events.erased, erasureEvents.PersonErased] as [string, z.ZodType]]),
  ...Object.entries(facts).map(([type, fact]): [string, z.ZodType] => [type, fact.data]),
]

/** The data of every event type this release can read. */
export const eventShapes: ReadonlyMap<string, z.ZodType> = new Map([
  ...catalogue.flatMap(shapesOf),
  ...Object.entries(nodeEvents),
  ...Object.entries(accessEvents),
  ...Object.entries(messageEvents),
  ...Object.entries(subscriptionEvents),
  ...Object.entries(hubEvents),
])

const owners: ReadonlyMap<string, Resource> = new Map(
  catalogue.flatMap(resource => resource.eventTypes.map((type): [string, Resource] => [type, resource])),
)

/** The resource whose items an event of this type is about; none for the hub's own. */
export const resourceOfEvent = (type: string): Resource | undefined => owners.get(type)

/** The version of an event type's shape; an event with a higher one is from a newer release. */
export const schemaVersionOf = (type: string): number => owners.get(type)?.schemaVersions[type] ?? 1

/** A kind of thing whose every revision is kept: the resources, nodes, and accesses that are audited. */
export interface Kind {
  readonly name: string
  /** The id of a thing, of its key: as in the path after the collection. */
  readonly idInPath: (key: string) => string
  /** What of its state is shown. */
  readonly shown: (item: JsonObject) => JsonObject
  readonly evolve: (item: JsonObject | undefined, event: DomainEvent) => JsonObject | undefined
}

const nodes: Kind = {
  name: 'nodes',
  idInPath: key => key,
  shown: shownNode,
  evolve: (item, event) => (isNodeEvent(event) ? evolveNode(item, event) : item),
}

const subscriptions: Kind = {
  name: 'subscriptions',
  idInPath: key => key,
  shown: item => item,
  evolve: (item, event) => (isSubscriptionEvent(event) ? evolveSubscription(item, event) : item),
}

const accesses: Kind = { name: 'accesses', idInPath: key => key, shown: item => item, evolve: evolveAccess }

const kinds: ReadonlyMap<string, Kind> = new Map([
  ...catalogue.flatMap(resource => {
    const kind: Kind = {
      name: resource.name,
      idInPath: key => (resource.ownerField === undefined ? key : key.replace(':', '/')),
      shown: item => item,
      evolve: (item, event) => evolveItem(resource, item, event),
    }
    return resource.eventTypes.map((type): [string, Kind] => [type, kind])
  }),
  ...nodeEventTypes.map((type): [string, Kind] => [type, nodes]),
  ...subscriptionEventTypes.map((type): [string, Kind] => [type, subscriptions]),
  ...accessEventTypes.map((type): [string, Kind] => [type, accesses]),
])

export const kindNames: readonly string[] = [...new Set([...kinds.values()].map(({ name }) => name))]

/** The types of the events of all kinds: every event but the hub's own. */
export const versionedEventTypes: readonly string[] = [...kinds.keys()]

/** The kind of thing that an event of this type is about; none for the hub's own. */
export const kindOfEvent = (type: string): Kind | undefined => kinds.get(type)
