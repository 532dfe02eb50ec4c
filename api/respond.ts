import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { pipeline } from 'node:stream/promises'
import type { Request, Response } from 'express'
import type { Logger } from 'pino'
import * as E from '#fp/Either'
import type { Answer } from './answer.ts'
import { errorSummary } from './error-summary.ts'
import { causeOf, type Failure, problemAnswer } from './problem.ts'
import { askForBody, letPass, unreadOf } from './unread.ts'

const allowedHeaders =
  'Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, Prefer, Thalamus-Min-Position, X-Request-Id'
const exposedHeaders = 'ETag, Link, Location, Retry-After, Thalamus-Position, X-Request-Id'
const allMethods = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'

const cacheControl = 'private, no-cache'

/** The answer to OPTIONS, with or without credentials. */
export const preflight: Answer = {
  status: 204,
  headers: {
    Allow: allMethods,
    'Access-Control-Allow-Methods': allMethods,
    'Access-Control-Allow-Headers': allowedHeaders,
    'Access-Control-Max-Age': '600',
  },
}

const requestIdOf = (header: string | readonly string[] | undefined): string =>
  typeof header === 'string' && /^[\x21-\x7e]{1,128}$/.test(header) ? header : randomUUID()

export interface Respond {
  /** Answers a request and says so in the log: the route's pattern, never the path. */
  readonly answer: (
    request: Request,
    response: Response,
    route: string,
    work: (requestId: string) => Promise<E.Either<Failure, Answer>>,
  ) => Promise<void>
  /** The same for work that writes the response by itself; settles when that is done. */
  readonly hand: (
    request: Request,
    response: Response,
    route: string,
    work: () => Promise<void>,
  ) => Promise<void>
}

/**
 * Sends bytes as they are read, no faster than the client takes them. Where reading fails the connection is destroyed, so
 * that the client cannot take what it has for the whole; the failure is given. A client that went away is none.
 */
const sent = async (
  stream: AsyncIterable<Uint8Array>,
  response: Response,
): Promise<{ readonly cause: unknown } | undefined> => {
  let failure: { readonly cause: unknown } | undefined
  async function* noting() {
    try {
      yield* stream
    } catch (cause) {
      failure = { cause }
      throw cause
    }
  }
  await pipeline(noting, response).catch(() => undefined)
  return failure
}

export const makeRespond = (logger: Logger, corsOrigins: readonly string[]): Respond => {
  const corsHeaders = (origin: string | undefined): readonly string[] => {
    if (corsOrigins.length === 0) return []
    if (origin === undefined || !corsOrigins.includes(origin)) return ['Vary', 'Origin']
    const exposed = ['Access-Control-Expose-Headers', exposedHeaders]
    return ['Access-Control-Allow-Origin', origin, ...exposed, 'Vary', 'Origin']
  }

  const usualHeaders = (request: Request, requestId: string): string[] => [
    'X-Content-Type-Options',
    'nosniff',
    'X-Request-Id',
    requestId,
    ...corsHeaders(request.headers.origin),
  ]

  const lineOf = (request: Request, route: string, status: number, start: number, requestId: string) => ({
    method: request.method,
    route,
    status,
    durationMs: Math.round((performance.now() - start) * 100) / 100,
    requestId,
  })

  return {
    answer: async (request, response, route, work) => {
      const start = performance.now()
      const requestId = requestIdOf(request.headers['x-request-id'])
      const outcome = await work(requestId).catch((cause: unknown) => E.left<Failure>({ _tag: 'Bug', cause }))
      const answer = E.isLeft(outcome) ? problemAnswer(outcome.left) : outcome.right
      const { body } = answer
      const headers = usualHeaders(request, requestId)
      for (const name in answer.headers) headers.push(name, answer.headers[name] ?? '')
      if (body !== undefined) {
        if (answer.headers?.['Content-Type'] === undefined) headers.push('Content-Type', 'application/json')
        headers.push('Content-Length', String(Buffer.byteLength(body)))
      }
      if (answer.headers?.['Cache-Control'] === undefined) headers.push('Cache-Control', cacheControl)
      const unread = unreadOf(request, response)
      if (unread !== 'little') headers.push('Connection', 'close')
      // A flat list of headers, and a text instead of bytes: both leave in one write without a detour.
      response.writeHead(answer.status, headers)
      const text = request.method === 'HEAD' ? undefined : body
      const stream = request.method === 'HEAD' ? undefined : answer.stream
      let broken: { readonly cause: unknown } | undefined
      if (stream !== undefined) broken = await sent(stream, response)
      else if (unread === 'coming') {
        response.flushHeaders()
        if (text !== undefined) response.write(text)
      } else {
        // Node does so by itself only where nobody has begun to read.
        if (unread === 'little' && !request.complete) request.resume()
        response.end(text)
      }
      const line = lineOf(request, route, answer.status, start, requestId)
      if (broken !== undefined)
        logger.error({ ...line, failure: 'BrokenOff', ...errorSummary(broken.cause) }, 'request failed')
      else if (E.isRight(outcome) || answer.status < 500) logger.info(line, 'request')
      else
        logger.error(
          { ...line, failure: outcome.left._tag, ...errorSummary(causeOf(outcome.left)) },
          'request failed',
        )
      if (stream === undefined && unread === 'coming') {
        await letPass(request)
        response.end()
      }
    },

    hand: async (request, response, route, work) => {
      const start = performance.now()
      const requestId = requestIdOf(request.headers['x-request-id'])
      const headers = [...usualHeaders(request, requestId), 'Cache-Control', cacheControl]
      for (let i = 0; i < headers.length; i += 2) response.setHeader(headers[i] ?? '', headers[i + 1] ?? '')
      const closed = once(response, 'close')
      askForBody(request, response)
      await work()
      // What was not read of a body would be taken for the next request.
      if (!request.complete) request.resume()
      await closed
      logger.info(lineOf(request, route, response.statusCode, start, requestId), 'request')
    },
  }
}
