import { hash } from 'node:crypto'
import * as oauth from 'oauth4webapi'
import { z } from 'zod'
import * as E from '#fp/Either'
import type { AuthStore, AuthUnavailable } from './auth-store.ts'
import type { IdentityProvider, PublishedKeys } from './identity-provider.ts'
import type { Presented } from './presented.ts'

/** What an access token says that was verified. */
export interface TokenClaims {
  readonly clientId: string
  readonly scopes: readonly string[]
  /** The version of the secret it was got with; undefined where it was got with a key. */
  readonly credential: string | undefined
  /** Thumbprints of the keys of which one signed the assertion it was got with; none where it was got with a secret. */
  readonly keys: readonly string[]
  /** How often its node had been suspended. */
  readonly suspensions: number
  /** In ms since the epoch. */
  readonly expiresAt: number
}

export interface AccessTokens {
  /**
   * Verifies `Bearer` (RFC 6750) and `DPoP` (RFC 9449) credentials by the rules of RFC 9068: signature, `iss`, `aud`,
   * `exp`, `typ`. Undefined for anything that does not pass. A bearer token found good is remembered until the published keys
   * change; its expiry is looked at each time, and whether its node may still is the caller's to ask.
   */
  readonly verify: (presented: Presented) => Promise<E.Either<AuthUnavailable, TokenClaims | undefined>>
}

const mostCharacters = 8 * 1024
const mostRemembered = 10_000
// How far a proof's `iat` may be off (as oauth4webapi has it): so long it could come again.
const proofMilliseconds = 600_000
const lookAgainMilliseconds = 1_000

const proofShape = z.object({ jti: z.string() })

/** What the hub itself says in its tokens; those of an earlier release lack it. */
const ownClaims = z.object({
  credential: z.string().optional(),
  keys: z.array(z.string()).default([]),
  suspensions: z.int().default(0),
})

const claimsOf = (
  { client_id, scope, exp }: oauth.JWTAccessTokenClaims,
  { credential, keys, suspensions }: z.infer<typeof ownClaims>,
): TokenClaims => ({
  clientId: client_id,
  credential,
  keys,
  suspensions,
  scopes: typeof scope === 'string' ? scope.split(' ') : [],
  expiresAt: exp * 1000,
})

const credentialForm = /^(Bearer|DPoP) +([A-Za-z0-9._~+/-]+=*)$/i

export const accessTokens = (
  provider: IdentityProvider,
  store: Pick<AuthStore, 'useOnce'>,
  publicUrl: string,
): AccessTokens => {
  const remembered = new Map<string, TokenClaims>()
  // The library remembers keys by this object: a new one when they change.
  const serverWith = (keys: PublishedKeys) => ({
    keys,
    server: { issuer: provider.issuer, jwks_uri: `${provider.issuer}/jwks` },
  })
  let server = serverWith(provider.published())
  let lookedAt = 0

  const current = () => {
    const keys = provider.published()
    if (keys !== server.keys) {
      server = serverWith(keys)
      // What a key has signed that is published no more is not good any longer.
      remembered.clear()
    }
    return server
  }

  const validate = async ({ authorization, dpop, method, path }: Presented) => {
    const { server, keys } = current()
    const headers = new Headers({ authorization: authorization ?? '' })
    if (dpop !== undefined) headers.set('dpop', dpop)
    // Only a proof is about method and path.
    const request =
      dpop === undefined
        ? new Request(publicUrl, { headers })
        : new Request(`${publicUrl}${path}`, { method, headers })
    return oauth.validateJwtAccessToken(server, request, publicUrl, {
      signingAlgorithms: dpop === undefined ? ['EdDSA'] : ['EdDSA', 'Ed25519', 'ES256'],
      [oauth.customFetch]: async () => Response.json(keys),
      [oauth.allowInsecureRequests]: true,
    })
  }

  const isUnknownKey = (error: unknown): boolean =>
    error instanceof oauth.OperationProcessingError && error.code === oauth.KEY_SELECTION

  /** The claims, or what kept them from being verified. Another process may have rotated the keys. */
  const verified = async (
    presented: Presented,
  ): Promise<E.Either<AuthUnavailable, oauth.JWTAccessTokenClaims | undefined>> => {
    try {
      return E.right(await validate(presented))
    } catch (error) {
      if (!isUnknownKey(error) || Date.now() - lookedAt < lookAgainMilliseconds) return E.right(undefined)
    }
    lookedAt = Date.now()
    const refreshed = await provider.refresh()
    if (E.isLeft(refreshed)) return refreshed
    return refreshed.right ? verified(presented) : E.right(undefined)
  }

  /** A proof is good for one request (RFC 9449, section 11.1): by its id and key, for its text can be spelt anew. */
  const isFirstUse = (proof: string, key: string): Promise<E.Either<AuthUnavailable, boolean>> => {
    const { jti } = proofShape.parse(
      JSON.parse(Buffer.from(proof.split('.')[1] ?? '', 'base64url').toString()),
    )
    const name = hash('sha256', `${key} ${jti}`, 'base64url')
    return store.useOnce(`dpop ${name}`, Date.now() + proofMilliseconds)
  }

  const remember = (key: string, claims: TokenClaims): void => {
    const oldest = remembered.keys().next().value
    if (remembered.size >= mostRemembered && oldest !== undefined) remembered.delete(oldest)
    remembered.set(key, claims)
  }

  return {
    verify: async presented => {
      const { authorization = '', dpop } = presented
      if (authorization.length > mostCharacters) return E.right(undefined)
      const verifiedWith = current()
      const isBearer = dpop === undefined
      const key = isBearer ? hash('sha256', authorization, 'base64url') : ''
      const before = remembered.get(key)
      if (before !== undefined) {
        if (before.expiresAt > Date.now()) return E.right(before)
        remembered.delete(key)
      }
      if (!credentialForm.test(authorization)) return E.right(undefined)
      const token = await verified(presented)
      if (E.isLeft(token) || token.right === undefined) return E.map(() => undefined)(token)
      const own = ownClaims.safeParse(token.right)
      if (!own.success) return E.right(undefined)
      const claims = claimsOf(token.right, own.data)
      if (claims.expiresAt <= Date.now()) return E.right(undefined)
      if (isBearer) {
        if (current() === verifiedWith) remember(key, claims)
      } else {
        const isFirst = await isFirstUse(dpop, String(token.right.cnf?.jkt))
        if (E.isLeft(isFirst)) return isFirst
        if (!isFirst.right) return E.right(undefined)
      }
      return E.right(claims)
    },
  }
}
