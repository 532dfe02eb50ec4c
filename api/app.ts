import { randomUUID } from 'node:crypto'
import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express'
import * as E from '#fp/Either'
import type { Access } from '../auth/policy.ts'
import { catalogue } from '../domain/catalogue.ts'
import type { Answer } from './answer.ts'
import type { Call, Method, Operation, Route } from './call.ts'
import type { ApiDependencies } from './dependencies.ts'
import { errorSummary } from './error-summary.ts'
import { readyAnswer } from './health.ts'
import { itemRoutes } from './items.ts'
import { peopleRoutes } from './people.ts'
import { causeOf, type Failure, problemAnswer } from './problem.ts'

const writesStopAfter = 10_000
const readsStopAfter = 600_000

const allowedHeaders =
  'Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, Prefer, Thalamus-Min-Position, X-Request-Id'
const exposedHeaders = 'ETag, Link, Location, Retry-After, Thalamus-Position, X-Request-Id'
const allMethods = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'

const everyAnswer = ['X-Content-Type-Options', 'nosniff', 'Cache-Control', 'private, no-cache']

const isMethod = (name: string): name is Method =>
  name === 'GET' || name === 'POST' || name === 'PUT' || name === 'PATCH' || name === 'DELETE'

const requestIdOf = (header: string | readonly string[] | undefined): string =>
  typeof header === 'string' && /^[\x21-\x7e]{1,128}$/.test(header) ? header : randomUUID()

/** The hub's HTTP interface: everything but health is refused without credentials. */
export const makeApp = (dependencies: ApiDependencies): Express => {
  const { authenticate, policy, standing, health, logger, corsOrigins } = dependencies
  const routes: readonly Route[] = [
    ...peopleRoutes(dependencies),
    ...catalogue.flatMap(resource => itemRoutes(resource, dependencies)),
  ]

  const corsHeaders = (origin: string | undefined): readonly string[] => {
    if (corsOrigins.length === 0) return []
    if (origin === undefined || !corsOrigins.includes(origin)) return ['Vary', 'Origin']
    const exposed = ['Access-Control-Expose-Headers', exposedHeaders]
    return ['Access-Control-Allow-Origin', origin, ...exposed, 'Vary', 'Origin']
  }

  /** Answers a request and says so in the log: the route's pattern, never the path. */
  const serve = async (
    request: Request,
    response: Response,
    route: string,
    work: (requestId: string) => Promise<E.Either<Failure, Answer>>,
  ): Promise<void> => {
    const start = performance.now()
    const requestId = requestIdOf(request.headers['x-request-id'])
    const outcome = await work(requestId).catch((cause: unknown) => E.left<Failure>({ _tag: 'Bug', cause }))
    const answer = E.isLeft(outcome) ? problemAnswer(outcome.left) : outcome.right
    const { body } = answer
    const headers = [...everyAnswer, 'X-Request-Id', requestId, ...corsHeaders(request.headers.origin)]
    for (const name in answer.headers) headers.push(name, answer.headers[name] ?? '')
    if (body !== undefined) {
      if (answer.headers?.['Content-Type'] === undefined) headers.push('Content-Type', 'application/json')
      headers.push('Content-Length', String(Buffer.byteLength(body)))
    }
    // A flat list of headers, and a text instead of bytes: both leave in one write without a detour.
    response.writeHead(answer.status, headers)
    response.end(request.method === 'HEAD' ? undefined : body)
    const line = {
      method: request.method,
      route,
      status: answer.status,
      durationMs: Math.round((performance.now() - start) * 100) / 100,
      requestId,
    }
    if (E.isRight(outcome) || answer.status < 500) logger.info(line, 'request')
    else
      logger.error(
        { ...line, failure: outcome.left._tag, ...errorSummary(causeOf(outcome.left)) },
        'request failed',
      )
  }

  const methodOf = (request: Request): string => (request.method === 'HEAD' ? 'GET' : request.method)

  const silenceOf = (request: Request): Failure | undefined => {
    if (!standing.isLive()) return { _tag: 'StartingUp' }
    const silent = standing.silentFor()
    const patience = methodOf(request) === 'GET' ? readsStopAfter : writesStopAfter
    return silent > patience ? { _tag: 'LogSilent' } : undefined
  }

  const callOf = async (
    request: Request,
    response: Response,
    requestId: string,
  ): Promise<E.Either<Failure, Call>> => {
    const silence = silenceOf(request)
    if (silence !== undefined) return E.left(silence)
    const principal = await authenticate(request.headers.authorization)()
    if (E.isLeft(principal)) return principal
    const { kind, id } = principal.right
    return E.right({ request, response, requestId, principal: principal.right, actor: { kind, id } })
  }

  const operationOf = (route: Route, request: Request): E.Either<Failure, Operation> => {
    const method = methodOf(request)
    const operation = isMethod(method) ? route.operations[method] : undefined
    if (operation !== undefined) return E.right(operation)
    const allow = Object.keys(route.operations).flatMap(name => (name === 'GET' ? ['GET', 'HEAD'] : [name]))
    return E.left({ _tag: 'MethodNotAllowed', allow: [...allow, 'OPTIONS'] })
  }

  const answerOf = async (
    route: Route,
    request: Request,
    response: Response,
    requestId: string,
  ): Promise<E.Either<Failure, Answer>> => {
    const call = await callOf(request, response, requestId)
    if (E.isLeft(call)) return call
    const operation = operationOf(route, request)
    if (E.isLeft(operation)) return operation
    const { access, handle } = operation.right
    const permitted = access(call.right).some((needed: Access) =>
      policy.permits(call.right.principal, needed),
    )
    return permitted ? handle(call.right)() : E.left({ _tag: 'NotAllowed' })
  }

  const app = express()
  app.disable('x-powered-by')
  app.set('etag', false)
  app.set('query parser', false)
  app.enable('case sensitive routing')
  // An empty id is no other name of the collection.
  app.enable('strict routing')

  const open = (path: string, answer: () => Promise<Answer>) =>
    app
      .route(path)
      .all((request, response) =>
        serve(request, response, path, async () =>
          request.method === 'OPTIONS'
            ? E.right(preflight)
            : methodOf(request) === 'GET'
              ? E.right(await answer())
              : E.left({ _tag: 'MethodNotAllowed', allow: ['GET', 'HEAD', 'OPTIONS'] }),
        ),
      )

  const preflight: Answer = {
    status: 204,
    headers: {
      Allow: allMethods,
      'Access-Control-Allow-Methods': allMethods,
      'Access-Control-Allow-Headers': allowedHeaders,
      'Access-Control-Max-Age': '600',
    },
  }

  open('/livez', async () => ({ status: 200, body: JSON.stringify({ status: 'live' }) }))
  open('/readyz', () => readyAnswer(health))
  for (const route of routes) {
    app
      .route(route.path)
      .all((request, response) =>
        serve(request, response, route.path, async requestId =>
          request.method === 'OPTIONS' ? E.right(preflight) : answerOf(route, request, response, requestId),
        ),
      )
  }

  const nothingHere = (request: Request, response: Response) =>
    serve(request, response, '(none)', async requestId => {
      if (request.method === 'OPTIONS') return E.right(preflight)
      const call = await callOf(request, response, requestId)
      return E.isLeft(call) ? call : E.left({ _tag: 'NoSuchRoute' })
    })
  app.use(nothingHere)

  // Express itself refuses only paths that cannot be decoded: no route matches them.
  const undecodable: ErrorRequestHandler = (_error, request, response, _next) =>
    nothingHere(request, response)
  app.use(undecodable)
  return app
}
