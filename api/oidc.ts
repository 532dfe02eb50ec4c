import type { Express, Request, Response } from 'express'
import * as E from '#fp/Either'
import { parseBasic } from '../auth/authenticate.ts'
import { nodeAccount } from '../auth/standing.ts'
import type { Answer } from './answer.ts'
import type { ApiDependencies } from './dependencies.ts'
import { type Failure, problemAnswer, sentenceOf } from './problem.ts'
import { preflight, type Respond } from './respond.ts'

type OidcDependencies = Pick<ApiDependencies, 'identityProvider' | 'guesses' | 'knowsSecret'> & {
  /** Why no token can be issued now; undefined when one can. */
  readonly silence: () => Failure | undefined
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

/** `application/x-www-form-urlencoded`, as client ids are in Basic credentials (RFC 6749, section 2.3.1). */
const formDecoded = (text: string): string => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}

const discovery = '/.well-known/openid-configuration'

/** The provider's endpoints; whatever else there is below `/oidc` is not this hub's. */
const endpoints = [
  { path: `/oidc${discovery}`, below: discovery, method: 'GET' },
  // RFC 8414, section 3: the issuer's path comes after the well-known one.
  { path: '/.well-known/oauth-authorization-server/oidc', below: discovery, method: 'GET' },
  { path: '/oidc/jwks', below: '/jwks', method: 'GET' },
  { path: '/oidc/token', below: '/token', method: 'POST' },
] as const

/** Mounts the OpenID Connect provider. */
export const mountOidc = (app: Express, respond: Respond, dependencies: OidcDependencies): void => {
  const { identityProvider, guesses, knowsSecret, silence } = dependencies

  const hand = async (
    request: Request,
    response: Response,
    path: string,
    below: string,
  ): Promise<boolean | undefined> => {
    let secretWasRight: boolean | undefined
    await respond.hand(request, response, path, async () => {
      // CORS is ours to say, and the same everywhere.
      delete request.headers.origin
      request.url = below
      request.originalUrl = `/oidc${below}`
      secretWasRight = await identityProvider.answer(request, response)
    })
    return secretWasRight
  }

  /** A wrong client secret is a guess, and counted like a wrong password; assertions are not. */
  const handToken = async (request: Request, response: Response, path: string): Promise<void> => {
    const { authorization } = request.headers
    const pair = authorization === undefined ? undefined : parseBasic(authorization)
    const refusal = silence()
    if (refusal !== undefined)
      return respond.answer(request, response, path, async () =>
        E.right(oauthRefusal(refusal, 'temporarily_unavailable')),
      )
    if (authorization !== undefined && pair === undefined)
      return respond.answer(request, response, path, async () =>
        E.right(oauthRefusal({ _tag: 'NotAuthenticated', token: false }, 'invalid_client')),
      )
    const clientId = formDecoded(pair?.account ?? '')
    if (
      authorization === undefined ||
      pair === undefined ||
      knowsSecret(clientId, formDecoded(pair.password))
    ) {
      await hand(request, response, path, '/token')
      return
    }
    const account = nodeAccount(clientId)
    const begun = await guesses.begin({ account, address: request.ip ?? '' }, authorization)()
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
