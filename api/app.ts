import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express'
import * as E from '#fp/Either'
import { accessTable, type Method } from '../auth/access-table.ts'
import { catalogue } from '../domain/catalogue.ts'
import { invalid } from '../domain/rejection.ts'
import type { Answer } from './answer.ts'
import type { Call, Handle, Route } from './call.ts'
import { contentRoutes } from './contents.ts'
import type { ApiDependencies } from './dependencies.ts'
import { documentsOfPeople } from './documents-of-people.ts'
import { itemRoutes } from './items.ts'
import { nodeRoutes } from './nodes.ts'
import { mountOidc } from './oidc.ts'
import { openPaths } from './open.ts'
import { parametersOf } from './parameters.ts'
import { peopleRoutes } from './people.ts'
import type { Failure } from './problem.ts'
import { makeRespond, preflight } from './respond.ts'
import { isPermitted } from './rights.ts'

const writesStopAfter = 10_000
const readsStopAfter = 600_000

const isMethod = (name: string): name is Method =>
  name === 'GET' || name === 'POST' || name === 'PUT' || name === 'PATCH' || name === 'DELETE'

const methodOf = (request: Request): string => (request.method === 'HEAD' ? 'GET' : request.method)

const oneHeader = (value: string | readonly string[] | undefined): string | undefined =>
  value === undefined ? undefined : String(value)

/** Every route but those that are open and the provider's. */
export const routesOf = (dependencies: ApiDependencies): readonly Route[] => [
  // What is asked for most comes first: Express looks at one route after the other.
  ...catalogue.flatMap(resource => itemRoutes(resource, dependencies)),
  ...catalogue.flatMap(resource => contentRoutes(resource, dependencies)),
  ...documentsOfPeople(dependencies),
  ...peopleRoutes(dependencies),
  ...nodeRoutes(dependencies),
]

/** The hub's HTTP interface: everything but health and the provider is refused without credentials. */
export const makeApp = (dependencies: ApiDependencies): Express => {
  const { authenticate, policy, standing, logger, corsOrigins, trustedProxies } = dependencies
  const respond = makeRespond(logger, corsOrigins)

  const silenceOf = (isWrite: boolean): Failure | undefined => {
    if (!standing.isLive()) return { _tag: 'StartingUp' }
    return standing.silentFor() > (isWrite ? writesStopAfter : readsStopAfter)
      ? { _tag: 'LogSilent' }
      : undefined
  }

  const callOf = async (
    request: Request,
    response: Response,
    requestId: string,
  ): Promise<E.Either<Failure, Call>> => {
    const silence = silenceOf(methodOf(request) !== 'GET')
    if (silence !== undefined) return E.left(silence)
    const { authorization, dpop } = request.headers
    const principal = await authenticate({
      authorization,
      dpop: oneHeader(dpop),
      method: request.method,
      path: request.originalUrl,
      address: () => request.ip ?? '',
    })()
    if (E.isLeft(principal)) return principal
    const { kind, id } = principal.right
    const actor = kind === 'node' ? { kind, id, node: id } : { kind, id }
    return E.right({ request, response, requestId, principal: principal.right, actor })
  }

  const handleOf = (route: Route, request: Request): E.Either<Failure, Handle> => {
    const method = methodOf(request)
    const operation = isMethod(method) ? route.operations[method] : undefined
    if (operation !== undefined) return E.right(operation.handle)
    const allow = Object.keys(route.operations).flatMap(name => (name === 'GET' ? ['GET', 'HEAD'] : [name]))
    return E.left({ _tag: 'MethodNotAllowed', allow: [...allow, 'OPTIONS'] })
  }

  /** Why the caller may not, by the access table; undefined when it may. */
  const refusalOf = (route: Route, call: Call): Failure | undefined => {
    const access = accessTable.get(route.path)
    const method = methodOf(call.request)
    if (isMethod(method) && isPermitted(policy, access, call, method)) return undefined
    return call.principal.kind === 'node'
      ? { _tag: 'ScopeMissing', scope: isMethod(method) ? access?.grants[method]?.scope : undefined }
      : { _tag: 'NotAllowed' }
  }

  const answerOf = async (
    route: Route,
    request: Request,
    response: Response,
    requestId: string,
  ): Promise<E.Either<Failure, Answer>> => {
    const call = await callOf(request, response, requestId)
    if (E.isLeft(call)) return call
    const handle = handleOf(route, request)
    if (E.isLeft(handle)) return handle
    const refusal = refusalOf(route, call.right)
    return refusal === undefined ? handle.right(call.right)() : E.left(refusal)
  }

  const app = express()
  app.disable('x-powered-by')
  app.set('etag', false)
  app.set('query parser', false)
  app.set('trust proxy', trustedProxies)
  app.enable('case sensitive routing')
  // An empty id is no other name of the collection.
  app.enable('strict routing')

  const routes = routesOf(dependencies)
  for (const route of routes) {
    app
      .route(route.path)
      .all((request, response) =>
        respond.answer(request, response, route.path, async requestId =>
          request.method === 'OPTIONS' ? E.right(preflight) : answerOf(route, request, response, requestId),
        ),
      )
  }
  for (const { path, answer } of openPaths(dependencies, routes))
    app.route(path).all((request, response) =>
      respond.answer(request, response, path, async () => {
        if (request.method === 'OPTIONS') return E.right(preflight)
        if (methodOf(request) !== 'GET')
          return E.left({ _tag: 'MethodNotAllowed', allow: ['GET', 'HEAD', 'OPTIONS'] })
        const parameters = parametersOf(request.url, [])
        return E.isLeft(parameters) ? parameters : E.right(await answer(request))
      }),
    )
  mountOidc(app, respond, { ...dependencies, silence: () => silenceOf(true) })

  const nothingHere = (request: Request, response: Response) =>
    respond.answer(request, response, '(none)', async requestId => {
      if (request.method === 'OPTIONS') return E.right(preflight)
      const call = await callOf(request, response, requestId)
      return E.isLeft(call) ? call : E.left({ _tag: 'NoSuchRoute' })
    })
  app.use(nothingHere)

  // Express itself refuses only paths that cannot be decoded: no id can be called so.
  const undecodable: ErrorRequestHandler = (_error, request, response, _next) =>
    respond.answer(request, response, '(none)', async requestId => {
      if (request.method === 'OPTIONS') return E.right(preflight)
      const call = await callOf(request, response, requestId)
      if (E.isLeft(call)) return call
      return request.method === 'POST' || request.method === 'PUT'
        ? E.left(invalid({ pointer: '/id', detail: 'must be an id: the path cannot be decoded' }))
        : E.left({ _tag: 'NoSuchRoute' })
    })
  app.use(undecodable)
  return app
}
