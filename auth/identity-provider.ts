import { hash } from 'node:crypto'
import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import Provider, {
  type AdapterFactory,
  type ClientMetadata,
  type Configuration,
  errors,
  type KoaContextWithOIDC,
} from 'oidc-provider'
import * as E from '#fp/Either'
import { scopes as everyScope } from '../domain/scopes.ts'
import type { AuthStore, AuthUnavailable, SigningKey } from './auth-store.ts'
import type { ClientSecrets } from './client-secrets.ts'
import { thumbprintOf } from './key-thumbprint.ts'
import { openSigningKeys, privateJwkOf, publicJwkOf } from './signing-keys.ts'
import type { Standing } from './standing.ts'

/** Client assertions may be signed so; each needs a key of the node's own JWK set. */
const assertionAlgorithms = ['EdDSA', 'Ed25519', 'ES256', 'PS256', 'RS256'] as const
const longestAssertionSeconds = 3_600
const clockToleranceSeconds = 5
/** How far a client's clock may be ahead. */
const skewSeconds = 60

export interface IdentityProviderDependencies {
  /** The hub's origin: tokens are for it, and the issuer is this with `/oidc`. */
  readonly publicUrl: string
  readonly tokenSeconds: number
  readonly store: AuthStore
  readonly secrets: ClientSecrets
  readonly standing: Pick<Standing, 'node'>
  readonly cookieKey: Buffer
  /** Told of every token that was issued. */
  readonly issued: () => void
  /** Told of what went wrong inside the provider. */
  readonly report: (error: unknown) => void
}

/**
 * The embedded OpenID Connect provider: it answers discovery, JWKS and token requests, and issues JWT access tokens
 * (RFC 9068) to nodes by client credentials.
 */
export interface IdentityProvider {
  readonly issuer: string
  /**
   * Answers a request whose `url` is the path below `/oidc`, and whose `originalUrl` is the whole. Tells whether its client
   * secret was right; undefined where none was looked at.
   */
  readonly answer: (request: IncomingMessage, response: ServerResponse) => Promise<boolean | undefined>
  /** The public keys of tokens now; another object after each rotation. */
  readonly published: () => PublishedKeys
  /** Looks whether keys were rotated; true when they were. */
  readonly refresh: () => Promise<E.Either<AuthUnavailable, boolean>>
}

export interface PublishedKeys {
  readonly keys: readonly object[]
}

const neverStored = (): Promise<undefined> => Promise.resolve(undefined)

/** What the provider looks up: nodes are its clients. It stores nothing here. */
const adapterOver =
  ({ standing }: IdentityProviderDependencies): AdapterFactory =>
  model => ({
    find: async id => {
      if (model !== 'Client') return undefined
      if (Provider.ctx !== undefined) refuseOddBody(Provider.ctx)
      return clientOf(standing, id)
    },
    upsert: async () => {
      throw new Error(`${model} is not stored`)
    },
    consume: neverStored,
    destroy: neverStored,
    findByUserCode: neverStored,
    findByUid: neverStored,
    revokeByGrantId: neverStored,
  })

const keyMembers = ['kty', 'crv', 'x', 'y', 'n', 'e', 'kid', 'use']

/**
 * What the provider needs of a key. Not its `alg` where that says no more than the key does: `EdDSA` and `Ed25519` are
 * names of one algorithm (RFC 9864).
 */
