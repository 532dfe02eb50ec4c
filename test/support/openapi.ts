import { Ajv2020 } from 'ajv/dist/2020.js'
import { isObject, type Json, type JsonObject } from '../../domain/json.ts'
import type { Client, Reply } from './client.ts'

/** An operation as the document has it. */
export interface DocumentedOperation {
  /** `GET /people/{id}` */
  readonly name: string
  readonly method: string
  readonly path: string
  readonly tag: string
  readonly isOpen: boolean
  /** Whether people may, with the rights for it: where not, nodes only. */
  readonly isForPeople: boolean
  readonly parameters: readonly DocumentedParameter[]
  readonly body: { readonly types: readonly string[]; readonly schema: JsonObject } | undefined
  readonly statuses: readonly number[]
}

export interface DocumentedParameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly schema: JsonObject
  readonly example?: string
}

export interface OpenApi {
  readonly document: JsonObject
  readonly operations: readonly DocumentedOperation[]
  /** What a `$ref` of the document stands for; anything else is itself. */
  readonly resolve: (value: Json | undefined) => JsonObject
  /** What is wrong with a value by a schema of the document; nothing, when it is good. */
  readonly errorsOf: (schema: JsonObject, value: unknown) => readonly string[]
  /** What an answer has that the document does not say of it. */
  readonly surprises: (operation: DocumentedOperation, reply: Reply) => readonly string[]
}

const methods = ['get', 'post', 'put', 'patch', 'delete']

const objectAt = (value: Json | undefined, ...keys: readonly string[]): JsonObject =>
  keys.reduce<JsonObject>(
    (object, key) => {
      const part = object[key]
      return isObject(part) ? part : {}
    },
    isObject(value) ? value : {},
  )

/** Reads a hub's `/openapi.json`. */
export const readOpenApi = async (client: Client): Promise<OpenApi> => {
  const document = (await client.get('/openapi.json')).json as JsonObject
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateSchema: false })
  ajv.addSchema({ ...document, $id: 'openapi' })
  const validators = new Map<string, ReturnType<typeof ajv.compile>>()

  const resolve: OpenApi['resolve'] = value => {
    const object = objectAt(value)
    return typeof object.$ref === 'string'
      ? resolve(objectAt(document, ...object.$ref.slice(2).split('/')))
      : object
  }

  const errorsOf: OpenApi['errorsOf'] = (schema, value) => {
    // References within the document are looked up in it.
    const text = JSON.stringify(schema).replaceAll('"$ref":"#', '"$ref":"openapi#')
    const validate = validators.get(text) ?? ajv.compile(JSON.parse(text))
    validators.set(text, validate)
    return validate(value) ? [] : (validate.errors ?? []).map(one => `${one.instancePath} ${one.message}`)
  }

  const operationOf = (path: string, method: string, described: JsonObject): DocumentedOperation => {
    const content = objectAt(described.requestBody, 'content')
    const types = Object.keys(content)
    const [tag] = described.tags as readonly string[]
    const security = described.security as readonly Json[]
    return {
      name: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase(),
      path,
      tag: tag ?? '',
      isOpen: security.length === 0,
      isForPeople: security.some(way => 'basic' in objectAt(way)),
      parameters: ((described.parameters ?? []) as readonly Json[]).map(
        one => resolve(one) as unknown as DocumentedParameter,
      ),
      body: types.length === 0 ? undefined : { types, schema: objectAt(content, types[0] ?? '', 'schema') },
      statuses: Object.keys(objectAt(described.responses)).map(Number),
    }
  }

  const surprises: OpenApi['surprises'] = ({ path, method, statuses }, reply) => {
    const { status, headers, text, json } = reply
    if (!statuses.includes(status)) return [`status ${status}: ${text.slice(0, 300)}`]
    const described = resolve(
      objectAt(document, 'paths', path, method.toLowerCase(), 'responses')[String(status)],
    )
    const lacking = Object.entries(objectAt(described.headers)).flatMap(([name, header]) =>
      resolve(header).required === true && !headers.has(name) ? [`${status} without ${name}`] : [],
    )
    if (text === '') return lacking
    const content = objectAt(described.content)
    const type = (headers.get('Content-Type') ?? '').split(';')[0] ?? ''
    const ofType = content[type] ?? content['*/*']
    const { schema } = objectAt(ofType)
    if (ofType === undefined) return [...lacking, `${status} with the type ${type}`]
    return [...lacking, ...(schema === undefined ? [] : errorsOf(objectAt(schema), json))].map(
      surprise => `${status}: ${surprise}`,
    )
  }

  const operations = Object.entries(objectAt(document.paths)).flatMap(([path, item]) =>
    methods.flatMap(method => {
      const described = objectAt(item)[method]
      return described === undefined ? [] : [operationOf(path, method, objectAt(described))]
    }),
  )
  return { document, operations, resolve, errorsOf, surprises }
}
