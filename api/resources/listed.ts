import type { Filter } from '../../domain/filter.ts'
import { instantPattern, mostCharacters } from '../../domain/instant.ts'
import type { Resource } from '../../domain/resource.ts'
import { filterFieldsOf } from '../../projections/versions.ts'
import type { ApiDependencies } from '../dependencies.ts'
import type { JsonSchema, Parameters } from '../description/operation.ts'
import { mostLimit, pageQuery, usualLimit } from '../http/page-limit.ts'

/** The lists that the original answers as arrays of one-element arrays. */
const originalLists = ['people', 'pols']

const instant = { type: 'string', pattern: instantPattern, maxLength: mostCharacters }

type Source = Pick<Resource, 'name' | 'filters' | 'orderedBy'>

/** How long ago a read may look: what an item or a list was. */
export const asOfQuery: Parameters = {
  asOf: {
    ...instant,
    description:
      'As the hub knew it at this time (RFC 3339; without a zone UTC). It needs the right to the history instead of the right to read.',
  },
}

/** What a list is of, how it is filtered and ordered, and how many it gives. */
export interface Listed extends Source {
  /** Every parameter it takes. */
  readonly query: Parameters
  readonly usualLimit: number
  /** Of a list that can be read as of a time: the fields of versions that its filters look at. */
  readonly filterFields?: ReadonlyMap<string, string>
  /** Whether each item is in an array of its own. */
  readonly many: 'flat' | 'nested'
}

const filterSchema = ({ kind, fields, vocabulary }: Filter): JsonSchema => {
  const of = `Finds by ${fields.join(', else ')}`
  switch (kind) {
    case 'text':
      return {
        type: 'string',
        description: `${of}, without regard to case.${vocabulary === undefined ? '' : ` Known words: ${vocabulary.join(', ')}.`}`,
      }
    case 'name':
      return {
        type: 'string',
        description: `${of}, without regard to case, to diacritics, and to the amount of white space.`,
      }
    case 'day':
      return {
        ...instant,
        description: `${of}, a day of the calendar: the first ten characters are compared, whatever time and zone follow.`,
      }
    case 'flag':
      return { type: 'boolean', description: `${of}.` }
  }
}

const queryTaken = ({ filters, orderedBy }: Source, usual: number): Parameters => ({
  ...pageQuery(usual),
  order: {
    type: 'string',
    enum: ['asc', 'desc'],
    default: 'asc',
    description:
      orderedBy === undefined
        ? 'By id.'
        : `By ${orderedBy}, then id. A day counts as 00:00 UTC; without a date, when the hub first recorded it does.`,
  },
  ...Object.fromEntries(Object.entries(filters).map(([name, filter]) => [name, filterSchema(filter)])),
  ...(orderedBy === undefined
    ? {}
    : {
        since: { ...instant, description: `From this ${orderedBy} on; a day counts as 00:00 UTC.` },
        until: { ...instant, description: `Before this ${orderedBy}; a day counts as 00:00 UTC.` },
      }),
})

/** A list, as this hub gives it. */
export const listedOf = (
  { name, filters, orderedBy }: Source,
  { legacyLists }: Pick<ApiDependencies, 'legacyLists'>,
): Listed => {
  const source = { name, filters, ...(orderedBy === undefined ? {} : { orderedBy }) }
  const isLegacy = legacyLists && originalLists.includes(name)
  const usual = isLegacy ? mostLimit : usualLimit
  return {
    ...source,
    query: queryTaken(source, usual),
    usualLimit: usual,
    many: isLegacy ? 'nested' : 'flat',
  }
}

/** The list of a resource, which can be read as of a time, too. */
export const listedWithPast = (
  resource: Resource,
  dependencies: Pick<ApiDependencies, 'legacyLists'>,
): Listed => {
  const listed = listedOf(resource, dependencies)
  return { ...listed, query: { ...listed.query, ...asOfQuery }, filterFields: filterFieldsOf(resource) }
}
