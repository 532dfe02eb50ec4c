import type { InvalidPart } from '../../domain/rejection.ts'

/** The longest page of the history and of the audit, in entries. */
export const mostEntries = 1_000
export const usualEntries = 100

/** The `limit` of a page, or what is wrong with it. */
export const limitOf = (parameters: ReadonlyMap<string, string>): number | InvalidPart => {
  const text = parameters.get('limit') ?? String(usualEntries)
  const limit = /^[1-9]\d{0,3}$/.test(text) ? Number(text) : 0
  return limit >= 1 && limit <= mostEntries
    ? limit
    : { parameter: 'limit', detail: `must be a whole number from 1 to ${mostEntries}` }
}

/** How long a page is, and where it begins. */
export const pageQuery = {
  limit: {
    type: 'integer',
    minimum: 1,
    maximum: mostEntries,
    default: usualEntries,
    description: 'How many at most; a page also ends at 8 MiB, and Link goes on.',
  },
  cursor: { type: 'string', description: 'Opaque: follow Link instead of making one.' },
}
