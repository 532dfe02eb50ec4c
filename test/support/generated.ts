import fc, { type Arbitrary } from 'fast-check'
import { isObject, type Json, type JsonObject } from '../../domain/json.ts'
import type { DocumentedOperation, DocumentedParameter, OpenApi } from './openapi.ts'

const awkward = [
  '',
  ' ',
  '\0',
  '__proto__',
  '$where',
  'a.b',
  'null',
  '0',
  'ñandú',
  '😀',
  '<b>',
  "';--",
  '\u2028',
]

/** Bodies that no value is written as. */
const awkwardBodies = [
  '{"v": 1e999}',
  '{"v": 9007199254740993}',
  '{"v": 1, "v": {"v": 2}}',
  '{"\\u0000": "\\ud800"}',
  '\ufeff{}',
  '{"v": NaN}',
  `${'{"v":'.repeat(70)}1${'}'.repeat(70)}`,
  `[${'[],'.repeat(2_000)}[]]`,
]

const text: Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.string({ maxLength: 20 }) },
  { weight: 2, arbitrary: fc.constantFrom(...awkward) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 210 }) },
)

const anything = fc.jsonValue({ maxDepth: 3 }) as Arbitrary<Json>

const strings = ({ pattern, maxLength = 300 }: JsonObject): Arbitrary<string> => {
  const made = typeof pattern === 'string' ? fc.stringMatching(new RegExp(pattern)) : text
  return made.map(value => value.slice(0, Number(maxLength)))
}

const numbers = ({ type, minimum = -1e6, maximum = 1e6 }: JsonObject): Arbitrary<number> => {
  const [min, max] = [Number(minimum), Number(maximum)]
  return type === 'integer' ? fc.integer({ min, max }) : fc.double({ min, max, noNaN: true })
}

/**
 * Makes values that a schema of the document takes, or nearly: not every rule is one of JSON Schema. `members` are
 * values of members that mean something to the hub.
 */
export const valuesOf = (api: OpenApi, members: Known['members'] = {}) => {
  const of = (given: Json | undefined): Arbitrary<Json> => {
    const schema = api.resolve(given)
    const { allOf, anyOf, oneOf, type } = schema
    const choices = anyOf ?? oneOf
    if (Array.isArray(allOf)) return of(merged(allOf.map(api.resolve)))
    if (Array.isArray(schema.enum)) return fc.constantFrom(...(schema.enum as readonly Json[]))
    if (schema.const !== undefined) return fc.constant(schema.const)
    if (Array.isArray(choices)) return fc.oneof(...choices.map(of))
    if (Array.isArray(type)) return fc.oneof(...type.map(one => of({ ...schema, type: one })))
    switch (type) {
      case 'string':
        return strings(schema)
      case 'integer':
      case 'number':
        return numbers(schema)
      case 'boolean':
        return fc.boolean()
      case 'null':
        return fc.constant(null)
      case 'array':
        return fc.array(of(schema.items), { maxLength: 4 })
      case 'object':
        return objectsOf(schema)
      default:
        return anything
    }
  }

  const merged = (parts: readonly JsonObject[]): JsonObject => ({
    ...Object.assign({}, ...parts),
    required: parts.flatMap(({ required }) => (Array.isArray(required) ? required : [])),
  })

  const objectsOf = ({ properties, required, additionalProperties }: JsonObject): Arbitrary<Json> => {
    // A member that can have no value is left out.
    const possible = Object.entries(isObject(properties) ? properties : {}).filter(
      ([, schema]) => !isObject(schema) || schema.not === undefined,
    )
    const needed: readonly Json[] = Array.isArray(required) ? required : []
    const known = possible.map(([name, schema]) => {
      const meant = members[name]
      const value =
        meant === undefined
          ? of(schema)
          : fc.oneof(
              { weight: 3, arbitrary: fc.constantFrom(...meant) },
              { weight: 1, arbitrary: of(schema) },
            )
      const member = value.map((given): [string, Json][] => [[name, given]])
      const absent = fc.constant<[string, Json][]>([])
      const [weight, other] = needed.includes(name) ? [1, 0] : [1, 3]
      return fc.oneof({ weight, arbitrary: member }, { weight: other, arbitrary: absent })
    })
    const more = fc.array(fc.tuple(text, anything), { maxLength: additionalProperties === false ? 0 : 2 })
    return fc
      .tuple(more, ...known)
      .map(([others, ...parts]) => Object.fromEntries([...others, ...parts.flat()]))
  }
  return of
}