const plainKey = (key: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(
    Object.entries(key).filter(
      ([member]) => keyMembers.includes(member) || (member === 'alg' && key.kty === 'RSA'),
    ),
  )

/** The node as the provider's client; a node that has both a secret and keys may use either. */
const clientOf = (standing: Pick<Standing, 'node'>, clientId: string): ClientMetadata | undefined => {
  const node = standing.node(clientId)
  if (node === undefined || node.status !== 'active') return undefined
  const bySecret = Provider.ctx?.headers.authorization !== undefined || node.jwks === undefined
  return {
    client_id: clientId,
    client_name: node.name,
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    ...(node.scopes.length === 0 ? {} : { scope: node.scopes.join(' ') }),
    ...(bySecret
      ? // Its secrets are known by their hashes only: `compareClientSecret` looks them up.
        {
          token_endpoint_auth_method: 'client_secret_basic',
          client_secret: 'kept in the store of credentials',
        }
      : {
          token_endpoint_auth_method: 'private_key_jwt',
          jwks: { keys: (node.jwks?.keys ?? []).map(plainKey) },
        }),
  }
}

const claimedEndpoints = [
  'issuer',
  'token_endpoint',
  'jwks_uri',
  'token_endpoint_auth_methods_supported',
  'token_endpoint_auth_signing_alg_values_supported',
  'dpop_signing_alg_values_supported',
]

const configurationOf = (
  dependencies: IdentityProviderDependencies,
  keys: readonly SigningKey[],
): Configuration => {
  const { publicUrl, tokenSeconds, standing, cookieKey } = dependencies
  const signingKid = keys[0]?.kid
  return {
    adapter: adapterOver(dependencies),
    jwks: { keys: keys.map(privateJwkOf) },
    scopes: everyScope,
    claims: {},
    responseTypes: [],
    clientAuthMethods: ['client_secret_basic', 'private_key_jwt'],
    clientDefaults: {
      id_token_signed_response_alg: 'EdDSA',
      grant_types: [],
      response_types: [],
      redirect_uris: [],
    },
    enabledJWA: {
      clientAuthSigningAlgValues: assertionAlgorithms,
      idTokenSigningAlgValues: ['EdDSA'],
      dPoPSigningAlgValues: ['EdDSA', 'Ed25519', 'ES256'],
    },
    clockTolerance: clockToleranceSeconds,
    cookies: { keys: [cookieKey.toString('base64url')] },
    findAccount: () => undefined,
    interactions: { policy: [], url: () => publicUrl },
    renderError: (ctx, out) => {
      ctx.type = 'json'
      ctx.body = out
    },
    ttl: {
      AccessToken: tokenSeconds,
      ClientCredentials: tokenSeconds,
      AuthorizationCode: 60,
      IdToken: tokenSeconds,
      RefreshToken: tokenSeconds,
      Interaction: 60,
      Session: 60,
      Grant: 60,
      DeviceCode: 60,
      BackchannelAuthenticationRequest: 60,
    },
    assertJwtClientAuthClaimsAndHeader: async (ctx, claims, header, client) => {
      const now = Date.now() / 1000
      const later = (claim: unknown, seconds: number) => typeof claim === 'number' && claim > now + seconds
      if (later(claims.exp, longestAssertionSeconds))
        throw new errors.InvalidClientAuth('it must expire within an hour')
      if (later(claims.iat, skewSeconds) || later(claims.nbf, skewSeconds))
        throw new errors.InvalidClientAuth('it must not be from the future: check the clock')
      // An assertion for another server, too, could be shown here by that one.
      const audience = [`${publicUrl}/oidc`, `${publicUrl}/oidc/token`]
      if (![claims.aud].flat().every(one => typeof one === 'string' && audience.includes(one)))
        throw new errors.InvalidClientAuth('its audience must be this server only')
      assertionKeys.set(ctx.req, keysNamed(header.kid, client))
    },
    extraTokenClaims: async (ctx, token) => {
      const version = verdicts.get(ctx.req)?.version
      const suspensions = standing.node(token.clientId ?? '')?.suspensions ?? 0
      const keys = assertionKeys.get(ctx.req)
      return {
        suspensions,
        ...(version === undefined ? {} : { credential: version }),
        ...(keys === undefined ? {} : { keys }),
      }
    },
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      clientCredentials: { enabled: true },
      dPoP: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => publicUrl,
        getResourceServerInfo: (ctx, resource, client) => {
          // A URL parser gives an origin a path.
          if (resource !== publicUrl && resource !== `${publicUrl}/`)
            throw new errors.InvalidTarget(`the resource must be ${publicUrl}`)
          const held = standing.node(client.clientId)?.scopes ?? []
          const { params } = ctx.oidc
          if (params !== undefined && typeof params.scope !== 'string') params.scope = held.join(' ')
          // Unknown scopes would be dropped in silence.
          const requested = String(params?.scope ?? '')
            .split(' ')
            .filter(scope => scope !== '')
          const foreign = requested.find(scope => !held.includes(scope))
          if (foreign !== undefined)
            throw new errors.InvalidScope('the node does not hold this scope', foreign)
          return {
            scope: held.join(' '),
            audience: publicUrl,
            accessTokenFormat: 'jwt',
            accessTokenTTL: tokenSeconds,
            jwt: { sign: { alg: 'EdDSA', kid: signingKid } },
          }
        },
      },
    },
  }
}

/**
 * Refuses a body that is not UTF-8: what cannot be decoded was replaced by U+FFFD, which no parameter of a token request
 * holds. Refuses a client secret beside other credentials, too (RFC 6749, section 2.3). Before the client is looked up, so
 * that the refusal does not tell whether there is one.
 */
const refuseOddBody = ({ oidc, headers }: Pick<KoaContextWithOIDC, 'oidc' | 'headers'>): void => {
  const body: Readonly<Record<string, unknown>> = { ...oidc.body }
  if (Object.entries(body).some(([name, value]) => `${name}${String(value)}`.includes('\ufffd')))
    throw new errors.InvalidRequest('the body must be UTF-8')
  const hasOther = headers.authorization !== undefined || body.client_assertion !== undefined
  if (hasOther && body.client_secret !== undefined)
    throw new errors.InvalidRequest('client authentication must only be provided using one mechanism')
}

