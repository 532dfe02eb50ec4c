import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { pipeline } from 'node:stream/promises'
import type { Request, Response } from 'express'
import type { Logger } from 'pino'
import * as E from '#fp/Either'
import { traceIdOf, traceparentIn } from '../../domain/trace-context.ts'
import type { Metrics, WaitingFor } from '../../metrics/metrics.ts'
import type { Answer } from './answer.ts'
import { errorSummary } from './error-summary.ts'
import { beginExchange, type Exchange, type Load } from './exchange.ts'
import { causeOf, type Failure, problemAnswer } from './problem.ts'
import { quotaHeaders } from './quota.ts'
import { askForBody, bodyMilliseconds, discardBody, letPass, unreadOf } from './unread.ts'

const allowedHeaders =
  'Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, Prefer, Thalamus-Min-Position, X-Request-Id'
const exposedHeaders = 'ETag, Link, Location, Retry-After, Thalamus-Position, X-Request-Id'
const allMethods = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'

const cacheControl = 'private, no-cache'

/** A client that takes nothing of its answer for so long is gone. */
const takingMilliseconds = 30_000
/** What a stream holds: the piece that is read, and the piece that is sent. */
const streamBytes = 256 * 1024
/** Seconds that a browser keeps to https (RFC 6797): a year. */
const strictTransport = 'max-age=31536000'

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
    work: (exchange: Exchange) => Promise<E.Either<Failure, Answer>>,
  ) => Promise<void>
  /**
   * The same for work that writes the response by itself; settles when that is done. A body that has not arrived after ten
   * seconds is answered with `tooSlow`.
   */
  readonly hand: (
    request: Request,
    response: Response,
    route: string,
    work: () => Promise<void>,
    tooSlow: Answer,
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
    const pieces = stream[Symbol.asyncIterator]()
    try {
      for (;;) {
        // The client's time runs while it takes what was made, not while the next piece is made.
        response.socket?.setTimeout(0)
        const piece = await pieces.next()
        response.socket?.setTimeout(takingMilliseconds)
        if (piece.done) return
        yield piece.value
      }
    } catch (cause) {
      failure = { cause }
      throw cause
    } finally {
      await pieces.return?.()
    }
  }
  await pipeline(noting, response).catch(() => undefined)
  return failure
}

/** Answers while the body is still arriving, and ends the connection with it. */
const endWith = (request: Request, response: Response, { status, headers, body }: Answer): void => {
  response.once('finish', () => request.destroy())
  response.writeHead(status, { ...headers, Connection: 'close' }).end(body)
}

export interface RespondDependencies {
  readonly logger: Logger
  readonly corsOrigins: readonly string[]
  readonly load: Load
  readonly metrics: Pick<Metrics, 'answered' | 'refused'>
  /** The hub itself serves https. */
  readonly isSecure: boolean
}

const bytesOf = ({ body, stream, heldBytes = streamBytes }: Answer): number =>
  stream !== undefined ? heldBytes : body === undefined ? 0 : Buffer.byteLength(body)

/** What is answered where the memory for the answer cannot be held: a write was done, and its answer has no body. */
const withinBudget = (
  request: Request,
  outcome: E.Either<Failure, Answer>,
  exchange: Exchange,
): E.Either<Failure, Answer> => {
  if (E.isLeft(outcome) || request.method === 'HEAD') return outcome
  const refused = exchange.holdAnswer(bytesOf(outcome.right))
  if (refused === undefined) return outcome
  const { status, headers = {} } = outcome.right
  if (request.method === 'GET') return E.left(refused)
  return E.right({ status: status === 200 ? 204 : status, headers })
}

/** Whose limit a refusal comes from. */
const limitMet: Partial<Readonly<Record<Failure['_tag'], 'caller' | 'process'>>> = {
  CallerBusy: 'caller',
  CallerWaits: 'caller',
  CallerOverBudget: 'caller',
  Busy: 'process',
  ProcessOverBudget: 'process',
}

/** What a client waits for whose answer is a stream. */
const waitingAt = (route: string): WaitingFor =>
  route === '/feed' ? 'feed' : route === '/messages' ? 'inbox' : 'stream'

