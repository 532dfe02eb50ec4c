import * as E from '#fp/Either'
import { type InvalidPart, invalid, type Rejection } from '../domain/rejection.ts'

/** What stands behind the first question mark. */
export const queryIn = (url: string): URLSearchParams => {
  const start = url.indexOf('?')
  return new URLSearchParams(start < 0 ? '' : url.slice(start + 1))
}

/** The query's parameters; one that is unknown, or given twice, is refused: a typo must not widen a list. */
export const parametersOf = (
  url: string,
  known: readonly string[],
): E.Either<Rejection, ReadonlyMap<string, string>> => {
  const found = new Map<string, string>()
  if (!url.includes('?')) return E.right(found)
  const errors: InvalidPart[] = []
  for (const [parameter, value] of queryIn(url)) {
    if (!known.includes(parameter))
      errors.push({
        parameter,
        detail:
          known.length === 0 ? 'is unknown: none is taken here' : `is unknown; known are ${known.join(', ')}`,
      })
    else if (found.has(parameter)) errors.push({ parameter, detail: 'is given more than once' })
    found.set(parameter, value)
  }
  return errors.length === 0 ? E.right(found) : E.left(invalid(...errors))
}
