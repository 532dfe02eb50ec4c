import type { IncomingHttpHeaders } from 'node:http'
import type { Preconditions } from '../../domain/item.ts'

/** The strong entity tag of a revision (RFC 9110, section 8.8.3). */
export const etagOf = (revision: number): string => `"${revision}"`

/** The revisions that a list of entity tags names; weak and foreign tags name none of ours. */
const revisionsOf = (header: string): '*' | readonly number[] =>
  header.trim() === '*'
    ? '*'
    : header.split(',').flatMap(tag => {
        const digits = /^\s*"(0|[1-9]\d{0,14})"\s*$/.exec(tag)?.[1]
        return digits === undefined ? [] : [Number(digits)]
      })

/** `If-None-Match` compares weakly (RFC 9110, section 13.1.2): a weak tag of ours names its revision. */
const weakly = (header: string): '*' | readonly number[] => revisionsOf(header.replaceAll('W/"', '"'))

export const preconditionsOf = (headers: IncomingHttpHeaders): Preconditions => ({
  ...(headers['if-match'] === undefined ? {} : { ifMatch: revisionsOf(headers['if-match']) }),
  ...(headers['if-none-match'] === undefined ? {} : { ifNoneMatch: weakly(headers['if-none-match']) }),
})

/**
 * Whether a list of entity tags names this one (RFC 9110, section 8.8.3.2): weakly, `W/` before it makes no difference;
 * strongly, it names none.
 */
export const namesTag = (header: string, tag: string, comparison: 'strongly' | 'weakly'): boolean =>
  header.trim() === '*' ||
  (comparison === 'weakly' ? header.replaceAll('W/"', '"') : header)
    .split(',')
    .some(named => named.trim() === tag)

/** Whether a read finds the client's copy current. */
export const isCurrent = (ifNoneMatch: string | undefined, revision: number): boolean => {
  if (ifNoneMatch === undefined) return false
  const named = weakly(ifNoneMatch)
  return named === '*' || named.includes(revision)
}
