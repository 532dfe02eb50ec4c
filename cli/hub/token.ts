import * as E from '#fp/Either'
import { errorSummary } from '../../api/http/error-summary.ts'
import { type HubCredentials, tokenIn } from './access.ts'
import { type Broken, broken, type NoToken } from './failure.ts'

const renewBeforeMilliseconds = 30_000

interface Token {
  readonly text: string
  /** Of `performance.now()`. */
  readonly until: number
}

type TokenFailure = Broken | NoToken

const isRefusal = (thrown: unknown): boolean =>
  thrown instanceof Error && 'status' in thrown && Number(thrown.status) < 500 && thrown.status !== 429

/** Gets a token with client credentials (RFC 6749, section 4.4). */
const fetchToken = async (
  url: string,
  { id, secret = '' }: Extract<HubCredentials, { is: 'client' }>,
  signal: AbortSignal,
): Promise<E.Either<TokenFailure, Token>> => {
  const oauth = await import('oauth4webapi')
  const server = { issuer: `${url}/oidc`, token_endpoint: `${url}/oidc/token` }
  const client = { client_id: id }
  const options = { signal, [oauth.allowInsecureRequests]: url.startsWith('http:') }
  const start = performance.now()
  try {
    const answer = await oauth.clientCredentialsGrantRequest(
      server,
      client,
      oauth.ClientSecretBasic(secret),
      new URLSearchParams(),
      options,
    )
    const { access_token, expires_in = 0 } = await oauth.processClientCredentialsResponse(
      server,
      client,
      answer,
    )
    return E.right({ text: access_token, until: start + expires_in * 1000 - renewBeforeMilliseconds })
  } catch (thrown) {
    if (isRefusal(thrown))
      return E.left({ _tag: 'NoToken', sentence: `${url} gives no token for this client id and secret.` })
    const { code, cause } = errorSummary(thrown)
    const isOfConnection = typeof code === 'string' && /^(E|UND_ERR_)/.test(code)
    return E.left(broken(isOfConnection ? code : `no token: ${String(cause)}`))
  }
}

export interface TokenSource {
  /** The token of a request: from where it is kept, or a new one before the last expires. */
  readonly get: (signal: AbortSignal) => Promise<E.Either<TokenFailure, string>>
  /** This token was refused: whether there is another one. */
  readonly forget: (refused: string) => boolean
}

export const tokenSource = (url: string, credentials: HubCredentials): TokenSource => {
  let token: Token | undefined
  return {
    get: async signal => {
      if (credentials.is === 'token') return E.right(credentials.token)
      if (credentials.is === 'token file') return E.right(tokenIn(credentials.file) ?? '')
      if (token === undefined || performance.now() > token.until) {
        const fetched = await fetchToken(url, credentials, signal)
        if (E.isLeft(fetched)) return fetched
        token = fetched.right
      }
      return E.right(token.text)
    },
    forget: refused => {
      if (credentials.is === 'token file') return (tokenIn(credentials.file) ?? refused) !== refused
      const canRenew = credentials.is === 'client' && token !== undefined
      token = undefined
      return canRenew
    },
  }
}
