import { isUtf8 } from 'node:buffer'
import * as E from '#fp/Either'
import { parseAccount } from '../domain/identifiers.ts'
import type { FederationNode } from '../domain/nodes.ts'
import type { AccessTokens } from './access-tokens.ts'
import type { Guesses, TooManyAttempts } from './guesses.ts'
import { thumbprintOf } from './key-thumbprint.ts'
import { loginLane } from './lanes.ts'
import type { PasswordFailure, Passwords } from './passwords.ts'
import type { Principal } from './policy.ts'
import type { Presented } from './presented.ts'
import type { Lane } from './slow-work.ts'
import type { Standing } from './standing.ts'

/** The credentials do not show who asks. Which part of them is wrong is nobody's business. */
export interface NotAuthenticated {
  readonly _tag: 'NotAuthenticated'
  /** They were a token. */
  readonly token: boolean
}

export type AuthenticationFailure = NotAuthenticated | PasswordFailure | TooManyAttempts

/** Who asks, and a way to look again later in the same request. */
export interface Authenticated {
  readonly principal: Principal
  /** When the credentials end by themselves, in milliseconds since the epoch. Passwords do not. */
  readonly expiresAt?: number
  /** The principal with the rights of this moment, or that these credentials open nothing any more. */
  readonly renewed: () => E.Either<NotAuthenticated, Principal>
}

/** Finds out who asks. */
export type Authenticate = (presented: Presented) => Promise<E.Either<AuthenticationFailure, Authenticated>>

interface Pair {
  readonly account: string
  readonly password: string
}

/** `Basic` credentials (RFC 7617) in UTF-8; undefined for anything else. */
export const parseBasic = (header: string): Pair | undefined => {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(header)?.[1]
  if (encoded === undefined || encoded.length > 1024) return undefined
  const bytes = Buffer.from(encoded, 'base64')
  if (!isUtf8(bytes)) return undefined
  const text = bytes.toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { account: text.slice(0, colon), password: text.slice(colon + 1) }
}

const refused = (token: boolean): E.Either<NotAuthenticated, never> =>
  E.left({ _tag: 'NotAuthenticated', token })

/**
 * People by password. A wrong password, an unknown account, one that is inactive or removed are refused alike: with the
 * same answer, and no sooner than the dearest hash would take.
 */
const authenticatePerson = (
  standing: Standing,
  passwords: AuthenticationDependencies['passwords'],
  guesses: Guesses,
): ((header: string, address: () => string) => Promise<E.Either<AuthenticationFailure, Authenticated>>) => {
  const openCredential = (id: string): string | undefined => {
    const account = standing.account(id)
    return account?.active ? account.credential : undefined
  }

  const personWith = (id: string, credential: string | undefined): E.Either<NotAuthenticated, Principal> =>
    openCredential(id) === credential
      ? E.right({ kind: 'person', id, roles: standing.account(id)?.roles ?? [] })
      : refused(false)

  const authenticated = (
    id: string,
    credential: string | undefined,
  ): E.Either<NotAuthenticated, Authenticated> => {
    const renewed = () => personWith(id, credential)
    return E.map((principal: Principal) => ({ principal, renewed }))(renewed())
  }

  const check = async (
    id: string,
    credential: string | undefined,
    password: string,
    lane: Lane,
  ): Promise<E.Either<AuthenticationFailure, Authenticated>> => {
    const right = await passwords.verify(id, credential, password, lane)
    if (E.isLeft(right)) return right
    // Asked again: the account may have changed while its password was checked.
    return right.right ? authenticated(id, credential) : refused(false)
  }

  return async (header, address) => {
    const pair = parseBasic(header)
    if (pair === undefined) return refused(false)
    const { password } = pair
    const id = parseAccount(pair.account) ?? ''
    const credential = openCredential(id)
    // Looked up for unknown accounts, too: they must not take less.
    if (passwords.isRemembered(id, credential, password) && credential !== undefined)
      return authenticated(id, credential)
    const from = address()
    const settle = await guesses.begin({ account: id, address: from }, header)
    if (E.isLeft(settle)) return settle
    const checked = await check(id, credential, password, loginLane(from))
    // An attempt that found no place in the queue counts: else guessing on would cost nothing.
    await settle.right(E.isRight(checked) || checked.left._tag === 'AuthUnavailable')
    return checked
  }
}

const hasKey = ({ jwks }: FederationNode, thumbprint: string): boolean =>
  jwks?.keys.some(key => thumbprintOf(key) === thumbprint) ?? false

const noteEveryMilliseconds = 60_000

/** Nodes by access token: it must be good, and its node active now; a scope taken from the node is gone at once. */
const authenticateNode = (
  standing: Standing,
  tokens: AccessTokens,
  noteSeen: (clientId: string) => void,
): ((presented: Presented) => Promise<E.Either<AuthenticationFailure, Authenticated>>) => {
  const notedAt = new Map<string, number>()
  const note = (clientId: string): void => {
    const now = Date.now()
    if (now - (notedAt.get(clientId) ?? 0) < noteEveryMilliseconds) return
    notedAt.set(clientId, now)
    noteSeen(clientId)
  }
  return async presented => {
    const claims = await tokens.verify(presented)
    if (E.isLeft(claims)) return claims
    if (claims.right === undefined) return refused(true)
    const { clientId, scopes, credential, keys, suspensions, expiresAt } = claims.right
    const renewed = (): E.Either<NotAuthenticated, Principal> => {
      const node = standing.node(clientId)
      if (node?.status !== 'active' || node.suspensions !== suspensions) return refused(true)
      if (credential !== undefined && !node.credentials.includes(credential)) return refused(true)
      if (!keys.every(key => hasKey(node, key))) return refused(true)
      return E.right({
        kind: 'node',
        id: clientId,
        scopes: scopes.filter(scope => node.scopes.includes(scope)),
      })
    }
    const principal = renewed()
    if (E.isLeft(principal)) return principal
    note(clientId)
    return E.right({ principal: principal.right, expiresAt, renewed })
  }
}

export interface AuthenticationDependencies {
  readonly standing: Standing
  readonly passwords: Pick<Passwords, 'isRemembered' | 'verify'>
  readonly guesses: Guesses
  readonly tokens: AccessTokens
  /** Told at most once a minute that a node was seen. */
  readonly noteSeen: (clientId: string) => void
}

export const makeAuthenticate = (dependencies: AuthenticationDependencies): Authenticate => {
  const { standing, passwords, guesses, tokens, noteSeen } = dependencies
  const person = authenticatePerson(standing, passwords, guesses)
  const node = authenticateNode(standing, tokens, noteSeen)
  return presented => {
    const { authorization, address } = presented
    if (authorization === undefined) return Promise.resolve(refused(false))
    return /^(?:bearer|dpop) /i.test(authorization) ? node(presented) : person(authorization, address)
  }
}
