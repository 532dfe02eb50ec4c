import { STATUS_CODES } from 'node:http'
import { accessTable, type Method } from '../../auth/access-table.ts'
import { formType } from '../http/body.ts'
import type { PathParameter } from '../http/route.ts'
import type { Answered, Described, JsonSchema, Shape, Taken } from './operation.ts'
import { securityOf, whoMay } from './who-may.ts'

/** The name of the answer that all refusals with a status share. */
export const problemKey = (status: number, hasPages = false): string =>
  `${STATUS_CODES[status]?.replaceAll(/[^A-Za-z]/g, '')}${hasPages ? 'OrPage' : ''}`

export const headersNamed = (names: readonly string[]) =>
  Object.fromEntries(names.map(name => [name, { $ref: `#/components/headers/${name}` }]))

const meanings: Readonly<Record<number, string>> = {
  200: 'Here it is.',
  201: 'It was created. There is no body where the client prefers none, or may not read the thing.',
  202: 'It will be done.',
  206: 'Here is the part of it.',
  204: 'Done. There is nothing to show, or the client prefers none of it, or may not read the thing.',
  304: 'The client’s copy is current.',
  400: 'The request is refused, in OAuth’s form (RFC 6749, section 5.2).',
  401: 'The client is not authenticated, in OAuth’s form.',
  429: 'Too many attempts failed, in OAuth’s form.',
  503: 'Not now.',
}

/** What a request can be refused for, whatever it is about. */
export const refusalsOf = (method: Method, described: Described, isOpen: boolean): readonly number[] => {
  const { body, headers = [], refuses = [], query } = described
  // What is open answers for itself.
  const ofAll = body === undefined ? [] : body === 'unread' ? [413] : [400, 413, 415, 422]
  return [
    ...(isOpen ? [] : [401, 403, 429, 503, ...ofAll]),
    ...(headers.includes('If-Match') ? [412] : []),
    ...((method === 'GET' && query !== undefined) || headers.includes('Idempotency-Key') ? [422] : []),
    ...refuses,
  ]
}

const referenceTo = ({ name }: Shape): JsonSchema => ({ $ref: `#/components/schemas/${name}` })

const bodyOf = ({ types, shape, needs = [], form }: Taken) => {
  const schema =
    shape === undefined
      ? {}
      : needs.length === 0
        ? referenceTo(shape)
        : { allOf: [referenceTo(shape), { type: 'object', required: needs }] }
  return {
    required: true,
    content: {
      ...Object.fromEntries(types.map(type => [type, { schema }])),
      ...(form === undefined ? {} : { [formType]: { schema: referenceTo(form) } }),
    },
  }
}

const contentOf = ({ shape, many, type, alternativeTypes = [] }: Answered) => {
  if (shape === undefined) return type === undefined ? {} : { content: { [type]: {} } }
  const one = referenceTo(shape)
  const list = { type: 'array', items: many === 'nested' ? { type: 'array', items: one } : one }
  return {
    content: {
      [type ?? 'application/json']: { schema: many === undefined ? one : list },
      ...Object.fromEntries(alternativeTypes.map(other => [other, {}])),
    },
  }
}

const responsesOf = (method: Method, described: Described, isOpen: boolean) => ({
  ...Object.fromEntries(
    Object.entries(described.answers).map(([status, answered]) => [
      status,
      {
        description: meanings[Number(status)],
        headers: headersNamed(['X-Request-Id', ...(answered.headers ?? [])]),
        ...contentOf(answered),
      },
    ]),
  ),
  ...Object.fromEntries(
    refusalsOf(method, described, isOpen)
      .filter(status => described.answers[status] === undefined)
      .map(status => [
        status,
        { $ref: `#/components/responses/${problemKey(status, described.refusesWithPages)}` },
      ]),
  ),
})

const parametersOf = (described: Described, ofPath: Readonly<Record<string, PathParameter>>) => [
  ...Object.entries(ofPath).map(([name, { rule, example }]) => ({
    name,
    in: 'path',
    required: true,
    description: rule,
    schema: { type: 'string' },
    example,
  })),
  ...Object.entries(described.query ?? {}).map(([name, { description, required, ...schema }]) => ({
    name,
    in: 'query',
    ...(required === undefined ? {} : { required }),
    ...(description === undefined ? {} : { description }),
    schema,
  })),
  ...(described.headers ?? []).map(name => ({ $ref: `#/components/parameters/${name}` })),
]

/** An Express path as OpenAPI writes it. */
export const pathOf = (path: string): string => path.replaceAll(/:(\w+)/g, '{$1}')

const operationIdOf = (method: Method, path: string): string =>
  [method.toLowerCase(), ...path.split(/[^A-Za-z0-9]+/)].filter(part => part !== '').join('_')

/** What the documentation says of one operation. */
export const operationOf = (
  path: string,
  method: Method,
  described: Described,
  tag: string,
  ofPath: Readonly<Record<string, PathParameter>>,
) => {
  const grant = accessTable.get(path)?.grants[method]
  const description = [described.description, grant && whoMay(grant)].filter(text => text !== undefined)
  const parameters = parametersOf(described, ofPath)
  return {
    operationId: operationIdOf(method, path),
    tags: [tag],
    summary: described.summary,
    ...(description.length === 0 ? {} : { description: description.join('\n\n') }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(described.body === undefined || described.body === 'unread'
      ? {}
      : { requestBody: bodyOf(described.body) }),
    responses: responsesOf(method, described, grant === undefined),
    security: grant === undefined ? [] : securityOf(grant),
  }
}
