import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { z } from 'zod'
import * as E from '#fp/Either'
import type { TaskEither } from '#fp/TaskEither'
import { type Filter, filterTerm } from '../../domain/filter.ts'
import { parseInstant } from '../../domain/instant.ts'
import { people } from '../../domain/people.ts'
import { type InvalidPart, invalid, type Rejection } from '../../domain/rejection.ts'
import { indexedValue } from '../../projections/indexed-value.ts'
import { orderField } from '../../projections/items.ts'
import type { FieldValue, ModelShape, Query, Range } from '../../projections/read-store.ts'
import { type Answer, jsonAnswer } from '../http/answer.ts'
import type { Call } from '../http/call.ts'
import { parametersOf } from '../http/parameters.ts'
import type { Failure } from '../http/problem.ts'
import { personIsThere, type ReadDependencies, readable } from '../http/reading.ts'
import { noSuch } from './item-identity.ts'
import { type Listed, mostItems } from './listed.ts'

const mostBytes = 8 * 1024 * 1024

/** Where a list is, and what all of it has in common before anybody filters. */
export interface Within {
  readonly path: string
  readonly equals: Readonly<Record<string, FieldValue>>
}

const instantRule = 'must be a date, YYYY-MM-DD, or date and time, YYYY-MM-DDTHH:MM:SS'

const ruleOf = ({ kind }: Filter): string => (kind === 'flag' ? 'must be true or false' : instantRule)

const textOrNull = (value: FieldValue): string | null => (typeof value === 'string' ? value : null)

const cursorShape = z.tuple([z.string(), z.string().nullable(), z.string()])

/** A list's cursor: what it belongs to, and the place of the last item given. */
const cursorOf = (list: string, value: string | null, key: string): string =>
  Buffer.from(JSON.stringify([list, value, key])).toString('base64url')

const parseCursor = (list: string, cursor: string): Query['after'] | undefined => {
  const bytes = Buffer.from(cursor, 'base64url')
  if (!isUtf8(bytes)) return undefined
  try {
    const parsed = cursorShape.safeParse(JSON.parse(bytes.toString('utf8')))
    return parsed.success && parsed.data[0] === list
      ? { value: parsed.data[1], key: parsed.data[2] }
      : undefined
  } catch {
    return undefined
  }
}

interface Asked {
  readonly query: Query
  /** Names the list: a cursor of another one is refused. */
  readonly list: string
}

const queryOf = (
  listed: Listed,
  within: Within['equals'],
  parameters: ReadonlyMap<string, string>,
): E.Either<Rejection, Asked> => {
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
  const equals = { ...filtered, ...within }
  const bound = (parameter: 'since' | 'until') => {
    const text = parameters.get(parameter)
    const instant = text === undefined ? undefined : parseInstant(text)
    if (text !== undefined && instant === undefined) errors.push({ parameter, detail: instantRule })
    return instant
  }
  const [from, until] = [bound('since'), bound('until')]
  const order = parameters.get('order') ?? 'asc'
  if (order !== 'asc' && order !== 'desc') errors.push({ parameter: 'order', detail: 'must be asc or desc' })
  const limitText = parameters.get('limit') ?? String(listed.usualLimit)
  const limit = /^[1-9]\d{0,3}$/.test(limitText) ? Number(limitText) : 0
  if (limit < 1 || limit > mostItems)
    errors.push({ parameter: 'limit', detail: `must be a whole number from 1 to ${mostItems}` })

  const list = createHash('sha256')
    .update(JSON.stringify([listed.name, order, from, until, ...Object.entries(equals).map(String).sort()]))
    .digest('base64url')
    .slice(0, 16)
  const cursor = parameters.get('cursor')
  const after = cursor === undefined ? undefined : parseCursor(list, cursor)
  if (cursor !== undefined && after === undefined)
    errors.push({
      parameter: 'cursor',
      detail: 'must be one this very list gave, with the same filters and order',
    })
  if (errors.length > 0) return E.left(invalid(...errors))
  const range = from === undefined && until === undefined ? {} : { ranges: [rangeOf(from, until)] }
  return E.right({
    list,
    query: {
      equals,
      ...range,
      ...(listed.orderedBy === undefined ? {} : { orderedBy: orderField }),
      descending: order === 'desc',
      ...(after === undefined ? {} : { after }),
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

const linkTo = (path: string, parameters: ReadonlyMap<string, string>, cursor: string): string =>
  `<${path}?${new URLSearchParams([...new Map([...parameters, ['cursor', cursor]])])}>; rel="next"`

const asTheyAre = (texts: readonly string[]) => async () => E.right(texts)

/** Answers a collection: an array in order, a page at a time, with a `Link` to the next one. */
export const listItems = (
  dependencies: ReadDependencies,
  call: Call,
  listed: Listed,
  model: ModelShape,
  within: Within,
  shown: (texts: readonly string[]) => TaskEither<Failure, readonly string[]> = asTheyAre,
): TaskEither<Failure, Answer> => {
  const { readModels } = dependencies
  return async () => {
    const parameters = parametersOf(call.request.url, Object.keys(listed.query))
    if (E.isLeft(parameters)) return parameters
    const asked = queryOf(listed, within.equals, parameters.right)
    if (E.isLeft(asked)) return asked
    const may = await readable(dependencies, call, model)
    if (E.isLeft(may)) return may
    const found = await readModels.find(model, asked.right.query)()
    if (E.isLeft(found)) return found
    const { documents, more } = found.right
    const last = documents.at(-1)
    const texts = await shown(documents.map(({ text }) => (listed.many === 'nested' ? `[${text}]` : text)))()
    if (E.isLeft(texts)) return texts
    const next =
      more && last !== undefined
        ? cursorOf(asked.right.list, textOrNull(last.orderedBy), last.key)
        : undefined
    const link = next === undefined ? {} : { Link: linkTo(within.path, parameters.right, next) }
    return E.right(jsonAnswer(200, `[${texts.right.join(',')}]`, link))
  }
}

/** The same of what is a person's. Mistakes of the request itself come before whether there is such a person. */
export const listOfPerson =
  (
    dependencies: ReadDependencies,
    call: Call,
    listed: Listed,
    model: ModelShape,
    within: Within,
    person: string | undefined,
  ): TaskEither<Failure, Answer> =>
  async () => {
    const page = await listItems(dependencies, call, listed, model, within)()
    if (E.isLeft(page)) return page
    if (person === undefined) return E.left(noSuch(people))
    const there = await personIsThere(dependencies, person)
    return E.isLeft(there) ? there : page
  }
