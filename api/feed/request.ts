import { eventTypesOf, feedEventTypes, resourceNames } from '../../domain/catalogue.ts'
import type { InvalidPart } from '../../domain/rejection.ts'
import type { Parameters } from '../description/operation.ts'
import { limitOf, limitParameter, waitParameter, waitSecondsOf } from '../http/page-limit.ts'

export const feedQuery: Parameters = {
  after: {
    type: 'string',
    description:
      'What comes after this position: `next` of a page, the id of an event of the stream, or a Thalamus-Position. Without it, from the start.',
  },
  limit: limitParameter(
    'Events of a page at most; it also ends at 8 MiB, and after two seconds of looking. The feed is at its end where `next` is `after`. NDJSON and the event stream have no pages.',
  ),
  types: {
    type: 'string',
    description: `Only events of these types, comma-separated: ${feedEventTypes.join(', ')}.`,
  },
  resources: {
    type: 'string',
    description: `Only events of these resources, comma-separated: ${resourceNames.join(', ')}.`,
  },
  wait: waitParameter(
    'Seconds that an empty page waits for an event. NDJSON and the event stream do not look at it.',
  ),
}

export interface FeedRequest {
  readonly after: string | undefined
  readonly limit: number
  readonly waitSeconds: number
  /** The types of events that are asked for. */
  readonly types: readonly string[]
  /** The resources that are asked for by name. */
  readonly resources: readonly string[]
}

const listIn = (text: string | undefined): readonly string[] | undefined =>
  text?.split(',').map(item => item.trim())

const unknownIn = (
  parameter: string,
  items: readonly string[] | undefined,
  all: readonly string[],
): readonly InvalidPart[] => {
  const unknown = items?.filter(item => !all.includes(item)) ?? []
  return unknown.length === 0
    ? []
    : [{ parameter, detail: `must name some of ${all.join(', ')}, separated by commas` }]
}

/** Reads the parameters of the feed, but for the position; gives everything that is wrong with them. */
export const feedRequestOf = (
  parameters: ReadonlyMap<string, string>,
): FeedRequest | { readonly errors: readonly InvalidPart[] } => {
  const limit = limitOf(parameters)
  const seconds = waitSecondsOf(parameters)
  const types = listIn(parameters.get('types'))
  const resources = listIn(parameters.get('resources'))
  const errors = [
    ...(typeof limit === 'number' ? [] : [limit]),
    ...(typeof seconds === 'number' ? [] : [seconds]),
    ...unknownIn('types', types, feedEventTypes),
    ...unknownIn('resources', resources, resourceNames),
  ]
  if (typeof limit !== 'number' || typeof seconds !== 'number' || errors.length > 0) return { errors }
  const ofResources = resources === undefined ? feedEventTypes : eventTypesOf(resources)
  return {
    after: parameters.get('after'),
    limit,
    waitSeconds: seconds,
    types: types === undefined ? ofResources : ofResources.filter(type => types.includes(type)),
    resources: resources ?? [],
  }
}
