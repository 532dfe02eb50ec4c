import * as E from '#fp/Either'
import { feedEventTypes, versionedEventTypes } from '../../domain/catalogue.ts'
import { type Instant, parseInstant, timeRule } from '../../domain/instant.ts'
import { type HubAccess, type HubOptions, hubAccessOf } from '../hub/access.ts'

/** The options of `replay` as they were written. */
export interface ReplayOptions extends HubOptions {
  readonly after?: string
  readonly to?: string
  readonly types?: string
  readonly since?: string
  readonly until?: string
  readonly stream?: string
  readonly format?: string
  readonly out?: string
  readonly reduce?: string
}

const formats = ['ndjson', 'csv'] as const
export type Format = (typeof formats)[number]

/** Which events: all those about things, or fewer. */
export interface EventFilter {
  /** None: every type. */
  readonly types: readonly string[] | undefined
  /** `since` ≤ recordedAt < `until`. */
  readonly since: Instant | undefined
  readonly until: Instant | undefined
  readonly stream: string | undefined
}

export interface ReplayRequest {
  /** Positions as clients hold them: what comes after the first, up to the second inclusive. */
  readonly after: string | undefined
  readonly to: string | undefined
  readonly filter: EventFilter
  readonly result:
    | { readonly is: 'history'; readonly format: Format; readonly out: string | undefined }
    | { readonly is: 'fold'; readonly file: string }
  /** The hub that is asked; none: the store itself is read. */
  readonly hub: HubAccess | undefined
}

const typesIn = (list: string): readonly string[] => [
  ...new Set(
    list
      .split(',')
      .map(type => type.trim())
      .filter(type => type !== ''),
  ),
]

const isFormat = (text: string): text is Format => formats.some(format => format === text)

/** Reads the options; gives everything that is wrong with them, but for positions, which only a log can tell. */
export const replayRequestOf = (
  options: ReplayOptions,
  environment: Readonly<Record<string, string | undefined>>,
): E.Either<readonly string[], ReplayRequest> => {
  const problems: string[] = []
  const instantOf = (option: 'since' | 'until'): Instant | undefined => {
    const text = options[option]
    const instant = text === undefined ? undefined : parseInstant(text)
    if (text !== undefined && instant === undefined) problems.push(`--${option}: ${timeRule}`)
    return instant
  }
  const [since, until] = [instantOf('since'), instantOf('until')]
  if (since !== undefined && until !== undefined && until < since)
    problems.push('--until: must not be before --since')

  const types = options.types === undefined ? undefined : typesIn(options.types)
  const present = options.url === undefined ? versionedEventTypes : feedEventTypes
  const unknown = types?.filter(type => !present.includes(type)) ?? []
  if (types?.length === 0 || unknown.length > 0) {
    const named = unknown.length === 0 ? 'names no type' : `there is no type ${unknown.join(', ')}`
    const where = options.url === undefined ? 'there are' : 'the feed of a hub has'
    problems.push(`--types: ${named}; ${where}: ${present.join(', ')}`)
  }
  if (options.stream === '') problems.push('--stream: must name a stream, such as person-ESPGNU777ORG')

  const format = options.format ?? 'ndjson'
  if (!isFormat(format)) problems.push(`--format: must be one of ${formats.join(', ')}`)
  if (options.out === '') problems.push('--out: must name a file')
  if (options.reduce !== undefined && (options.format !== undefined || options.out !== undefined))
    problems.push('--reduce: prints the result of the fold as JSON, and takes neither --format nor --out')

  const hub = hubAccessOf(options, environment)
  if (E.isLeft(hub)) problems.push(...hub.left)
  if (E.isLeft(hub) || !isFormat(format) || problems.length > 0) return E.left(problems)
  return E.right({
    after: options.after,
    to: options.to,
    filter: { types, since, until, stream: options.stream },
    result:
      options.reduce === undefined
        ? { is: 'history', format, out: options.out }
        : { is: 'fold', file: options.reduce },
    hub: hub.right,
  })
}
