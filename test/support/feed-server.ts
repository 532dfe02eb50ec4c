import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FeedEntry } from '../../projections/feed-entry.ts'

/** How the server answers one request for the feed as NDJSON, instead of as the contract says. */
export type Whim =
  | { readonly is: 'status'; readonly status: number; readonly body?: unknown; readonly retryAfter?: string }
  /** So many bytes of the answer, then the connection breaks. */
  | { readonly is: 'break'; readonly afterBytes: number }
  /** So many events, then it ends as if that were all: its token has expired. */
  | { readonly is: 'end'; readonly afterEvents: number }

export interface FeedServer {
  readonly url: string
  /** Path and query of each request, and the token that it came with. */
  readonly requests: readonly string[]
  readonly close: () => Promise<void>
}

const problem = (response: ServerResponse, status: number, body: unknown, retryAfter?: string) => {
  const headers = { 'Content-Type': 'application/problem+json' }
  response.writeHead(status, retryAfter === undefined ? headers : { ...headers, 'Retry-After': retryAfter })
  response.end(JSON.stringify(body ?? {}))
}

/** A stand-in for the feed of a hub: answers as the contract says, or by its whims, one for each request of NDJSON. */
export const startFeedServer = async (
  log: string,
  entries: readonly FeedEntry[],
  whims: readonly Whim[] = [],
): Promise<FeedServer> => {
  const left = [...whims]
  const requests: string[] = []
  let tokens = 0

  const after = (parameters: URLSearchParams): number | undefined => {
    const text = parameters.get('after')
    if (text === null) return 0
    const at = entries.findIndex(({ position }) => position === text)
    return text === `${log}-0-0` ? 0 : at < 0 ? undefined : at + 1
  }

  const feed = (request: IncomingMessage, response: ServerResponse, parameters: URLSearchParams) => {
    const start = after(parameters)
    if (start === undefined) {
      const errors = [{ parameter: 'after', detail: 'is no position of this log' }]
      problem(response, 422, { detail: 'The request is not valid.', errors })
      return
    }
    const types = parameters.get('types')?.split(',')
    const shown = entries.slice(start).filter(({ type }) => types?.includes(type) ?? true)
    if (request.headers.accept === 'application/json') {
      const events = shown.slice(0, Number(parameters.get('limit') ?? 100))
      const next = (events.length === 0 ? entries : events).at(-1)?.position ?? `${log}-0-0`
      response.end(JSON.stringify({ events, next }))
      return
    }
    const whim = left.shift()
    if (whim?.is === 'status') {
      problem(response, whim.status, whim.body, whim.retryAfter)
      return
    }
    response.writeHead(200, { 'Content-Type': 'application/x-ndjson' })
    const told = whim?.is === 'end' ? shown.slice(0, whim.afterEvents) : shown
    const text = Buffer.from(told.map(entry => `${JSON.stringify(entry)}\n`).join(''))
    if (whim?.is === 'break')
      response.write(text.subarray(0, whim.afterBytes), () => setImmediate(() => response.destroy()))
    else response.end(text)
  }

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://hub')
    const token = request.headers.authorization ?? ''
    if (url.pathname === '/readyz') {
      response.end(JSON.stringify({ position: entries.at(-1)?.position ?? `${log}-0-0` }))
    } else if (url.pathname === '/oidc/token') {
      const isRight = token === `Basic ${Buffer.from('lab:s%3Acret').toString('base64')}`
      tokens += 1
      response.writeHead(isRight ? 200 : 401, { 'Content-Type': 'application/json' })
      response.end(
        JSON.stringify(
          isRight
            ? { access_token: `token-${tokens}`, token_type: 'Bearer', expires_in: 600 }
            : { error: 'invalid_client' },
        ),
      )
    } else {
      requests.push(
        `${request.headers.accept === 'application/json' ? 'page' : 'lines'} ${url.search} ${token}`,
      )
      if (token.startsWith('Bearer token')) feed(request, response, url.searchParams)
      else problem(response, 401, { detail: 'The access token is not valid.' })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
