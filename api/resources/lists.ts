import * as E from '#fp/Either'
import { type Filter, filterTerm } from '../../domain/filter.ts'
import { parseInstant } from '../../domain/instant.ts'
import { people } from '../../domain/people.ts'
import { formatPosition } from '../../domain/position.ts'
import { type InvalidPart, invalid, type Rejection } from '../../domain/rejection.ts'
import { indexedValue } from '../../projections/indexed-value.ts'
import { orderField } from '../../projections/items.ts'
import { itemTextOf } from '../../projections/past.ts'
import type { FieldValue, ModelShape, Query, Range } from '../../projections/read-store.ts'
import { filterText, versions } from '../../projections/versions.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { personWasThere } from '../history/past-item.ts'
import { asOfProblem, mementoHeaders, parseTime, placeAsOf, placeOfCursor } from '../history/place.ts'
import { type Answer, jsonAnswer } from '../http/answer.ts'
import type { Call } from '../http/call.ts'
import { badCursor, type CursorPlace, cursorOf, linkTo, listNameOf, parseCursor } from '../http/cursor.ts'
import { limitOf } from '../http/page-limit.ts'
import { parametersOf } from '../http/parameters.ts'
import type { Failure } from '../http/problem.ts'
import { personIsThere, type ReadDependencies, readable } from '../http/reading.ts'
import { noSuch } from './item-identity.ts'
import type { Listed } from './listed.ts'

const mostBytes = 8 * 1024 * 1024

/** Where a list is, and what all of it has in common before anybody filters. */
export interface Collection {
  readonly path: string
  /** Whose list it is, where it is somebody's: there must be such a person. Null where no account can be called so. */
  readonly person?: string | null
  readonly equals: Readonly<Record<string, FieldValue>>
}

const instantRule = 'must be a date, YYYY-MM-DD, or date and time, YYYY-MM-DDTHH:MM:SS'

const ruleOf = ({ kind }: Filter): string => (kind === 'flag' ? 'must be true or false' : instantRule)

const textOrNull = (value: FieldValue): string | null => (typeof value === 'string' ? value : null)

type ListDependencies = ReadDependencies & Pick<ApiDependencies, 'logIdentity' | 'readItem'>

interface ListRequest {
  readonly query: Query
  /** Names the list: a cursor of another one is refused. */
  readonly list: string
  /** In milliseconds since the epoch. */
  readonly asOf?: bigint
  readonly cursor?: CursorPlace
}

const queryOf = (
  listed: Listed,
  common: Collection['equals'],
  parameters: ReadonlyMap<string, string>,
): E.Either<Rejection, ListRequest> => {
  const errors: InvalidPart[] = []
  const filtered: Record<string, FieldValue> = {}
  for (const [parameter, filter] of Object.entries(listed.filters)) {
    const text = parameters.get(parameter)
    if (text === undefined) continue
    const value = filterTerm(filter, text)
    if (value === undefined) errors.push({ parameter, detail: ruleOf(filter) })
    else filtered[parameter] = indexedValue(value)
  }
  // Nobody filters their way out of what the list is within.
  const equals = { ...filtered, ...common }
  const bound = (parameter: 'since' | 'until') => {
    const text = parameters.get(parameter)
    const instant = text === undefined ? undefined : parseInstant(text)
    if (text !== undefined && instant === undefined) errors.push({ parameter, detail: instantRule })
    return instant
  }
  const [from, until] = [bound('since'), bound('until')]
  const order = parameters.get('order') ?? 'asc'
  if (order !== 'asc' && order !== 'desc') errors.push({ parameter: 'order', detail: 'must be asc or desc' })
  const limit = limitOf(parameters, listed.usualLimit)
  if (typeof limit !== 'number') errors.push(limit)

  const asOfText = parameters.get('asOf')
  const asOf = asOfText === undefined ? undefined : parseTime(asOfText)
  if (asOfText !== undefined && asOf === undefined) errors.push(asOfProblem)

  const list = listNameOf(
    listed.name,
    order,
    from,
    until,
    asOfText,
    ...Object.entries(equals).map(String).sort(),
  )
  const cursorText = parameters.get('cursor')
  const cursor = cursorText === undefined ? undefined : parseCursor(list, cursorText)
  if (
    cursorText !== undefined &&
    (cursor === undefined || (asOf === undefined) !== (cursor.position === undefined))
  )
    errors.push(badCursor)
  if (typeof limit !== 'number' || errors.length > 0) return E.left(invalid(...errors))
  const range = from === undefined && until === undefined ? {} : { ranges: [rangeOf(from, until)] }
  return E.right({
    list,
    ...(asOf === undefined ? {} : { asOf }),
    ...(cursor === undefined ? {} : { cursor }),
    query: {
      equals,
      ...range,
      ...(listed.orderedBy === undefined ? {} : { orderedBy: orderField }),
      descending: order === 'desc',
      ...(cursor === undefined ? {} : { after: { value: cursor.value, key: cursor.key } }),
      limit,
      mostBytes,
    },
  })
}

