import type { InvalidPart } from '../../domain/rejection.ts'

/** The longest page, and the usual one: in items, entries or events. */
export const mostLimit = 1_000
export const usualLimit = 100
const mostSeconds = 60

const wholeNumber = (text: string, least: number, most: number): number | undefined => {
  const number = /^(0|[1-9]\d{0,3})$/.test(text) ? Number(text) : -1
  return number >= least && number <= most ? number : undefined
}

/** The `limit` of a page, or what is wrong with it. */
export const limitOf = (
  parameters: ReadonlyMap<string, string>,
  usual: number = usualLimit,
): number | InvalidPart =>
  wholeNumber(parameters.get('limit') ?? String(usual), 1, mostLimit) ?? {
    parameter: 'limit',
    detail: `must be a whole number from 1 to ${mostLimit}`,
  }

/** The seconds of `wait`, none where it is not given, or what is wrong with it. */
export const waitSecondsOf = (parameters: ReadonlyMap<string, string>): number | InvalidPart =>
  wholeNumber(parameters.get('wait') ?? '0', 0, mostSeconds) ?? {
    parameter: 'wait',
    detail: `must be a whole number of seconds from 0 to ${mostSeconds}`,
  }

/** `limit`, as the documentation has it. */
export const limitParameter = (description: string, usual: number = usualLimit) => ({
  type: 'integer',
  minimum: 1,
  maximum: mostLimit,
  default: usual,
  description,
})

/** `wait`, as the documentation has it. */
export const waitParameter = (description: string) => ({
  type: 'integer',
  minimum: 0,
  maximum: mostSeconds,
  default: 0,
  description,
})

/** Of a list with pages: how long one is, and where it begins. */
export const pageQuery = (usual: number = usualLimit) => ({
  limit: limitParameter('How many at most; a page also ends at 8 MiB, and Link goes on.', usual),
  cursor: { type: 'string', description: 'Opaque: follow Link instead of making one.' },
})
