import { z } from 'zod'
import * as E from '#fp/Either'
import { resourceOfEvent } from '../domain/catalogue.ts'
import { type Actor, actorShape } from '../domain/event.ts'
import type { JsonObject } from '../domain/json.ts'
import type { Held, Query, Range, ReadModels } from './read-store.ts'
import type { ReadUnavailable } from './read-unavailable.ts'
import { keyOfVersion, versionKey, versionKeys, versions } from './versions.ts'

/**
 * A place in the history: all that the log held up to a position, and with a time (milliseconds since the epoch) only what it
 * held by then. A reader takes the checkpoint of `versions` as the position.
 */
export type Place = NonNullable<Query['validAt']>

/** A revision of a thing: its state, undefined once removed, and the event that made it. */
export interface Version {
  readonly key: string
  readonly event: string
  readonly revision: number
  readonly position: bigint
  /** Of the log at this event, in milliseconds since the epoch. */
  readonly clock: bigint
  readonly recordedAt: string
  readonly occurredAt?: string | undefined
  readonly actor: Actor
  readonly subject?: string | undefined
  readonly requestId: string
  readonly item: JsonObject | undefined
  /** What it was can be read no more: the person it was about is forgotten. */
  readonly erased?: true | undefined
}

const isItem = z.custom<JsonObject>(value => typeof value === 'object' && value !== null)

const shape = z.object({
  event: z.string(),
  revision: z.int(),
  position: z.string().transform(BigInt),
  clock: z.int().transform(BigInt),
  recordedAt: z.string(),
  occurredAt: z.string().optional(),
  actor: actorShape,
  subject: z.string().optional(),
  requestId: z.string(),
  erased: z.literal(true).optional(),
  item: isItem.nullable().transform(item => item ?? undefined),
})

const parseVersion = (key: string, text: string): Version => ({
  key,
  ...shape.parse(JSON.parse(text)),
})

const itemMark = ',"item":'

/** The item as JSON, of the text of a version that holds one. The mark is in no text within it: there, quotes are escaped. */
export const itemTextOf = (versionText: string): string =>
  versionText.slice(versionText.indexOf(itemMark) + itemMark.length, -1)

const upTo = ({ position }: Place): readonly Range[] => [{ field: 'valid_from', until: position + 1n }]

const versionIn = (key: string, held: Held | undefined): Version | undefined =>
  typeof held?.text === 'string' ? parseVersion(key, held.text) : undefined

type Reads = Pick<ReadModels, 'get' | 'find'>

/** A revision of a thing of a kind; undefined where there is none. */
export const versionOf = async (
  reads: Reads,
  kind: string,
  key: string,
  revision: number,
): Promise<E.Either<ReadUnavailable, Version | undefined>> => {
  const versionsKey = versionKey(kind, key, revision)
  const held = await reads.get(versions, versionsKey)
  return E.isLeft(held) ? held : E.right(versionIn(versionsKey, held.right))
}

export interface Page {
  readonly versions: readonly Version[]
  readonly more: boolean
}

const pageOf = async (reads: Reads, query: Query): Promise<E.Either<ReadUnavailable, Page>> => {
  const page = await reads.find(versions, query)
  if (E.isLeft(page)) return page
  const { documents, more } = page.right
  return E.right({ versions: documents.map(({ key, text }) => parseVersion(key, text)), more })
}

const mostBytes = 8 * 1024 * 1024

/** The revisions of a thing before `before`, newest first. */
export const revisionsOf = (
  reads: Reads,
  kind: string,
  key: string,
  place: Place,
  limit: number,
  before?: number,
): Promise<E.Either<ReadUnavailable, Page>> =>
  pageOf(reads, {
    equals: {},
    keys: versionKeys(kind, key, before),
    ranges: upTo(place),
    descending: true,
    limit,
    mostBytes,
  })

