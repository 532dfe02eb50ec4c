import type { Request } from 'express'
import { z } from 'zod'
import * as E from '#fp/Either'
import manifest from '../../package.json' with { type: 'json' }
import type { ApiDependencies } from '../dependencies.ts'
import { docsFiles, docsPage } from '../description/docs-page.ts'
import { type Documented, openApiOf } from '../description/openapi.ts'
import type { Described } from '../description/operation.ts'
import { shapeOf } from '../description/shapes.ts'
import { type Answer, jsonAnswer } from '../http/answer.ts'
import { presentedBy } from '../http/call.ts'
import { representationOf } from '../http/representation.ts'
import type { Route } from '../http/route.ts'
import { oidcPaths } from '../provider/routes.ts'
import { readyAnswer } from './health.ts'
import { maySeeMetrics, metricsAnswer } from './metrics.ts'
import { startPage, startShape } from './start-page.ts'

/** A path that everybody may read, with or without credentials. */
export interface Open {
  readonly path: string
  readonly answer: (request: Request) => Promise<Answer>
  /** Only such requests: to all others it is a path that is not there. Without, every request. */
  readonly isFor?: (request: Request) => boolean
  /** None: it is a part of another one. */
  readonly says?: Described
}

const positionExample = '0f8fad5b-d9cb-469f-a165-70867728950e-0-42'
const projection = z.strictObject({ name: z.string(), position: z.string(), lag: z.int().min(0) })
const version = z.string().optional()
const readyShape = z.strictObject({
  status: z.enum(['ready']),
  position: z.string(),
  projections: z.array(projection),
  version,
})
const unreadyShape = z.strictObject({
  status: z.enum(['starting', 'unavailable']),
  position: z.string().optional(),
  projections: z.array(projection).optional(),
  problems: z.array(z.string()),
  version,
})
const projections = [{ name: 'people', position: positionExample, lag: 0 }]
const shapes = {
  live: shapeOf('Live', z.strictObject({ status: z.literal('live') }), { status: 'live' }),
  ready: shapeOf('Ready', readyShape, { status: 'ready', position: positionExample, projections }),
  unready: shapeOf('Unready', unreadyShape, {
    status: 'starting',
    position: positionExample,
    projections,
    problems: ['the read models are being built'],
  }),
  openApi: shapeOf('OpenApi', z.looseObject({ openapi: z.string() })),
}

const readsOnce = { headers: ['If-None-Match'], query: {} } as const

/** What is open without credentials, beside the provider: health, and what the interface says of itself. */
export const openPaths = (
  {
    authenticate,
    health,
    metrics,
    metricsToken,
    publicUrl,
  }: Pick<ApiDependencies, 'authenticate' | 'health' | 'metrics' | 'metricsToken' | 'publicUrl'>,
  routes: readonly Route[],
): readonly Open[] => {
  /** Operators and nodes see which release runs; credentials that are wrong are as good as none. */
  const seesVersion = async (request: Request): Promise<boolean> => {
    if (request.headers.authorization === undefined) return false
    const caller = await authenticate(presentedBy(request))
    if (E.isLeft(caller)) return false
    const { principal } = caller.right
    return principal.kind === 'node' || principal.roles.includes('root')
  }
  const documented = (): Documented => ({ routes, open: described(), publicUrl, version: manifest.version })
  const paths: readonly Open[] = [
    {
      path: '/',
      answer: startPage,
      says: {
        summary: 'What this is, with links',
        ...readsOnce,
        answers: {
          200: { shape: startShape, alternativeTypes: ['text/html'], headers: ['ETag'] },
          304: { headers: ['ETag'] },
        },
      },
    },
    {
      path: '/livez',
      answer: async () => jsonAnswer(200, JSON.stringify({ status: 'live' })),
      says: { summary: 'Is the process up?', query: {}, answers: { 200: { shape: shapes.live } } },
    },
    {
      path: '/readyz',
      answer: async request =>
        readyAnswer(health, (await seesVersion(request)) ? manifest.version : undefined),
      says: {
        summary: 'Do the stores answer, and has the read side caught up?',
        description:
          '`version` is only for nodes and for people with the role root. Credentials are optional.',
        query: {},
        answers: {
          200: { shape: shapes.ready },
          503: { shape: shapes.unready, headers: ['Retry-After'] },
        },
      },
    },
    {
      path: '/metrics',
      answer: () => metricsAnswer(metrics),
      isFor: maySeeMetrics(metricsToken),
      says: {
        summary: 'What this process counts of itself, for Prometheus',
        description:
          'Only from the machine of the hub itself, or with METRICS_TOKEN as Bearer; otherwise it is a path that is not there.',
        query: {},
        answers: { 200: { type: 'text/plain' } },
      },
    },
    {
      path: '/openapi.json',
      answer: representationOf(
        async () => Buffer.from(JSON.stringify(openApiOf(documented()))),
        'application/json',
      ),
      says: {
        summary: 'This very document',
        ...readsOnce,
        answers: { 200: { shape: shapes.openApi, headers: ['ETag'] }, 304: { headers: ['ETag'] } },
      },
    },
    {
      path: '/docs',
      answer: docsPage(documented),
      says: {
        summary: 'The same for a browser, and what each type of problem means',
        ...readsOnce,
        answers: { 200: { type: 'text/html', headers: ['ETag'] }, 304: { headers: ['ETag'] } },
      },
    },
    ...Object.entries(docsFiles).map(([path, answer]): Open => ({ path, answer })),
  ]
  const described = () => [
    ...oidcPaths,
    ...paths.flatMap(({ path, says }) =>
      says === undefined ? [] : [{ path, tag: 'hub', operations: { GET: says } }],
    ),
  ]
  return paths
}