/** A request for an operation: who asks, by number, and what is sent. */
export interface GeneratedRequest {
  readonly who: number
  readonly isHead: boolean
  readonly path: Readonly<Record<string, string>>
  readonly query: readonly (readonly [string, string])[]
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

/** What callers know of the hub: ids that are there, headers and members of bodies that mean something. */
export interface Known {
  /** Of the parameters of an operation's path. */
  readonly ids: (operation: DocumentedOperation) => Readonly<Record<string, readonly string[]>>
  readonly headers: Readonly<Record<string, readonly string[]>>
  readonly members: Readonly<Record<string, readonly Json[]>>
}

const spoilt = (good: Arbitrary<Json>): Arbitrary<Json> =>
  fc.tuple(good, fc.nat(), anything).map(([value, n, other]) => {
    if (!isObject(value)) return other
    const names = Object.keys(value)
    const name = names[n % names.length] ?? 'more'
    return Object.fromEntries([...Object.entries(value), [name, other]])
  })

const encoded = (body: Json, types: readonly string[]): string =>
  types.includes('application/x-www-form-urlencoded') && isObject(body)
    ? new URLSearchParams(
        Object.entries(body).map(([name, value]): [string, string] => [
          name,
          typeof value === 'string' ? value : JSON.stringify(value),
        ]),
      ).toString()
    : JSON.stringify(body)

/** Good and bad requests for an operation, made from what the document says of it. */
export const requestsFor = (
  api: OpenApi,
  operation: DocumentedOperation,
  callers: number,
  known: Known,
): Arbitrary<GeneratedRequest> => {
  const of = valuesOf(api, known.members)
  const parametersIn = (place: DocumentedParameter['in']) =>
    operation.parameters.filter(one => one.in === place)

  const ids = (name: string) =>
    fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom(...(known.ids(operation)[name] ?? ['some-id'])) },
      { weight: 1, arbitrary: fc.stringMatching(/^[A-Za-z0-9_~:-]{1,20}$/) },
      { weight: 1, arbitrary: text.filter(id => !/^(|\.|\.\.)$/.test(id) && id.isWellFormed()) },
    )
  const path = fc.record(Object.fromEntries(parametersIn('path').map(({ name }) => [name, ids(name)])))

  const good = (schema: JsonObject) => of(schema).map(value => String(value))
  const query = fc.tuple(
    ...parametersIn('query').map(({ name, schema }) =>
      fc.oneof(
        { weight: 6, arbitrary: fc.constant([]) },
        { weight: 2, arbitrary: good(schema).map(value => [[name, value] as const]) },
        { weight: 1, arbitrary: text.map(value => [[name, value] as const]) },
      ),
    ),
    fc.oneof(
      { weight: 12, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.tuple(text, text).map(pair => [pair]) },
    ),
  )

  const types = (operation.body?.types ?? ['application/json']).map(type =>
    type === '*/*' ? 'image/png' : type,
  )
  const contentTypes = fc.oneof(
    // Only a form has to say that it is one.
    {
      weight: 8,
      arbitrary: fc.constantFrom(
        ...(types.includes('application/x-www-form-urlencoded') ? [] : [undefined]),
        ...types,
      ),
    },
    { weight: 1, arbitrary: fc.constantFrom('text/plain', 'application/json; charset=latin1', 'x', '') },
  )
  const printable = fc.stringMatching(/^[!-~]([ -~]{0,30}[!-~])?$/)
  const headers = fc
    .tuple(
      ...parametersIn('header').map(({ name }) =>
        fc
          .oneof(
            { weight: 8, arbitrary: fc.constant(undefined) },
            { weight: 3, arbitrary: fc.constantFrom(...(known.headers[name] ?? ['x'])) },
            { weight: 1, arbitrary: printable },
          )
          .map((value): [string, string | undefined] => [name, value]),
      ),
      contentTypes.map((type): [string, string | undefined] => ['Content-Type', type]),
    )
    .map(pairs =>
      Object.fromEntries(pairs.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
    )

  const { body } = operation
  const bodies =
    body === undefined
      ? fc.constant(undefined)
      : fc.oneof(
          { weight: 6, arbitrary: of(body.schema).map(value => encoded(value, body.types)) },
          { weight: 3, arbitrary: spoilt(of(body.schema)).map(value => encoded(value, body.types)) },
          {
            weight: 1,
            arbitrary: fc.oneof(
              anything.map(value => JSON.stringify(value)),
              text,
              fc.constantFrom(...awkwardBodies),
            ),
          },
        )
  return fc.record({
    who: fc.nat({ max: callers - 1 }),
    isHead: operation.method === 'GET' ? fc.boolean() : fc.constant(false),
    path,
    query: query.map(parts => parts.flat()),
    headers,
    body: bodies,
  })
}
