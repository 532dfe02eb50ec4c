import { isUtf8 } from 'node:buffer'
import * as E from '#fp/Either'
import { isObject, type Json, type JsonObject, member } from '../domain/json.ts'
import { scanJson, textProblems, withInfinities } from '../domain/json-scan.ts'
import { invalid, type Rejection } from '../domain/rejection.ts'

/** Bytes of a body, and of a line of an import. */
export const textLimit = 1024 * 1024
const deepest = 64

/** What is no text of JSON at all. */
export interface Malformed {
  readonly _tag: 'Malformed'
  readonly detail: string
}

export const malformed = (detail: string): Malformed => ({ _tag: 'Malformed', detail })

export interface JsonText {
  readonly text: string
  readonly json: Json
}

/** JSON in UTF-8, with or without a byte order mark; `what` it is called where it is refused. */
export const parseJson = (bytes: Buffer, what: 'body' | 'line'): E.Either<Malformed, JsonText> => {
  if (!isUtf8(bytes)) return E.left(malformed(`The ${what} is not UTF-8.`))
  const text = bytes.toString('utf8').replace(/^\uFEFF/, '')
  try {
    return E.right({ text, json: JSON.parse(text) })
  } catch {
    return E.left(malformed(`The ${what} is not JSON. Check its quotes, commas and brackets.`))
  }
}

const details = {
  number: 'is a number that would not keep its value; send it as a text',
  surrogate: 'holds half of a surrogate pair: it must be Unicode text (RFC 7493, section 2.1)',
} as const

/** The object that a text is, or has as its member `name`: not too deep, its numbers kept, its texts Unicode. */
export const takeObject = (
  { text, json: whole }: JsonText,
  name?: string,
): E.Either<Rejection, JsonObject> => {
  const partOf = (json: Json): Json =>
    name === undefined ? json : ((isObject(json) ? member(json, name) : undefined) ?? null)
  const json = partOf(whole)
  if (!isObject(json)) return E.left(invalid({ pointer: '', detail: 'must be a JSON object' }))
  const { depth, losing, hasSurrogateEscapes } = scanJson(text)
  if (depth > deepest + (name === undefined ? 0 : 1))
    return E.left(invalid({ pointer: '', detail: `must nest at most ${deepest} levels deep` }))
  if (losing.length === 0 && !hasSurrogateEscapes) return E.right(json)
  const problems = textProblems(losing.length === 0 ? json : partOf(withInfinities(text, losing)))
  return problems.length === 0
    ? E.right(json)
    : E.left(invalid(...problems.map(({ pointer, is }) => ({ pointer, detail: details[is] }))))
}
