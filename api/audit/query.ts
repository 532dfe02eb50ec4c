import * as E from '#fp/Either'
import { kindNames } from '../../domain/catalogue.ts'
import { parseAccount } from '../../domain/identifiers.ts'
import { timeRule } from '../../domain/instant.ts'
import { type InvalidPart, invalid, type Rejection } from '../../domain/rejection.ts'
import type { AuditFilters } from '../../projections/past.ts'
import type { Parameters } from '../description/operation.ts'
import { parseTime } from '../history/place.ts'
import { badCursor, type CursorPlace, listNameOf, parseCursor } from '../http/cursor.ts'
import { limitOf, pageQuery } from '../http/page-limit.ts'

const time = { type: 'string', description: `A time of recordedAt: ${timeRule}.` }

const page = pageQuery()

export const auditQuery: Parameters = {
  ...page,
  limit: { ...page.limit, description: `${page.limit.description} NDJSON and CSV have no pages.` },
  actor: {
    type: 'string',
    description:
      'Who did it, as entries show it: a federation account in upper case, a node, or an operator.',
  },
  node: { type: 'string', description: 'The node by which it was done.' },
  resource: { type: 'string', enum: kindNames, description: 'What kind of thing it was done to.' },
  person: { type: 'string', description: 'Whom it is about, a federation account.' },
  since: { ...time, description: `${time.description} From it on.` },
  until: { ...time, description: `${time.description} Before it.` },
}

/** What an audit asks for. */
export interface AuditRequest {
  readonly filters: AuditFilters
  /** The filters as the client wrote them. */
  readonly parameters: Readonly<Record<string, string>>
  readonly limit: number
  /** Names the list: a cursor of another one is refused. */
  readonly list: string
  readonly cursor?: CursorPlace
}

/** Reads the parameters of an audit; gives everything that is wrong with them. */
export const auditRequestOf = (
  parameters: ReadonlyMap<string, string>,
): E.Either<Rejection, AuditRequest> => {
  const errors: InvalidPart[] = []
  const timeAt = (parameter: 'since' | 'until'): bigint | undefined => {
    const text = parameters.get(parameter)
    const milliseconds = text === undefined ? undefined : parseTime(text)
    if (text !== undefined && milliseconds === undefined) errors.push({ parameter, detail: timeRule })
    return milliseconds
  }
  const [since, until] = [timeAt('since'), timeAt('until')]
  if (since !== undefined && until !== undefined && until < since)
    errors.push({ parameter: 'until', detail: 'must not be before since' })
  const resource = parameters.get('resource')
  if (resource !== undefined && !kindNames.includes(resource))
    errors.push({ parameter: 'resource', detail: `must be one of ${kindNames.join(', ')}` })
  const personText = parameters.get('person')
  const person = personText === undefined ? undefined : parseAccount(personText)
  if (personText !== undefined && person === undefined)
    errors.push({ parameter: 'person', detail: 'must be a federation account' })
  const limit = limitOf(parameters)
  if (typeof limit !== 'number') errors.push(limit)

  const { limit: _limit, cursor: cursorText, ...written } = Object.fromEntries(parameters)
  const list = listNameOf('audit', ...Object.entries(written).map(String).sort())
  const cursor = cursorText === undefined ? undefined : parseCursor(list, cursorText)
  const isPlaced = cursor?.position !== undefined && /^-?\d{1,18}$/.test(cursor.value ?? '')
  if (cursorText !== undefined && !isPlaced) errors.push(badCursor)
  if (typeof limit !== 'number' || errors.length > 0) return E.left(invalid(...errors))

  const [actor, node] = [parameters.get('actor'), parameters.get('node')]
  return E.right({
    filters: {
      ...(actor === undefined ? {} : { actor }),
      ...(node === undefined ? {} : { node }),
      ...(resource === undefined ? {} : { resource }),
      ...(person === undefined ? {} : { person }),
      ...(since === undefined ? {} : { since }),
      ...(until === undefined ? {} : { until }),
    },
    parameters: written,
    limit,
    list,
    ...(cursor === undefined ? {} : { cursor }),
  })
}
