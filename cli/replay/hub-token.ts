import { errorSummary } from '../../api/http/error-summary.ts'
import { broken } from './broken.ts'
import { historyFailure } from './history.ts'
import { type HubCredentials, tokenIn } from './hub-access.ts'

const renewBeforeMilliseconds = 30_000

interface Token {
  readonly text: string
  /** Of `performance.now()`. */
  readonly until: number
}

const isRefusal = (thrown: unknown): boolean =>
  thrown instanceof Error && 'status' in thrown && Number(thrown.status) < 500 && thrown.status !== 429

/** Gets a token with client credentials (RFC 6749, section 4.4). */
const fetchToken = async (
  url: string,
  { id, secret = '' }: Extract<HubCredentials, { is: 'client' }>,
  signal: AbortSignal,
): Promise<Token> => {
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
    return { text: access_token, until: start + expires_in * 1000 - renewBeforeMilliseconds }
  } catch (thrown) {
    if (isRefusal(thrown))
      throw historyFailure('failed', `${url} gives no token for this client id and secret.`)
    throw broken(`no token: ${String(errorSummary(thrown).cause)}`)
  }
}

/** The token of a request: from where it is kept, or a new one before the last expires. */
export const tokenSource = (url: string, credentials: HubCredentials) => {
  let token: Token | undefined
  return {
    get: async (signal: AbortSignal): Promise<string> => {
      if (credentials.is === 'token') return credentials.token
      if (credentials.is === 'token file') return tokenIn(credentials.file) ?? ''
      if (token === undefined || performance.now() > token.until)
        token = await fetchToken(url, credentials, signal)
      return token.text
    },
    /** The token was refused: whether another one can be had. */
    forget: (): boolean => {
      const canRenew = credentials.is === 'client' && token !== undefined
      token = undefined
      return canRenew
    },
  }
}
