import { setTimeout as pause } from 'node:timers/promises'
import * as E from '#fp/Either'
import type { TaskEither } from '#fp/TaskEither'
import { parseAccount } from '../domain/identifiers.ts'
import type { PasswordFailure, Passwords } from './passwords.ts'
import type { Principal } from './policy.ts'
import type { Standing } from './standing.ts'

/** The credentials do not show who asks. Which part of them is wrong is nobody's business. */
export interface NotAuthenticated {
  readonly _tag: 'NotAuthenticated'
}

export type AuthenticationFailure = NotAuthenticated | PasswordFailure

/** Finds out who asks, from the value of the `Authorization` header. */
export type Authenticate = (header: string | undefined) => TaskEither<AuthenticationFailure, Principal>

interface Pair {
  readonly account: string
  readonly password: string
}

/** `Basic` credentials (RFC 7617) in UTF-8; undefined for anything else. */
export const parseBasic = (header: string): Pair | undefined => {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(header)?.[1]
  if (encoded === undefined || encoded.length > 1024) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { account: text.slice(0, colon), password: text.slice(colon + 1) }
}

/**
 * A wrong password, an unknown account, one that is inactive or removed are refused alike: with the same answer, and
 * no sooner than the dearest hash would take.
 */
export const makeAuthenticate = (standing: Standing, passwords: Passwords): Authenticate => {
  const refused = E.left<NotAuthenticated>({ _tag: 'NotAuthenticated' })

  const isRight = (
    id: string,
    credential: string | undefined,
    password: string,
  ): TaskEither<PasswordFailure, boolean> =>
    credential === undefined
      ? async () => E.map(() => false)(await passwords.pretend(password)())
      : passwords.verify(id, credential, password)

  const openCredential = (id: string): string | undefined => {
    const account = standing.account(id)
    return account?.active ? account.credential : undefined
  }

  return header => async () => {
    const start = performance.now()
    const pair = header === undefined ? undefined : parseBasic(header)
    if (pair === undefined) return refused
    const id = parseAccount(pair.account) ?? ''
    const credential = openCredential(id)
    const right = await isRight(id, credential, pair.password)()
    if (E.isLeft(right)) return right
    // Asked again: the account may have changed while its password was checked.
    const account = standing.account(id)
    if (right.right && account !== undefined && openCredential(id) === credential)
      return E.right({ kind: 'person', id, roles: account.roles })
    const floor = await passwords.floor()
    if (E.isLeft(floor)) return floor
    await pause(Math.max(0, start + floor.right - performance.now()))
    return refused
  }
}
