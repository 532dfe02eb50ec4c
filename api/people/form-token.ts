import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Principal } from '../../auth/policy.ts'

type Caller = Pick<Principal, 'kind' | 'id'>

/**
 * A token that a form carries against forgery: an HMAC over who asked for the form, what the form is for, and when it
 * expires (ms since the epoch). It needs no state; it can be used until then more than once, by that caller.
 */
export const formToken = (key: Buffer, { kind, id }: Caller, purpose: string, expiresAt: number): string =>
  `${expiresAt}.${createHmac('sha256', key).update([kind, id, purpose, expiresAt].join('\0')).digest('base64url')}`

/** Whether a token was given to this caller for this purpose, and has not expired. */
export const isFormToken = (
  key: Buffer,
  caller: Caller,
  purpose: string,
  token: string,
  now: number,
): boolean => {
  const expiresAt = Number(/^(\d{1,15})\./.exec(token)?.[1] ?? 0)
  const [given, right] = [token, formToken(key, caller, purpose, expiresAt)].map(text => Buffer.from(text))
  return (
    expiresAt > now &&
    given !== undefined &&
    right !== undefined &&
    given.length === right.length &&
    timingSafeEqual(given, right)
  )
}
