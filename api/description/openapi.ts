import { STATUS_CODES } from 'node:http'
import { accessTable, type Method } from '../../auth/access-table.ts'
import { catalogue } from '../../domain/catalogue.ts'
import { scopes } from '../../domain/scopes.ts'
import { problemNames, problemShape, problemTypes, problemUrn } from '../http/problem-types.ts'
import type { Route } from '../http/route.ts'
import { answerHeaders, requestHeaders } from './header-texts.ts'
import { headersNamed, operationOf, pathOf, problemKey, refusalsOf } from './openapi-operation.ts'
import { type Described, html, type JsonSchema, type Shape } from './operation.ts'
import { jsonSchemaOf } from './shapes.ts'

/** A path that takes no credentials of people or access tokens. */
export interface OpenPath {
  readonly path: string
  readonly tag: string
  readonly operations: Partial<Readonly<Record<Method, Described>>>
}

export interface Documented {
  readonly routes: readonly Route[]
  readonly open: readonly OpenPath[]
  readonly publicUrl: string
  readonly version: string
}

const problemsOf = (status: number) => problemNames.filter(name => problemTypes[name].status === status)

const problemResponse = (status: number, hasPages: boolean) => ({
  description: problemsOf(status)
    .map(name => `[\`${name}\`](/docs#${name}): ${problemTypes[name].meaning} ${problemTypes[name].remedy}`)
    .join('\n\n'),
  headers: headersNamed([
    'X-Request-Id',
    ...(status === 401 ? ['WWW-Authenticate'] : []),
    ...(status === 429 || status === 503 ? ['Retry-After'] : []),
  ]),
  content: {
    ...(hasPages ? { [html]: {} } : {}),
    'application/problem+json': {
      schema: { $ref: '#/components/schemas/Problem' },
      examples: Object.fromEntries(
        problemsOf(status).map(name => [
          name,
          {
            value: {
              type: problemUrn(name),
              title: STATUS_CODES[status],
              status,
              detail: problemTypes[name].meaning,
              ...(status === 422
                ? { errors: [{ pointer: '/dob', detail: 'must be an existing date' }] }
                : {}),
            },
          },
        ]),
      ),
    },
  },
})

const schemaOf = ({ schema, examples }: Shape): JsonSchema =>
  examples.length === 0 ? schema() : { ...schema(), examples }

const tagOf = (path: string): string => path.split('/')[1] ?? ''

type DocumentedOperation = readonly [
  path: string,
  method: Method,
  described: Described,
  tag: string,
  of: Route['parameters'],
]

export const everyOperation = ({ routes, open }: Documented): readonly DocumentedOperation[] => {
  const methodsOf = <One>(operations: Partial<Readonly<Record<Method, One>>>) =>
    Object.entries(operations) as [Method, One][]
  return [
    ...routes.flatMap(({ path, operations, parameters }) =>
      methodsOf(operations).map(
        ([method, described]): DocumentedOperation => [path, method, described, tagOf(path), parameters],
      ),
    ),
    ...open.flatMap(({ path, operations, tag }) =>
      methodsOf(operations).map(
        ([method, described]): DocumentedOperation => [path, method, described, tag, {}],
      ),
    ),
  ]
}

/** What the groups of paths are about that are no resource. */
const aboutOthers: Readonly<Record<string, string>> = {
  personal_docs: 'The original’s paths to personal documents.',
  login: 'Whether credentials are right.',
  password: 'Setting a password.',
  feed: 'Every change to the resources in commit order: what synchronises, follows and replays.',
  audit: 'Who changed what, and when: for auditors.',
  messages: 'What nodes send each other through the hub.',
  subscriptions: 'What the hub sends nodes of the feed, by webhook.',
  nodes: 'Nodes of the federation: hospitals, laboratories and other programs, and their secrets.',
  oidc: 'The OpenID Connect provider: access tokens for nodes.',
  hub: 'The hub itself: health and documentation.',
}

