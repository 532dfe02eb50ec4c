import { isUtf8 } from 'node:buffer'
import * as E from '#fp/Either'
import { type InvalidPart, invalid, type Rejection } from '../../domain/rejection.ts'

interface Part {
  /** Encoded, where it cannot be decoded. */
  readonly name: string
  /** Undefined where it or the name cannot be decoded. */
  readonly value: string | undefined
  readonly hasEqualsSign: boolean
}

const byteOf = (_: string, hex: string): string => String.fromCharCode(Number.parseInt(hex, 16))

/** As forms are decoded (WHATWG URL, section 5.1), but undefined for what is not UTF-8: it is not replaced. */
const decoded = (text: string): string | undefined => {
  if (!/[%+]/.test(text)) return text
  // A URL has only ASCII characters: one of the text is one byte.
  const bytes = Buffer.from(text.replaceAll('+', ' ').replaceAll(/%([0-9A-Fa-f]{2})/g, byteOf), 'latin1')
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined
}

const partOf = (text: string): Part => {
  const end = text.indexOf('=')
  const encodedName = end < 0 ? text : text.slice(0, end)
  const name = decoded(encodedName)
  const value = name === undefined ? undefined : decoded(end < 0 ? '' : text.slice(end + 1))
  return { name: name ?? encodedName, value, hasEqualsSign: end >= 0 }
}

/** What is beyond them is refused, and not looked at: a head may hold thousands. */
const mostParameters = 100

/** What stands behind the first question mark, in its order: the first hundred and one. */
export const queryIn = (url: string): readonly Part[] => {
  const start = url.indexOf('?')
  if (start < 0) return []
  const texts = url.slice(start + 1).split('&')
  return texts
    .filter(text => text !== '')
    .slice(0, mostParameters + 1)
    .map(partOf)
}

const parametersIn = (
  url: string,
  allowed: readonly string[],
  isIgnored: (part: Part) => boolean,
): E.Either<Rejection, ReadonlyMap<string, string>> => {
  const query = queryIn(url)
  const parameters = new Map<string, string>()
  const errors: InvalidPart[] = []
  const rule = allowed.length === 0 ? 'none is taken here' : `known are ${allowed.join(', ')}`
  for (const part of query) {
    const { name, value } = part
    if (isIgnored(part)) continue
    if (value === undefined) errors.push({ parameter: name, detail: 'must be UTF-8, percent-encoded' })
    else if (!allowed.includes(name)) errors.push({ parameter: name, detail: `is unknown; ${rule}` })
    else if (parameters.has(name)) errors.push({ parameter: name, detail: 'is given more than once' })
    else parameters.set(name, value)
  }
  const oneTooMany = query[mostParameters]
  if (oneTooMany !== undefined)
    errors.push({
      parameter: oneTooMany.name,
      detail: `is one too many: at most ${mostParameters} are taken`,
    })
  return errors.length === 0 ? E.right(parameters) : E.left(invalid(...errors))
}

/** The query's parameters; one that is unknown, given twice, or not UTF-8 is refused: a typo must not widen a list. */
export const parametersOf = (
  url: string,
  allowed: readonly string[],
): E.Either<Rejection, ReadonlyMap<string, string>> => parametersIn(url, allowed, () => false)

/**
 * The same for a single item. A parameter without `=`, and `_`, are ignored: the desktop client of the HMIS sends the id
 * as a bare query, and libraries of browsers send `_` to get past a cache.
 */
export const itemParametersOf = (
  url: string,
  allowed: readonly string[],
): E.Either<Rejection, ReadonlyMap<string, string>> =>
  parametersIn(url, allowed, ({ name, hasEqualsSign }) => !hasEqualsSign || name === '_')
