import { isUtf8 } from 'node:buffer'
import { hash } from 'node:crypto'
import { z } from 'zod'
import type { InvalidPart } from '../../domain/rejection.ts'

/** The place of the last thing that a page gave. */
export interface CursorPlace {
  /** What the list is ordered by before the key. */
  readonly value: string | null
  readonly key: string
  /** Of a list of the past: the position in the log, as clients hold it, at which all of its pages look. */
  readonly position?: string
}

const shape = z.union([
  z.tuple([z.string(), z.string().nullable(), z.string()]),
  z.tuple([z.string(), z.string().nullable(), z.string(), z.string()]),
])

/** A short name of a list with its filters and order: a cursor holds it, so that another list refuses the cursor. */
export const listNameOf = (...parts: readonly unknown[]): string =>
  hash('sha256', JSON.stringify(parts), 'base64url').slice(0, 16)

export const cursorOf = (list: string, { value, key, position }: CursorPlace): string =>
  Buffer.from(JSON.stringify([list, value, key, ...(position === undefined ? [] : [position])])).toString(
    'base64url',
  )

/** Undefined for what is no cursor of this list. */
export const parseCursor = (list: string, cursor: string): CursorPlace | undefined => {
  const bytes = Buffer.from(cursor, 'base64url')
  if (!isUtf8(bytes)) return undefined
  try {
    const parsed = shape.safeParse(JSON.parse(bytes.toString('utf8')))
    if (!parsed.success || parsed.data[0] !== list) return undefined
    const [, value, key, position] = parsed.data
    return { value, key, ...(position === undefined ? {} : { position }) }
  } catch {
    return undefined
  }
}

export const badCursor: InvalidPart = {
  parameter: 'cursor',
  detail: 'must be one this very list gave, with the same filters and order',
}

/** The `Link` to the next page: the same parameters with another cursor (RFC 8288). */
export const linkTo = (path: string, parameters: ReadonlyMap<string, string>, cursor: string): string =>
  `<${path}?${new URLSearchParams([...new Map([...parameters, ['cursor', cursor]])])}>; rel="next"`