const rangeOf = (from: string | undefined, until: string | undefined): Range => ({
  field: orderField,
  ...(from === undefined ? {} : { from }),
  ...(until === undefined ? {} : { until }),
})

const asTheyAre = async (texts: readonly string[]) => E.right(texts)

/** What a list is read from: the read model of its items, or what versions held at a place of the history. */
interface ListSource {
  readonly model: ModelShape
  readonly query: Query
  readonly textOf: (documentText: string) => string
  readonly headers: Readonly<Record<string, string>>
  /** Whether there is such a person, or was at that place: 404 or 410 where not. */
  readonly hasPerson: (person: string) => Promise<E.Either<Failure, void>>
  /** Where in the log all pages of the list look, as clients hold it. */
  readonly position?: string
}

const pastSource = async (
  dependencies: ListDependencies,
  call: Call,
  { filterFields }: Listed,
  { path, equals }: Collection,
  { query, asOf = 0n, cursor }: ListRequest,
): Promise<E.Either<Failure, ListSource>> => {
  const placed =
    cursor?.position === undefined
      ? await placeAsOf(dependencies, call, asOf)
      : await placeOfCursor(dependencies, cursor.position, asOf)
  if (E.isLeft(placed)) return placed
  const place = placed.right
  if (place === undefined) return E.left(invalid(badCursor))
  const filtered = Object.entries({ ...query.equals, ...equals }).flatMap(([name, value]) => {
    const field = filterFields?.get(name)
    return field === undefined ? [] : [[field, filterText(value)] as const]
  })
  return E.right({
    model: versions,
    query: {
      ...query,
      // Versions name a list as its path does.
      equals: { list: path.slice(1), ...Object.fromEntries(filtered) },
      orderedBy: orderField,
      validAt: place,
    },
    textOf: itemTextOf,
    headers: mementoHeaders(asOf),
    hasPerson: person => personWasThere(dependencies, person, place),
    position: formatPosition(dependencies.logIdentity, place.position),
  })
}

const sourceOf = async (
  dependencies: ListDependencies,
  call: Call,
  listed: Listed,
  model: ModelShape,
  collection: Collection,
  listRequest: ListRequest,
): Promise<E.Either<Failure, ListSource>> => {
  if (listRequest.asOf !== undefined) return pastSource(dependencies, call, listed, collection, listRequest)
  const isReadable = await readable(dependencies, call, model)
  if (E.isLeft(isReadable)) return isReadable
  return E.right({
    model,
    query: listRequest.query,
    textOf: text => text,
    headers: {},
    hasPerson: person => personIsThere(dependencies, person),
  })
}

/**
 * Answers a collection: an array in order, a page at a time, with a `Link` to the next one. Mistakes of the request itself come
 * before whether there is the person whose list it is.
 */
export const listItems = async (
  dependencies: ListDependencies,
  call: Call,
  listed: Listed,
  model: ModelShape,
  collection: Collection,
  shown: (texts: readonly string[]) => Promise<E.Either<Failure, readonly string[]>> = asTheyAre,
): Promise<E.Either<Failure, Answer>> => {
  const { readModels } = dependencies
  const parameters = parametersOf(call.request.url, Object.keys(listed.query))
  if (E.isLeft(parameters)) return parameters
  const listRequest = queryOf(listed, collection.equals, parameters.right)
  if (E.isLeft(listRequest)) return listRequest
  const source = await sourceOf(dependencies, call, listed, model, collection, listRequest.right)
  if (E.isLeft(source)) return source
  const { query, headers, position, textOf, hasPerson } = source.right
  const { person } = collection
  if (person !== undefined) {
    const presence = person === null ? E.left(noSuch(people)) : await hasPerson(person)
    if (E.isLeft(presence)) return presence
  }
  const page = await readModels.find(source.right.model, query)
  if (E.isLeft(page)) return page
  const { documents, more } = page.right
  const last = documents.at(-1)
  const itemTexts = documents.map(({ text }) => textOf(text))
  const texts = await shown(itemTexts.map(text => (listed.many === 'nested' ? `[${text}]` : text)))
  if (E.isLeft(texts)) return texts
  const next =
    more && last !== undefined
      ? cursorOf(listRequest.right.list, {
          value: textOrNull(last.orderedBy),
          key: last.key,
          ...(position === undefined ? {} : { position }),
        })
      : undefined
  const link = next === undefined ? {} : { Link: linkTo(collection.path, parameters.right, next) }
  return E.right(jsonAnswer(200, `[${texts.right.join(',')}]`, { ...headers, ...link }))
}
