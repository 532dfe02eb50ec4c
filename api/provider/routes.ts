import type { Express, Request, Response } from 'express'
import { z } from 'zod'
import * as E from '#fp/Either'
import { parseBasic } from '../../auth/authenticate.ts'
import { nodeAccount } from '../../auth/standing.ts'
import type { ApiDependencies } from '../dependencies.ts'
import type { OpenPath } from '../description/openapi.ts'
import type { Described } from '../description/operation.ts'
import { shapeOf } from '../description/shapes.ts'
import type { Answer } from '../http/answer.ts'
import { type Failure, problemAnswer, sentenceOf } from '../http/problem.ts'
import { preflight, type Respond } from '../http/respond.ts'

type OidcDependencies = Pick<ApiDependencies, 'identityProvider' | 'guesses' | 'knowsSecret'> & {
  /** Why no token can be issued now; undefined when one can. */
  readonly silence: () => Failure | undefined
  /** Refuses a network that sends too many requests without credentials. */
  readonly limitNetwork: (request: Request) => E.Either<Failure, void>
}

/** A refusal in the form of OAuth (RFC 6749, section 5.2). */
const oauthRefusal = (failure: Failure, error: string): Answer => {
  const { status, headers } = problemAnswer(failure)
  return {
    status,
    headers: { ...headers, 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
    body: JSON.stringify({ error, error_description: sentenceOf(failure) }),
  }
}

/** `application/x-www-form-urlencoded`; undefined for what is not. */
const formDecoded = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}

/** Client id and secret of Basic credentials, each of them form-encoded (RFC 6749, section 2.3.1). */
const clientIn = (
  authorization: string,
): { readonly clientId: string; readonly secret: string } | undefined => {
  const pair = parseBasic(authorization)
  const [clientId, secret] = [formDecoded(pair?.account ?? ''), formDecoded(pair?.password ?? '')]
  return pair === undefined || clientId === undefined || secret === undefined
    ? undefined
    : { clientId, secret }
}

const tooSlow = oauthRefusal({ _tag: 'TooSlow' }, 'invalid_request')

const discovery = '/.well-known/openid-configuration'

const metadata = shapeOf(
  'ProviderMetadata',
  z.looseObject({ issuer: z.string(), token_endpoint: z.string() }),
)
const keys = shapeOf('PublicKeys', z.strictObject({ keys: z.array(z.looseObject({ kty: z.string() })) }))
const tokenRequest = shapeOf(
  'TokenRequest',
  z.looseObject({
    grant_type: z.literal('client_credentials'),
    scope: z.string().optional(),
    resource: z.string().optional(),
    client_assertion_type: z.string().optional(),
    client_assertion: z.string().optional(),
  }),
  { grant_type: 'client_credentials', scope: 'people:read pols:write' },
)
const token = shapeOf(
  'Token',
  z.looseObject({
    access_token: z.string(),
    expires_in: z.int(),
    token_type: z.enum(['Bearer', 'DPoP']),
    scope: z.string().optional(),
  }),
  { access_token: 'eyJ…', expires_in: 600, token_type: 'Bearer', scope: 'people:read pols:write' },
)
const oauthError = shapeOf(
  'OAuthError',
  z.looseObject({ error: z.string(), error_description: z.string().optional() }),
  { error: 'invalid_scope', error_description: 'the node does not hold this scope' },
)
const discovers: Described = {
  summary: 'What the provider is and can',
  answers: { 200: { shape: metadata } },
}

