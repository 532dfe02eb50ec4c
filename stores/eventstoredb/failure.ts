import * as E from '#fp/Either'
import type { LogUnavailable } from '../../domain/log-failure.ts'

export const unavailable = (cause: unknown, outcomeUnknown = false): E.Either<LogUnavailable, never> =>
  E.left(
    outcomeUnknown
      ? { _tag: 'LogUnavailable', cause, outcomeUnknown: true }
      : { _tag: 'LogUnavailable', cause },
  )

/** What the client calls the kind of an error; its `name` is always "Error". */
export const kindOf = (error: unknown): string | undefined =>
  error instanceof Error && 'type' in error && typeof error.type === 'string' ? error.type : undefined

const refusals = new Set([
  'access-denied',
  'invalid-argument',
  'invalid-transaction',
  'maximum-append-size-exceeded',
  'missing-required-metadata-property',
  'stream-deleted',
  'unsupported',
])

/** The server refused, and will again. */
export const isRefusal = (error: unknown): boolean => refusals.has(kindOf(error) ?? '')

/** The server answered, if only that it will not or has not. */
export const isAnswer = (error: unknown): boolean => isRefusal(error) || kindOf(error) === 'stream-not-found'

/** There was no connection, so that nothing was sent. Whatever is not known to be so may have been stored. */
export const wasNeverSent = (error: unknown): boolean =>
  error instanceof Error &&
  (kindOf(error) === 'not-leader' || /^14 UNAVAILABLE: No connection established/.test(error.message))

// INTERNAL and UNAVAILABLE of gRPC: a connection that is closed on one side ends its calls with either.
const lost = [13, 14]

/** The connection broke, or there was none. */
export const isLost = (error: unknown): boolean =>
  kindOf(error) === 'unavailable' ||
  (error instanceof Error && 'code' in error && typeof error.code === 'number' && lost.includes(error.code))
