import type { RequestListener } from 'node:http'
import express, { type ErrorRequestHandler, type Request, type Response } from 'express'
import * as E from '#fp/Either'
import { accessTable, type Method } from '../auth/access-table.ts'
import type { Authenticated } from '../auth/authenticate.ts'
import type { Principal } from '../auth/policy.ts'
import { catalogue } from '../domain/catalogue.ts'
import { invalid } from '../domain/rejection.ts'
import { auditRoutes } from './audit/routes.ts'
import type { ApiDependencies } from './dependencies.ts'
import { contentRoutes } from './documents/routes.ts'
import { feedRoutes } from './feed/routes.ts'
import { historyRoutes } from './history/routes.ts'
import type { Answer } from './http/answer.ts'
import { type Call, type Handle, presentedBy } from './http/call.ts'
import type { Exchange } from './http/exchange.ts'
import { parametersOf } from './http/parameters.ts'
import type { Failure } from './http/problem.ts'
import { makeRespond, preflight } from './http/respond.ts'
import { grantOf, isPermitted } from './http/rights.ts'
import type { Route } from './http/route.ts'
import { messageRoutes } from './messages/routes.ts'
import { nodeRoutes } from './nodes/routes.ts'
import { openPaths } from './open/routes.ts'
import { peopleRoutes } from './people/routes.ts'
import { mountOidc, oidcPaths } from './provider/routes.ts'
import { documentsOfPeople } from './resources/documents-of-people.ts'
import { itemRoutes } from './resources/routes.ts'
import { subscriptionRoutes } from './subscriptions/routes.ts'

const writesStopAfter = 10_000
const readsStopAfter = 600_000

const isMethod = (name: string): name is Method =>
  name === 'GET' || name === 'POST' || name === 'PUT' || name === 'PATCH' || name === 'DELETE'

/** Headers that say where a request goes and who sends it: two of them would be read differently by others on the way. */
const singleHeaders = ['Host', 'Authorization'] as const

/** A header that must not be repeated and is (RFC 9112, section 3.2; RFC 9110, section 5.3). */
const repeatedHeader = ({ rawHeaders }: Request): string | undefined =>
  singleHeaders.find(name => {
    let count = 0
    for (let i = 0; i < rawHeaders.length; i += 2)
      if (rawHeaders[i]?.length === name.length && rawHeaders[i]?.toLowerCase() === name.toLowerCase())
        count += 1
    return count > 1
  })

const noCredentials: Failure = { _tag: 'NotAuthenticated', token: false }

/** Whether a path is one that an Express pattern names. */
const isAt = (pattern: string, path: string): boolean => {
  const [names, segments] = [pattern.split('/'), path.split('/')]
  return (
    names.length === segments.length &&
    names.every((name, i) => (name.startsWith(':') ? segments[i] !== '' : name === segments[i]))
  )
}

const methodOf = (request: Request): string => (request.method === 'HEAD' ? 'GET' : request.method)

/** Every route but those that are open and the provider's. */
export const routesOf = (dependencies: ApiDependencies): readonly Route[] => [
  // What is asked for most comes first: Express looks at one route after the other.
  ...catalogue.flatMap(resource => itemRoutes(resource, dependencies)),
  ...catalogue.flatMap(resource => contentRoutes(resource, dependencies)),
  ...documentsOfPeople(dependencies),
  ...peopleRoutes(dependencies),
  ...nodeRoutes(dependencies),
  ...historyRoutes(dependencies),
  ...auditRoutes(dependencies),
  ...feedRoutes(dependencies),
  ...messageRoutes(dependencies),
  ...subscriptionRoutes(dependencies),
]

/** The methods that a route takes, as `Allow` names them. */
const allowOf = (methods: readonly string[]): readonly string[] => [
  ...methods.flatMap(name => (name === 'GET' ? ['GET', 'HEAD'] : [name])),
  'OPTIONS',
]

/** What refuses a path only because it cannot be decoded, as Express says it. */
const isUndecodable = (error: unknown): boolean => error instanceof URIError