/** The provider's endpoints; whatever else there is below `/oidc` is not this hub's. */
const endpoints = [
  { path: `/oidc${discovery}`, below: discovery, method: 'GET', says: discovers },
  // RFC 8414, section 3: the issuer's path comes after the well-known one.
  { path: '/.well-known/oauth-authorization-server/oidc', below: discovery, method: 'GET', says: discovers },
  {
    path: '/oidc/jwks',
    below: '/jwks',
    method: 'GET',
    says: {
      summary: 'The public keys of access tokens',
      answers: { 200: { shape: keys, type: 'application/jwk-set+json' } },
    },
  },
  {
    path: '/oidc/token',
    below: '/token',
    method: 'POST',
    says: {
      summary: 'Get an access token',
      description:
        'Client credentials, by client_secret_basic or private_key_jwt. Without `scope`, all that the node holds.',
      body: { types: ['application/x-www-form-urlencoded'], shape: tokenRequest },
      answers: {
        200: { shape: token },
        400: { shape: oauthError },
        401: { shape: oauthError, headers: ['WWW-Authenticate'] },
        429: { shape: oauthError, headers: ['Retry-After'] },
        503: { shape: oauthError, headers: ['Retry-After'] },
      },
    },
  },
] as const satisfies readonly { path: string; below: string; method: 'GET' | 'POST'; says: Described }[]

/** The same for the documentation. */
export const oidcPaths: readonly OpenPath[] = endpoints.map(({ path, method, says }) => ({
  path,
  tag: 'oidc',
  operations: { [method]: says },
}))

/** Mounts the OpenID Connect provider. */
export const mountOidc = (app: Express, respond: Respond, dependencies: OidcDependencies): void => {
  const { identityProvider, guesses, knowsSecret, silence, limitNetwork } = dependencies

  const hand = async (
    request: Request,
    response: Response,
    path: string,
    below: string,
  ): Promise<boolean | undefined> => {
    let secretWasRight: boolean | undefined
    await respond.hand(
      request,
      response,
      path,
      async () => {
        // CORS is ours to say, and the same everywhere.
        delete request.headers.origin
        request.url = below
        request.originalUrl = `/oidc${below}`
        secretWasRight = await identityProvider.answer(request, response)
      },
      tooSlow,
    )
    return secretWasRight
  }

  /** A wrong client secret is a guess, and counted like a wrong password; assertions are not. */
  const handToken = async (request: Request, response: Response, path: string): Promise<void> => {
    const { authorization } = request.headers
    const client = authorization === undefined ? undefined : clientIn(authorization)
    const refusal = silence()
    if (refusal !== undefined)
      return respond.answer(request, response, path, async () =>
        E.right(oauthRefusal(refusal, 'temporarily_unavailable')),
      )
    if (authorization !== undefined && client === undefined)
      return respond.answer(request, response, path, async () =>
        E.right(oauthRefusal({ _tag: 'NotAuthenticated', token: false }, 'invalid_client')),
      )
    if (authorization === undefined || client === undefined || knowsSecret(client.clientId, client.secret)) {
      await hand(request, response, path, '/token')
      return
    }
    const account = nodeAccount(client.clientId)
    const begun = await guesses.begin({ account, address: request.ip ?? '' }, authorization)
    if (E.isLeft(begun)) {
      const error = begun.left._tag === 'TooManyAttempts' ? 'slow_down' : 'temporarily_unavailable'
      return respond.answer(request, response, path, async () => E.right(oauthRefusal(begun.left, error)))
    }
    let isRight: boolean | undefined
    try {
      isRight = await hand(request, response, path, '/token')
    } finally {
      await begun.right(isRight ?? response.statusCode !== 401)
    }
  }

  for (const { path, below, method } of endpoints) {
    const methods = method === 'GET' ? ['GET', 'HEAD'] : [method]
    app.route(path).all((request, response) => {
      const limited = request.headers.authorization === undefined ? limitNetwork(request) : E.right(undefined)
      if (E.isLeft(limited))
        return respond.answer(request, response, path, async () =>
          E.right(oauthRefusal(limited.left, 'slow_down')),
        )
      if (request.method === 'OPTIONS')
        return respond.answer(request, response, path, async () => E.right(preflight))
      if (!methods.includes(request.method))
        return respond.answer(request, response, path, async () =>
          E.right(
            oauthRefusal({ _tag: 'MethodNotAllowed', allow: [...methods, 'OPTIONS'] }, 'invalid_request'),
          ),
        )
      return method === 'POST' ? handToken(request, response, path) : hand(request, response, path, below)
    })
  }
}
