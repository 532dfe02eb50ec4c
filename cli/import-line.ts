import * as E from '#fp/Either'
import { type Failure, sentenceOf } from '../api/http/problem.ts'
import type { SentBody } from '../commands/item-requests.ts'
import { parseJson, takeObject } from '../commands/json-text.ts'
import { catalogue } from '../domain/catalogue.ts'
import { parseAccount } from '../domain/identifiers.ts'
import { isObject, type Json, type JsonObject, member } from '../domain/json.ts'
import { people } from '../domain/people.ts'
import { type InvalidPart, invalid } from '../domain/rejection.ts'
import { type Identity, pointerOf, type Resource, streamOf } from '../domain/resource.ts'

/** One item, as a line of an import says it. */
export interface ImportLine {
  readonly resource: Resource
  readonly identity: Identity
  readonly sent: SentBody
}

/** Why a line does not go in; of what it holds no more than which item it is. */
export interface Refusal {
  readonly resource?: string
  /** As in the path after the collection. */
  readonly id?: string
  readonly reason: string
}

const mostCharacters = 2_000

/** Whatever is in the file, a refusal is one line. */
const oneLine = (text: string): string =>
  text
    .slice(0, mostCharacters)
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, c => `\\u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`)

export const idOf = ({ owner, id }: Identity): string => (owner === undefined ? id : `${owner}/${id}`)

export const refusalOf = (failure: Failure, resource?: Resource, identity?: Identity): Refusal => ({
  ...(resource === undefined ? {} : { resource: resource.name }),
  ...(identity === undefined ? {} : { id: idOf(identity) }),
  reason: oneLine(sentenceOf(failure, pointer => (pointer === '' ? 'data' : pointer))),
})

/** A `note` is for whoever reads the file: what `migrate` did not take, it lists with one. */
const members = ['resource', 'id', 'data', 'note']
const names = catalogue.map(({ name }) => name).join(', ')

const identityIn = (resource: Resource, text: string): Identity | undefined => {
  if (resource.ownerField === undefined) {
    const id = resource.parseId(text)
    return id === undefined ? undefined : { id }
  }
  const [person = '', page = '', ...more] = text.split('/')
  const [owner, id] = [parseAccount(person), resource.parseId(page)]
  return owner === undefined || id === undefined || more.length > 0 ? undefined : { owner, id }
}

const idProblem = (resource: Resource, value: Json | undefined): string => {
  if (value === undefined || value === null) return 'must be given'
  return resource.ownerField === undefined
    ? `must be ${resource.idRule}`
    : `must be PERSON/ID, of ${people.idRule}, and ${resource.idRule}`
}

/** A misspelt member must not pass unnoticed. */
const strangers = (line: JsonObject): readonly InvalidPart[] =>
  Object.keys(line)
    .filter(key => !members.includes(key))
    .slice(0, 10)
    .map(key => ({ pointer: pointerOf([key]), detail: 'is unknown: a line has resource, id and data' }))

/** What a line says, unless it cannot be read as an item of a resource. */
export const readLine = (bytes: Buffer): E.Either<Refusal, ImportLine> => {
  const parsed = parseJson(bytes, 'line')
  if (E.isLeft(parsed)) return E.left(refusalOf(parsed.left))
  const line = parsed.right.json
  if (!isObject(line)) return E.left({ reason: 'The line must be a JSON object with resource, id and data.' })
  const resource = catalogue.find(({ name }) => name === member(line, 'resource'))
  if (resource === undefined)
    return E.left(refusalOf(invalid({ pointer: '/resource', detail: `must be one of ${names}` })))
  const value = member(line, 'id')
  const identity = typeof value === 'string' ? identityIn(resource, value) : undefined
  if (identity === undefined)
    return E.left(refusalOf(invalid({ pointer: '/id', detail: idProblem(resource, value) }), resource))
  const unknown = strangers(line)
  if (unknown.length > 0) return E.left(refusalOf(invalid(...unknown), resource, identity))
  const data = takeObject(parsed.right, 'data')
  return E.isLeft(data)
    ? E.left(refusalOf(data.left, resource, identity))
    : E.right({ resource, identity, sent: { bytes, json: data.right } })
}

/** The streams that an item's rules look at beside its own: whose it is, and what it names. */
export const lookedAt = ({ resource, identity: { owner }, sent }: ImportLine): readonly string[] => [
  ...(owner === undefined ? [] : [streamOf(people, { id: owner })]),
  ...Object.entries(resource.references).flatMap(([field, named]) => {
    const value = member(sent.json, field)
    const id = typeof value === 'string' ? named.parseId(value) : undefined
    return id === undefined ? [] : [streamOf(named, { id })]
  }),
]
