import { STATUS_CODES } from 'node:http'
import type { AuthenticationFailure } from '../../auth/authenticate.ts'
import type { ErasureFailure } from '../../auth/erasure.ts'
import type { NodeFailure } from '../../auth/nodes.ts'
import type { PersonFailure } from '../../auth/people.ts'
import type {
  ContentCutShort,
  ContentDamaged,
  ContentErased,
  ContentTooLarge,
  ContentUnavailable,
} from '../../commands/content-store.ts'
import type { Malformed } from '../../commands/json-text.ts'
import type { InvalidPart } from '../../domain/rejection.ts'
import type { ReadUnavailable } from '../../projections/read-unavailable.ts'
import type { Answer } from './answer.ts'
import type { TooManyWaiting } from './exchange.ts'
import type { OverBudget } from './memory-budget.ts'
import { type ProblemName, problemTypes, problemUrn } from './problem-types.ts'
import type { NoPlace } from './work-places.ts'

/** Refusals that only HTTP knows. */
export type HttpFailure =
  | { readonly _tag: 'NoSuchRoute' }
  /** `needed`: all the scopes that open it together, or any of which does; none where no scope does. */
  | { readonly _tag: 'ScopeMissing'; readonly needed: readonly string[]; readonly suffices?: 'one' }
  | { readonly _tag: 'NoSuchItem'; readonly what: string }
  /** A page of an origin that is not known sent a write, with the credentials that the browser remembers. */
  | { readonly _tag: 'ForeignOrigin' }
  | { readonly _tag: 'MethodNotAllowed'; readonly allow: readonly string[] }
  | Malformed
  | { readonly _tag: 'BodyTooLarge'; readonly limit?: string }
  | { readonly _tag: 'RangeNotSatisfiable'; readonly size: number }
  | { readonly _tag: 'UnsupportedMediaType'; readonly detail: string }
  | { readonly _tag: 'NotAcceptable'; readonly types: readonly string[] }
  | { readonly _tag: 'HeadersTooLarge' }
  | { readonly _tag: 'TooSlow' }
  | OverBudget
  | NoPlace
  | TooManyWaiting
  | { readonly _tag: 'TooManyRequests'; readonly seconds: number }
  | { readonly _tag: 'PositionNotReached' }
  | { readonly _tag: 'StartingUp' }
  | { readonly _tag: 'LogSilent' }
  | { readonly _tag: 'Bug'; readonly cause: unknown }

type ContentFailure = ContentUnavailable | ContentDamaged | ContentErased | ContentTooLarge | ContentCutShort

export type Failure =
  | HttpFailure
  | ContentFailure
  | AuthenticationFailure
  | PersonFailure
  | ErasureFailure
  | NodeFailure
  | ReadUnavailable

interface Problem {
  readonly name: ProblemName
  readonly detail: string
  readonly errors?: readonly InvalidPart[]
  readonly headers?: Readonly<Record<string, string>>
}

const realm = 'realm="GNU Health Federation"'
const retryLater = { 'Retry-After': '1' }

const unavailable = (name: ProblemName, detail: string): Problem => ({
  name,
  detail,
  headers: retryLater,
})

const lackOf = (scopes: readonly string[], isOneEnough: boolean): string => {
  if (scopes.length === 0) return 'This is for people only: no scope opens it.'
  return scopes.length === 1
    ? `The access token lacks the scope ${scopes[0]}.`
    : `The access token needs ${isOneEnough ? 'one' : 'all'} of these scopes: ${scopes.join(', ')}.`
}