export const tagsOf = (names: readonly string[]) =>
  [...new Set(names)].map(name => {
    const about = catalogue.find(resource => resource.name === name)?.about ?? aboutOthers[name]
    return about === undefined ? { name } : { name, description: about }
  })

const shapesOf = ({ body, answers }: Described): readonly Shape[] =>
  [
    ...(body === undefined || body === 'unread' ? [] : [body.shape, body.form]),
    ...Object.values(answers).map(({ shape }) => shape),
  ].filter(shape => shape !== undefined)

const verbs: Readonly<Record<string, string>> = {
  read: 'Read',
  write: 'Make and change',
  delete: 'Remove',
  send: 'Send',
}

const scopeText = (scope: string): string => {
  const [what = '', action = ''] = scope.split(':')
  return `${verbs[action]} ${what}`
}

const about = `The message and authentication server of a GNU Health Federation.

- HEAD is answered wherever GET is, and OPTIONS everywhere without credentials. A method that a path does not take is 405, with \`Allow\`.
- JSON without a \`Content-Type\` is taken as JSON; a body has at most 1 MiB. Unknown members of items are kept.
- A decimal keeps the nearest double. An integer that a double cannot hold, and text that is not Unicode, are 422.
- Every write may be sent again: the same content is answered 200 and adds nothing, and with an \`Idempotency-Key\` the first answer comes again.
- Who may write a thing and not read it is answered 204, or 201 with \`Location\`, without a body.
- Whatever is asked for can also be answered 408, 431 or 500.
- Refusals are problem details (RFC 9457). Their types are explained at \`/docs\`.`

/** OpenAPI 3.1 of the whole interface, from what the routes, the table of who may, and the problem types say. */
export const openApiOf = (documented: Documented): JsonSchema => {
  const { publicUrl, version } = documented
  const operations = everyOperation(documented)
  const paths: Record<string, Record<string, unknown>> = {}
  for (const [path, method, described, tag, ofPath = {}] of operations)
    paths[pathOf(path)] = {
      ...paths[pathOf(path)],
      [method.toLowerCase()]: operationOf(path, method, described, tag, ofPath),
    }
  const shapes = new Map(
    operations.flatMap(([, , described]) => shapesOf(described)).map(shape => [shape.name, shape]),
  )
  const problems = new Map(
    operations.flatMap(([path, method, described]) =>
      refusalsOf(method, described, !accessTable.has(path)).map(status => {
        const hasPages = described.refusesWithPages ?? false
        return [problemKey(status, hasPages), problemResponse(status, hasPages)] as const
      }),
    ),
  )
  return {
    openapi: '3.1.1',
    info: {
      title: 'Thalamus',
      version,
      description: about,
      license: { name: 'GPL-3.0-or-later', identifier: 'GPL-3.0-or-later' },
    },
    servers: [{ url: publicUrl }],
    tags: tagsOf(operations.map(([, , , tag]) => tag)),
    paths,
    components: {
      schemas: {
        ...Object.fromEntries([...shapes].map(([name, shape]) => [name, schemaOf(shape)])),
        Problem: jsonSchemaOf(problemShape),
      },
      responses: Object.fromEntries(problems),
      headers: answerHeaders,
      parameters: Object.fromEntries(
        Object.entries(requestHeaders).map(([name, text]) => [name, { name, in: 'header', ...text }]),
      ),
      securitySchemes: {
        basic: { type: 'http', scheme: 'basic', description: 'People: federation account and password.' },
        oauth2: {
          type: 'oauth2',
          description:
            'Nodes: client credentials, by client_secret_basic or private_key_jwt; tokens bound by DPoP too.',
          flows: {
            clientCredentials: {
              tokenUrl: `${publicUrl}/oidc/token`,
              scopes: Object.fromEntries(scopes.map(scope => [scope, scopeText(scope)])),
            },
          },
        },
      },
    },
  }
}