/** The store of credentials is away: 503, where the provider itself would say 400. */
const storeIsAway = (): Error => {
  Provider.ctx?.set('Retry-After', '1')
  const error = new errors.TemporarilyUnavailable('the store of credentials does not answer')
  return Object.assign(error, { status: 503, statusCode: 503 })
}

/** Which version the client secret of a request is, while the provider answers it; undefined for a wrong one. */
const verdicts = new WeakMap<IncomingMessage, { readonly version: string | undefined }>()

/** Thumbprints of the keys that may have signed the assertion of a request, while the provider answers it. */
const assertionKeys = new WeakMap<IncomingMessage, readonly string[]>()

/** The keys of a client with this `kid`; all of them where none has it. Those of the moment when it was looked up. */
const keysNamed = (kid: unknown, { jwks }: Pick<ClientMetadata, 'jwks'>): readonly string[] => {
  const keys = jwks?.keys ?? []
  const named = keys.filter(key => key.kid === kid)
  return (named.length === 0 ? keys : named).map(key => thumbprintOf({ ...key }))
}

const makeProvider = (dependencies: IdentityProviderDependencies, keys: readonly SigningKey[]): Provider => {
  const { publicUrl, secrets, standing, store, issued, report } = dependencies
  const provider = new Provider(`${publicUrl}/oidc`, configurationOf(dependencies, keys))
  provider.proxy = true
  provider.on('server_error', (_ctx, error) => report(error))
  provider.on('grant.success', issued)
  // Koa would print what it is not asked for; the types do not know the event.
  EventEmitter.prototype.on.call(provider, 'error', report)
  provider.Client.prototype.compareClientSecret = async function (actual: string) {
    const node = standing.node(this.clientId)
    if (node === undefined) return false
    const version = await secrets.verify(node, actual)
    if (E.isLeft(version)) throw storeIsAway()
    if (Provider.ctx !== undefined) verdicts.set(Provider.ctx.req, { version: version.right })
    return version.right !== undefined
  }
  // Assertions and proofs are good once. (The provider's own way looks, and then saves: two at once would both pass.)
  provider.ReplayDetection.unique = async (issuer: string, id: string, expires: number) => {
    const name = `${issuer} ${id}`
    const isFirst = await store.useOnce(hash('sha256', name, 'base64url'), expires * 1000)
    if (E.isLeft(isFirst)) throw storeIsAway()
    return isFirst.right
  }
  // Only what this server does is said of it, and who may read it is the hub's to say.
  provider.use(async (ctx, next) => {
    const allowedOrigin = ctx.res.getHeader('Access-Control-Allow-Origin')
    await next()
    if (ctx.status === 401 && ctx.response.headers['www-authenticate'] === undefined)
      ctx.set('WWW-Authenticate', `Basic realm="${publicUrl}/oidc"`)
    if (allowedOrigin === undefined) {
      ctx.remove('Access-Control-Allow-Origin')
      ctx.remove('Access-Control-Expose-Headers')
    } else ctx.res.setHeader('Access-Control-Allow-Origin', allowedOrigin)
    if (ctx.path !== '/.well-known/openid-configuration' || ctx.status !== 200) return
    const claimed = Object.entries(Object(ctx.body)).filter(([name]) => claimedEndpoints.includes(name))
    ctx.body = {
      ...Object.fromEntries(claimed),
      scopes_supported: everyScope,
      response_types_supported: [],
      grant_types_supported: ['client_credentials'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['EdDSA'],
    }
  })
  return provider
}

/** Builds the provider on the published keys, which are generated on the first start. */
export const makeIdentityProvider = async (
  dependencies: IdentityProviderDependencies,
): Promise<E.Either<AuthUnavailable, IdentityProvider>> => {
  const build = (keys: readonly SigningKey[]) => ({
    kids: keys.map(({ kid }) => kid).join(' '),
    published: { keys: keys.map(publicJwkOf) },
    callback: makeProvider(dependencies, keys).callback(),
  })
  const opened = await openSigningKeys(dependencies.store)
  if (E.isLeft(opened)) return opened
  let current = build(opened.right)
  const { host, protocol } = new URL(dependencies.publicUrl)

  return E.right({
    issuer: `${dependencies.publicUrl}/oidc`,
    published: () => current.published,
    answer: async (request, response) => {
      // URLs in answers, and the audience of assertions, come from the configured origin, never from the request.
      request.headers['x-forwarded-host'] = host
      request.headers['x-forwarded-proto'] = protocol.slice(0, -1)
      await current.callback(request, response)
      const verdict = verdicts.get(request)
      return verdict && verdict.version !== undefined
    },
    refresh: async () => {
      const keys = await openSigningKeys(dependencies.store)
      if (E.isLeft(keys)) return keys
      const isSame = keys.right.map(({ kid }) => kid).join(' ') === current.kids
      if (!isSame) current = build(keys.right)
      return E.right(!isSame)
    },
  })
}