/** Every failure as the client sees it: our own words, never a driver's. */
const problemOf = (failure: Failure): Problem => {
  switch (failure._tag) {
    case 'ContentCutShort':
      return {
        name: 'malformed',
        detail: 'The content did not arrive whole. Send it again.',
      }
    case 'Malformed':
      return { name: 'malformed', detail: failure.detail }
    case 'NotAuthenticated':
      return {
        name: 'not-authenticated',
        detail: failure.token
          ? 'The access token is not valid, or its node may not use it now. Get a new one at /oidc/token.'
          : 'Send your federation account and password as HTTP Basic credentials, or an access token as Bearer.',
        headers: {
          'WWW-Authenticate': failure.token
            ? `Bearer ${realm}, error="invalid_token", DPoP ${realm}, algs="EdDSA Ed25519 ES256"`
            : `Basic ${realm}, charset="UTF-8", Bearer ${realm}`,
        },
      }
    case 'TooManyAttempts':
      return {
        name: 'too-many-attempts',
        detail: 'Too many attempts to log in failed. Wait as long as Retry-After says.',
        headers: { 'Retry-After': String(failure.seconds) },
      }
    case 'CallerOverBudget':
      return {
        name: 'too-many-requests',
        detail: 'Answers and bodies that you have under way hold too much memory. Read the answers first.',
        headers: retryLater,
      }
    case 'CallerBusy':
      return {
        name: 'too-many-requests',
        detail: 'You have too many requests under way. Wait for the answers to some of them first.',
        headers: retryLater,
      }
    case 'CallerWaits':
      return {
        name: 'too-many-requests',
        detail: 'You have too many streams and waiting requests open. End some of them first.',
        headers: retryLater,
      }
    case 'TooManyRequests':
      return {
        name: 'too-many-requests',
        detail: 'Your network sends too many requests without valid credentials.',
        headers: { 'Retry-After': String(failure.seconds) },
      }
    case 'ScopeMissing':
      return {
        name: 'insufficient-scope',
        detail: lackOf(failure.needed, failure.suffices === 'one'),
        headers: {
          'WWW-Authenticate': `Bearer ${realm}, error="insufficient_scope"${failure.needed.length === 0 ? '' : `, scope="${failure.needed.join(' ')}"`}`,
        },
      }
    case 'NotAllowed':
      return { name: 'not-allowed', detail: 'Your roles do not allow this.' }
    case 'ForeignOrigin':
      return {
        name: 'not-allowed',
        detail: 'A page of this origin may not write: the operator adds its origin to CORS_ORIGINS.',
      }
    case 'FieldNotAllowed':
      return { name: 'field-not-allowed', detail: failure.detail }
    case 'NoSuchRoute':
      return { name: 'not-found', detail: 'There is nothing at this path.' }
    case 'NoSuchItem':
    case 'NeverWas':
      return { name: 'not-found', detail: `There is no such ${failure.what}.` }
    case 'MethodNotAllowed':
      return {
        name: 'method-not-allowed',
        detail: `This path takes ${failure.allow.join(', ')}.`,
        headers: { Allow: failure.allow.join(', ') },
      }
    case 'ExistsWithOtherContent':
      return {
        name: 'exists-with-other-content',
        detail: `This ${failure.what} exists with other content. Read it, and change it with PATCH or PUT.`,
      }
    case 'WrongState':
      return { name: 'wrong-state', detail: failure.detail }
    case 'Removed':
      return { name: 'removed', detail: `This ${failure.what} was removed.` }
    case 'Erased':
    case 'ContentErased':
      return {
        name: 'erased',
        detail: 'The person it was about is forgotten: nobody can read it any more.',
      }
    case 'ErasureUnfinished':
      return unavailable(
        'unavailable',
        'The person is forgotten, and the hub is still removing what it has read of them. Send the same again for the certificate.',
      )
    case 'StaleRevision':
      return {
        name: 'stale-revision',
        detail: 'It is not at the revision that If-Match or If-None-Match asks for. Read it again.',
      }
    case 'BodyTooLarge':
      return { name: 'too-large', detail: `A body has at most ${failure.limit ?? '1 MiB'} here.` }
    case 'ContentTooLarge':
      return {
        name: 'too-large',
        detail: `A content has at most ${failure.limit} bytes on this hub.`,
      }
    case 'ItemTooLarge':
      return { name: 'too-large', detail: 'An item has at most 900 KiB.' }
    case 'RangeNotSatisfiable':
      return {
        name: 'range-not-satisfiable',
        detail: `There are ${failure.size} bytes. Ask for some of them, or leave Range out.`,
        headers: { 'Content-Range': `bytes */${failure.size}` },
      }
    case 'NotAcceptable':
      return { name: 'not-acceptable', detail: `Accept one of ${failure.types.join(', ')}.` }
    case 'UnsupportedMediaType':
      return { name: 'unsupported-media-type', detail: failure.detail }
    case 'Invalid':
      return {
        name: 'invalid',
        detail: 'Parts of the request are not valid; errors says which and why.',
        errors: failure.errors,
      }
    case 'KeyUsedForAnotherRequest':
      return {
        name: 'key-used-for-another-request',
        detail: 'This Idempotency-Key was used for another request. Use a new key for a new request.',
        errors: [{ header: 'Idempotency-Key', detail: 'was used with another method or body' }],
      }
    case 'HeadersTooLarge':
      return { name: 'headers-too-large', detail: 'The header of a request has at most 16 KiB.' }
    case 'TooSlow':
      return { name: 'too-slow', detail: 'The request did not arrive in time. Send it again.' }
    case 'Bug':
      return { name: 'internal', detail: 'The hub failed. The log holds this request’s id.' }
    case 'ContentDamaged':
      return {
        name: 'content-damaged',
        detail: 'What the hub keeps is not what was sent. Send the content again, or have it restored.',
      }
    case 'Busy':
    case 'ProcessOverBudget':
      return unavailable('busy', 'The hub has too much to do. Try again.')
    case 'StartingUp':
      return unavailable(
        'starting',
        'The hub is reading its log. Try again; GET /readyz tells how far it is.',
      )
    case 'LogSilent':
      return unavailable('unavailable', 'The hub has not heard from its event log for too long. Try again.')
    case 'PositionNotReached':
      return unavailable(
        'position-not-reached',
        'The hub has not come to Thalamus-Min-Position yet. Try again.',
      )
    case 'LogUnavailable':
    case 'EventUnreadable':
      return unavailable('unavailable', 'The event log cannot be used now. Try again.')
    case 'ReadUnavailable':
      return unavailable('unavailable', 'The read models cannot be used now. Try again.')
    case 'ContentUnavailable':
      return unavailable('unavailable', 'The store of contents cannot be used now. Try again.')
    case 'AuthUnavailable':
      return unavailable('unavailable', 'The store of credentials cannot be used now. Try again.')
  }
}

/** The answer of a failure: problem details (RFC 9457). */
export const problemAnswer = (failure: Failure): Answer => {
  const { name, detail, errors, headers } = problemOf(failure)
  const { status } = problemTypes[name]
  const type = problemUrn(name)
  return {
    status,
    headers: { ...headers, 'Content-Type': 'application/problem+json' },
    body: JSON.stringify({ type, title: STATUS_CODES[status], status, detail, errors }),
  }
}

/** The failure in words, for whoever is not a client of HTTP; `nameOf` says how a part of a body is called there. */
export const sentenceOf = (
  failure: Failure,
  nameOf: (pointer: string) => string = pointer => pointer.slice(1),
): string => {
  const { detail, errors = [] } = problemOf(failure)
  const parts = errors.map(part =>
    'pointer' in part ? `${nameOf(part.pointer)} ${part.detail}` : part.detail,
  )
  return parts.length === 0 ? detail : parts.join('; ')
}

/** What stands behind a failure, for the log; most failures have nothing behind them. */
export const causeOf = (failure: Failure): unknown => ('cause' in failure ? failure.cause : undefined)
