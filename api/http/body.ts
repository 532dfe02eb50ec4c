import { isAscii } from 'node:buffer'
import express, { type Request, type Response } from 'express'
import * as E from '#fp/Either'
import { malformed, parseJson, takeObject, textLimit } from '../../commands/json-text.ts'
import type { JsonObject } from '../../domain/json.ts'
import { invalid, type Rejection } from '../../domain/rejection.ts'
import type { Call } from './call.ts'
import type { HttpFailure } from './problem.ts'
import { askForBody } from './unread.ts'

const mostMilliseconds = 300_000

const limitOf = (bytes: number, text: string) => ({
  bytes,
  text,
  read: express.raw({ type: () => true, limit: bytes, inflate: false }),
})
type Limit = ReturnType<typeof limitOf>
const limits = {
  usual: limitOf(textLimit, '1 MiB'),
  /** Of a message between nodes, with its body. */
  message: limitOf(2 * textLimit, '2 MiB'),
}

const jsonTypes = ['application/json', 'application/merge-patch+json']
const sendJson =
  'Send Content-Type: application/json in UTF-8, without Content-Encoding, or no Content-Type at all.'

export const formType = 'application/x-www-form-urlencoded'
const sendForm = `Send Content-Type: ${formType} in UTF-8, without Content-Encoding.`
/** Bytes of a form. */
const formLimit = 16 * 1024

/** Whether a request brings a form of HTML. */
export const isForm = ({ headers }: Request): boolean =>
  headers['content-type']?.split(';')[0]?.trim().toLowerCase() === formType

const unsupported = (request: Request, types: readonly string[]): boolean => {
  const encoding = request.headers['content-encoding']
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') return true
  const header = request.headers['content-type']
  if (header === undefined || header === '') return false
  const [type = '', ...parameters] = header.split(';').map(part => part.trim())
  const charset = parameters
    .map(part => /^charset="?([^"]*)"?$/i.exec(part)?.[1])
    .find(value => value !== undefined)
  return (
    !types.includes(type.toLowerCase()) ||
    (charset !== undefined && !['utf-8', 'utf8'].includes(charset.toLowerCase()))
  )
}

/** Bytes that a body is expected to have. */
const announcedBytes = ({ headers }: Request, limit: number): number =>
  headers['transfer-encoding'] === undefined ? Math.min(Number(headers['content-length'] ?? 0), limit) : limit

/**
 * The body's bytes, at most 1 MiB or another limit, within five minutes; read whole before it is refused, so that the client
 * can read the answer.
 */
const readBytes = async (
  { request, response, exchange }: BodySource,
  limit: Limit = limits.usual,
): Promise<E.Either<HttpFailure, Buffer>> => {
  const refused = await exchange.holdBody(announcedBytes(request, limit.bytes))
  return refused === undefined ? readHeld(request, response, limit) : E.left(refused)
}

const readHeld = (
  request: Request,
  response: Response,
  { read, text }: Limit,
): Promise<E.Either<HttpFailure, Buffer>> =>
  new Promise(resolve => {
    askForBody(request, response)
    const late = setTimeout(() => resolve(E.left({ _tag: 'TooSlow' })), mostMilliseconds)
    read(request, response, (error?: unknown) => {
      clearTimeout(late)
      const type = typeof error === 'object' && error !== null && 'type' in error ? error.type : undefined
      if (type === 'entity.too.large') resolve(E.left({ _tag: 'BodyTooLarge', limit: text }))
      else if (error !== undefined && error !== null)
        resolve(E.left(malformed('The body did not arrive whole. Send it again.')))
      else resolve(E.right(Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)))
    })
  })

type BodySource = Pick<Call, 'request' | 'response' | 'exchange'>

export interface Body {
  readonly bytes: Buffer
  readonly json: JsonObject
}

/** Reads a JSON object; without a Content-Type it is taken for JSON, as the real clients send none. */
export const readBody = async (
  source: BodySource,
  limit: Limit = limits.usual,
): Promise<E.Either<HttpFailure | Rejection, Body>> => {
  if (unsupported(source.request, jsonTypes))
    return E.left({ _tag: 'UnsupportedMediaType', detail: sendJson })
  const read = await readBytes(source, limit)
  if (E.isLeft(read)) return read
  const bytes = read.right
  if (bytes.length === 0) return E.left(malformed('The body is empty. Send a JSON object.'))
  const parsed = parseJson(bytes, 'body')
  if (E.isLeft(parsed)) return parsed
  return E.map((json: JsonObject) => ({ bytes, json }))(takeObject(parsed.right))
}

/** The same of a message between nodes, which may be longer. */
export const readMessage = (source: BodySource) => readBody(source, limits.message)

/** Reads a body that nobody looks into: only that it is the same again counts, with an `Idempotency-Key`. */
export const readNothing = async (source: BodySource): Promise<E.Either<HttpFailure, Body>> =>
  E.map((bytes: Buffer) => ({ bytes, json: {} }))(await readBytes(source))

const formDecoded = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}

/** The fields of a form; undefined where one comes twice, or is not UTF-8 in percent-encoding. */
const fieldsIn = (text: string): JsonObject | undefined => {
  const fields = new Map<string, string>()
  for (const part of text.split('&')) {
    const [name, value] = part.split(/=(.*)/s).map(formDecoded)
    if (name === undefined || value === undefined || fields.has(name)) return undefined
    fields.set(name, value)
  }
  return Object.fromEntries(fields)
}

/** Reads a form of HTML (WHATWG URL, section 5.1) of 16 KiB at most: every field is a text. */
export const readForm = async (source: BodySource): Promise<E.Either<HttpFailure | Rejection, Body>> => {
  const { headers } = source.request
  if (unsupported(source.request, [formType]))
    return E.left({ _tag: 'UnsupportedMediaType', detail: sendForm })
  const tooLarge: HttpFailure = { _tag: 'BodyTooLarge', limit: '16 KiB' }
  if (Number(headers['content-length'] ?? 0) > formLimit) return E.left(tooLarge)
  const read = await readBytes(source)
  if (E.isLeft(read)) return read
  const bytes = read.right
  if (bytes.length > formLimit) return E.left(tooLarge)
  const json = isAscii(bytes) ? fieldsIn(bytes.toString('latin1')) : undefined
  return json === undefined
    ? E.left(
        invalid({ pointer: '', detail: 'The form must be percent-encoded UTF-8, with each field once.' }),
      )
    : E.right({ bytes, json })
}