/** What the audit can look for. */
export interface AuditFilters {
  readonly actor?: string
  readonly node?: string
  readonly resource?: string
  /** Whom it is about. */
  readonly person?: string
  /** `since` ≤ recordedAt < `until`, in milliseconds since the epoch. */
  readonly since?: bigint
  readonly until?: bigint
}

/** Versions of all kinds, newest first by when they were recorded; the page ends before its texts take more than `mostBytes`. */
export const auditPage = (
  reads: Reads,
  { actor, node, resource, person, since, until }: AuditFilters,
  place: Place,
  { limit, mostBytes }: Pick<Query, 'limit' | 'mostBytes'>,
  after: Query['after'],
): Promise<E.Either<ReadUnavailable, Page>> =>
  pageOf(reads, {
    equals: {
      ...(person === undefined ? {} : { subject: person }),
      ...(node === undefined ? {} : { node }),
      ...(actor === undefined ? {} : { actor }),
      ...(resource === undefined ? {} : { resource }),
    },
    ranges: [
      ...upTo(place),
      {
        field: 'recorded_at',
        ...(since === undefined ? {} : { from: since }),
        ...(until === undefined ? {} : { until }),
      },
    ],
    orderedBy: 'recorded_at',
    descending: true,
    ...(after === undefined ? {} : { after }),
    limit,
    mostBytes,
  })

/** The version before another of the same thing; undefined for a first one. */
export const versionBefore = async (
  reads: Reads,
  kind: string,
  key: string,
  revision: number,
): Promise<E.Either<ReadUnavailable, Version | undefined>> =>
  revision === 0 ? E.right(undefined) : versionOf(reads, kind, key, revision - 1)

const hasBegun = ({ clock, position }: Version, place: Place): boolean =>
  position <= place.position && (place.time === undefined || clock <= place.time)

/**
 * The version of a thing that was valid at a place; undefined before the first. Looks at as many versions as it takes to halve
 * them down to one: clocks and positions rise with revisions.
 */
export const versionAt = async (
  reads: Reads,
  kind: string,
  key: string,
  place: Place,
): Promise<E.Either<ReadUnavailable, Version | undefined>> => {
  const newest = await revisionsOf(reads, kind, key, place, 1)
  if (E.isLeft(newest)) return newest
  const [last] = newest.right.versions
  if (last === undefined || hasBegun(last, place)) return E.right(last)
  let valid: Version | undefined
  let [lowest, highest] = [0, last.revision - 1]
  while (lowest <= highest) {
    const middle = Math.floor((lowest + highest) / 2)
    const version = await versionOf(reads, kind, key, middle)
    if (E.isLeft(version)) return version
    if (version.right !== undefined && hasBegun(version.right, place)) {
      valid = version.right
      lowest = middle + 1
    } else highest = middle - 1
  }
  return E.right(valid)
}

/** An event about somebody, as the history has it, whoever it is. */
export interface EventAbout {
  readonly stream: string
  readonly type: string
  readonly position: bigint
  /** It names a content. */
  readonly holdsContent: boolean
}

/** Every event about a person that the history has. */
export const eventsAbout = async (
  reads: Reads,
  account: string,
): Promise<E.Either<ReadUnavailable, readonly EventAbout[]>> => {
  const events: EventAbout[] = []
  let after: Query['after']
  do {
    const page = await reads.find(versions, {
      equals: { subject: account },
      orderedBy: 'recorded_at',
      descending: false,
      ...(after === undefined ? {} : { after }),
      limit: 1_000,
      mostBytes,
    })
    if (E.isLeft(page)) return page
    for (const { key, text } of page.right.documents) {
      const { event: type, position } = parseVersion(key, text)
      const resource = resourceOfEvent(type)
      if (resource === undefined) continue
      const stream = `${resource.noun}-${keyOfVersion(key)}`
      events.push({ stream, type, position, holdsContent: type === resource.contentFact })
    }
    const last = page.right.documents.at(-1)
    after = page.right.more && last !== undefined ? { value: last.orderedBy, key: last.key } : undefined
  } while (after !== undefined)
  return E.right(events)
}