export interface App {
  readonly listener: RequestListener
  /** The methods that the route of a path takes; undefined where there is no route. For methods that no parser knows. */
  readonly allowAt: (path: string) => readonly string[] | undefined
}

/** The hub's HTTP interface: everything but health, documentation and the provider is refused without credentials. */
export const makeApp = (dependencies: ApiDependencies): App => {
  const { authenticate, policy, standing, trustedProxies, requestRates, corsOrigins } = dependencies
  const respond = makeRespond(dependencies)

  /** Refuses a network that sends too many requests without valid credentials. */
  const limitNetwork = (request: Request): E.Either<Failure, void> => {
    const seconds = requestRates.count(request.ip ?? '')
    return seconds === undefined ? E.right(undefined) : E.left({ _tag: 'TooManyRequests', seconds })
  }

  const preflightOf = (request: Request): E.Either<Failure, Answer> =>
    E.map(() => preflight)(limitNetwork(request))

  const silenceOf = (isWrite: boolean): Failure | undefined => {
    if (!standing.isLive()) return { _tag: 'StartingUp' }
    return standing.silentFor() > (isWrite ? writesStopAfter : readsStopAfter)
      ? { _tag: 'LogSilent' }
      : undefined
  }

  /** Finds out who makes a request. */
  const callerOf = async (
    request: Request,
    exchange: Exchange,
  ): Promise<E.Either<Failure, Authenticated>> => {
    const silence = silenceOf(methodOf(request) !== 'GET')
    if (silence !== undefined) return E.left(silence)
    if (request.headers.authorization === undefined) {
      const limited = limitNetwork(request)
      return E.isLeft(limited) ? limited : E.left(noCredentials)
    }
    const caller = await authenticate(presentedBy(request))
    if (E.isLeft(caller)) {
      // Wrong passwords are counted by account and address already.
      const isToken = caller.left._tag === 'NotAuthenticated' && caller.left.token
      const limited = isToken ? limitNetwork(request) : caller
      return E.isLeft(limited) ? limited : caller
    }
    const { kind, id } = caller.right.principal
    const refused = await exchange.enter(`${kind} ${id}`)
    return refused === undefined ? caller : E.left(refused)
  }

  const handleOf = (route: Route, request: Request): E.Either<Failure, Handle> => {
    const method = methodOf(request)
    const operation = isMethod(method) ? route.operations[method] : undefined
    if (operation !== undefined) return E.right(operation.handle)
    return E.left({ _tag: 'MethodNotAllowed', allow: allowOf(Object.keys(route.operations)) })
  }

  /**
   * Whether a browser sends a write for a page of an origin that is not allowed: it adds remembered Basic credentials by itself
   * (Fetch Metadata, `Sec-Fetch-Site`). Other clients do not send the header.
   */
  const isForeign = ({ headers, method }: Request): boolean =>
    method !== 'GET' &&
    method !== 'HEAD' &&
    (headers['sec-fetch-site'] === 'cross-site' || headers['sec-fetch-site'] === 'same-site') &&
    !corsOrigins.includes(headers.origin ?? '')

  /** Why the caller may not, by the access table; undefined when it may. */
  const refusalOf = (route: Route, request: Request, principal: Principal): Failure | undefined => {
    if (isForeign(request)) return { _tag: 'ForeignOrigin' }
    const access = accessTable.get(route.path)
    const method = methodOf(request)
    if (isMethod(method) && isPermitted(policy, access, { request, principal }, method)) return undefined
    if (principal.kind !== 'node') return { _tag: 'NotAllowed' }
    const grant = isMethod(method) ? grantOf(access, { request }, method) : undefined
    return grant?.anyScope === undefined
      ? { _tag: 'ScopeMissing', needed: grant?.scopes ?? [] }
      : { _tag: 'ScopeMissing', needed: grant.anyScope, suffices: 'one' }
  }

  /** A request to a route, by somebody who may make it now. */
  const callOf = (
    route: Route,
    about: Pick<Call, 'request' | 'response' | 'requestId' | 'exchange'>,
    caller: Authenticated,
  ): E.Either<Failure, Call> => {
    const { principal, expiresAt, renewed } = caller
    const refusal = refusalOf(route, about.request, principal)
    if (refusal !== undefined) return E.left(refusal)
    const { kind, id } = principal
    return E.right({
      ...about,
      principal,
      ...(expiresAt === undefined ? {} : { expiresAt }),
      actor: kind === 'node' ? { kind, id, node: id } : { kind, id },
      renewed: () => {
        const silence = silenceOf(methodOf(about.request) !== 'GET')
        if (silence !== undefined) return E.left(silence)
        const current = renewed()
        return E.isLeft(current) ? current : callOf(route, about, { ...caller, principal: current.right })
      },
    })
  }

  const answerOf = async (
    route: Route,
    request: Request,
    response: Response,
    exchange: Exchange,
  ): Promise<E.Either<Failure, Answer>> => {
    const caller = await callerOf(request, exchange)
    if (E.isLeft(caller)) return caller
    const handle = handleOf(route, request)
    if (E.isLeft(handle)) return handle
    const call = callOf(route, { request, response, requestId: exchange.requestId, exchange }, caller.right)
    return E.isLeft(call) ? call : handle.right(call.right)
  }

  const app = express()
  app.disable('x-powered-by')
  app.set('etag', false)
  app.set('query parser', false)
  app.set('trust proxy', trustedProxies)
  app.enable('case sensitive routing')
  // An empty id is no other name of the collection.
  app.enable('strict routing')

  app.use((request, response, next) => {
    const name = repeatedHeader(request)
    if (name === undefined) next()
    else
      void respond.answer(request, response, '(none)', async () =>
        E.left({ _tag: 'Malformed', detail: `A request has one ${name} header at most.` }),
      )
  })

  const routes = routesOf(dependencies)
  for (const route of routes) {
    app
      .route(route.path)
      .all((request, response) =>
        respond.answer(request, response, route.path, async exchange =>
          request.method === 'OPTIONS' ? preflightOf(request) : answerOf(route, request, response, exchange),
        ),
      )
  }
  const open = openPaths(dependencies, routes)
  for (const { path, answer } of open)
    app.route(path).all((request, response) =>
      respond.answer(request, response, path, async () => {
        if (request.method === 'OPTIONS') return preflightOf(request)
        const limited = limitNetwork(request)
        if (E.isLeft(limited)) return limited
        if (methodOf(request) !== 'GET') return E.left({ _tag: 'MethodNotAllowed', allow: allowOf(['GET']) })
        const parameters = parametersOf(request.url, [])
        return E.isLeft(parameters) ? parameters : E.right(await answer(request))
      }),
    )
  mountOidc(app, respond, { ...dependencies, silence: () => silenceOf(true), limitNetwork })

  const refuse = (request: Request, response: Response, failure: Failure) =>
    respond.answer(request, response, '(none)', async exchange => {
      if (request.method === 'OPTIONS') return preflightOf(request)
      const caller = await callerOf(request, exchange)
      return E.isLeft(caller) ? caller : E.left(failure)
    })
  app.use((request: Request, response: Response) => refuse(request, response, { _tag: 'NoSuchRoute' }))

  const onError: ErrorRequestHandler = (error, request, response, next) => {
    if (response.headersSent) return next(error)
    if (!isUndecodable(error))
      return respond.answer(request, response, '(none)', async () => E.left({ _tag: 'Bug', cause: error }))
    // No id can be called so.
    return refuse(
      request,
      response,
      request.method === 'POST' || request.method === 'PUT'
        ? invalid({ pointer: '/id', detail: 'must be an id: the path cannot be decoded' })
        : { _tag: 'NoSuchRoute' },
    )
  }
  app.use(onError)

  const allowances = [
    ...routes.map(({ path, operations }) => ({ path, allow: allowOf(Object.keys(operations)) })),
    ...open.map(({ path }) => ({ path, allow: allowOf(['GET']) })),
    ...oidcPaths.map(({ path, operations }) => ({ path, allow: allowOf(Object.keys(operations)) })),
  ]
  return { listener: app, allowAt: path => allowances.find(one => isAt(one.path, path))?.allow }
}