export const makeRespond = (dependencies: RespondDependencies): Respond => {
  const { logger, corsOrigins, load, metrics, isSecure } = dependencies

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
    ...(isSecure ? ['Strict-Transport-Security', strictTransport] : []),
    ...corsHeaders(request.headers.origin),
  ]

  const lineOf = (request: Request, route: string, status: number, start: number, requestId: string) => {
    const traceparent = traceparentIn(request.headers.traceparent)
    return {
      method: request.method,
      route,
      status,
      durationMs: Math.round((performance.now() - start) * 100) / 100,
      requestId,
      ...(traceparent === undefined ? {} : { traceId: traceIdOf(traceparent) }),
    }
  }

  return {
    answer: async (request, response, route, work) => {
      const start = performance.now()
      const requestId = requestIdOf(request.headers['x-request-id'])
      const exchange = beginExchange(load, request, response, requestId)
      const worked = await work(exchange).catch((cause: unknown) => E.left<Failure>({ _tag: 'Bug', cause }))
      const affordable = withinBudget(request, worked, exchange)
      const isStreamed =
        E.isRight(affordable) && affordable.right.stream !== undefined && request.method !== 'HEAD'
      const streaming = isStreamed ? await exchange.beginWaiting(waitingAt(route)) : undefined
      const outcome = streaming !== undefined && E.isLeft(streaming) ? streaming : affordable
      exchange.leave()
      const answer = E.isLeft(outcome) ? problemAnswer(outcome.left) : outcome.right
      const limit = E.isLeft(outcome) ? limitMet[outcome.left._tag] : undefined
      if (limit !== undefined) metrics.refused(limit)
      const seconds = (performance.now() - start - exchange.idle()) / 1000
      metrics.answered({ method: request.method, route, status: answer.status, seconds })
      const { body } = answer
      const quota = exchange.quota()
      const headers = usualHeaders(request, requestId)
      if (quota !== undefined) headers.push(...quotaHeaders(quota))
      for (const name in answer.headers) headers.push(name, answer.headers[name] ?? '')
      if (body !== undefined) {
        if (answer.headers?.['Content-Type'] === undefined) headers.push('Content-Type', 'application/json')
        headers.push('Content-Length', String(Buffer.byteLength(body)))
      }
      if (answer.headers?.['Cache-Control'] === undefined) headers.push('Cache-Control', cacheControl)
      const unread = unreadOf(request, response)
      if (unread !== 'little') headers.push('Connection', 'close')
      request.socket.setTimeout(takingMilliseconds)
      // A flat list of headers, and a text instead of bytes: both leave in one write without a detour.
      response.writeHead(answer.status, headers)
      const text = request.method === 'HEAD' ? undefined : body
      const stream = request.method === 'HEAD' ? undefined : answer.stream
      let broken: { readonly cause: unknown } | undefined
      if (stream !== undefined) {
        broken = await sent(stream, response)
        if (streaming !== undefined && E.isRight(streaming)) streaming.right()
      } else if (unread === 'coming') {
        response.flushHeaders()
        if (text !== undefined) response.write(text)
      } else {
        // Node does so by itself only where nobody has begun to read.
        if (unread === 'little' && !request.complete) discardBody(request)
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

    hand: async (request, response, route, work, tooSlow) => {
      const start = performance.now()
      const requestId = requestIdOf(request.headers['x-request-id'])
      const headers = [...usualHeaders(request, requestId), 'Cache-Control', cacheControl]
      for (let i = 0; i < headers.length; i += 2) response.setHeader(headers[i] ?? '', headers[i + 1] ?? '')
      const closed = once(response, 'close')
      askForBody(request, response)
      const late = setTimeout(() => {
        if (request.complete) return
        if (response.headersSent) request.destroy()
        else endWith(request, response, tooSlow)
      }, bodyMilliseconds)
      await work()
      request.socket.setTimeout(takingMilliseconds)
      if (!request.complete) discardBody(request)
      await closed
      clearTimeout(late)
      const { method } = request
      const seconds = (performance.now() - start) / 1000
      metrics.answered({ method, route, status: response.statusCode, seconds })
      logger.info(lineOf(request, route, response.statusCode, start, requestId), 'request')
    },
  }
}
