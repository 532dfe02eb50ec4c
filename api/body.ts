import { isUtf8 } from 'node:buffer'
import express, { type Request, type Response } from 'express'
import * as E from '#fp/Either'
import { isObject, type Json, type JsonObject, nestsAtMost } from '../domain/json.ts'
import { invalid, type Rejection } from '../domain/rejection.ts'
import { pointerOf } from '../domain/resource.ts'
import type { HttpFailure } from './problem.ts'
import { askForBody } from './unread.ts'

const bodyLimit = 1024 * 1024
const deepest = 64
const mostMilliseconds = 300_000

const readRaw = express.raw({ type: () => true, limit: bodyLimit, inflate: false })

const jsonTypes = ['application/json', 'application/merge-patch+json']
const sendJson =
  'Send Content-Type: application/json in UTF-8, without Content-Encoding, or no Content-Type at all.'

const unsupported = (request: Request): boolean => {
  const encoding = request.headers['content-encoding']
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') return true
  const header = request.headers['content-type']
  if (header === undefined || header === '') return false
  const [type = '', ...parameters] = header.split(';').map(part => part.trim())
  const charset = parameters
    .map(part => /^charset="?([^"]*)"?$/i.exec(part)?.[1])
    .find(value => value !== undefined)
  return (
    !jsonTypes.includes(type.toLowerCase()) ||
    (charset !== undefined && !['utf-8', 'utf8'].includes(charset.toLowerCase()))
  )
}

const malformed = (detail: string): HttpFailure => ({ _tag: 'Malformed', detail })

/** The body's bytes, at most 1 MiB, within five minutes; read whole before it is refused, so that the client can read the answer. */
const readBytes = (request: Request, response: Response): Promise<E.Either<HttpFailure, Buffer>> =>
  new Promise(resolve => {
    askForBody(request, response)
    const late = setTimeout(() => resolve(E.left({ _tag: 'TooSlow' })), mostMilliseconds)
    readRaw(request, response, (error?: unknown) => {
      clearTimeout(late)
      const type = typeof error === 'object' && error !== null && 'type' in error ? error.type : undefined
      if (type === 'entity.too.large') resolve(E.left({ _tag: 'BodyTooLarge' }))
      else if (error !== undefined && error !== null)
        resolve(E.left(malformed('The body did not arrive whole. Send it again.')))
      else resolve(E.right(Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)))
    })
  })

// Only such texts can hold a number that JSON.parse would change: most bodies need no second look.
const suspicious = /[[:,\s]-?(?:\d{16}|\d+(?:\.\d+)?[eE]|\d+\.0{16})/

/** A decimal literal as its digits and the power of ten behind them, each value in one form only. */
const decimalOf = (literal: string): { readonly digits: string; readonly exponent: number } => {
  const [, whole = '', fraction = '', power = '0'] =
    /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(literal) ?? []
  const all = `${whole}${fraction}`
  let [start, end] = [0, all.length]
  while (start < end && all[start] === '0') start += 1
  while (end > start && all[end - 1] === '0') end -= 1
  return { digits: all.slice(start, end), exponent: Number(power) - fraction.length + (all.length - end) }
}

/** Whether a number is too large, too small, or an integer that would come back as another one. */
const losesValue = (literal: string, value: number): boolean => {
  if (!Number.isFinite(value)) return true
  const said = decimalOf(literal)
  if (value === 0) return said.digits !== ''
  if (said.exponent < 0) return false
  const kept = decimalOf(JSON.stringify(value))
  return kept.digits !== said.digits || kept.exponent !== said.exponent
}

const lost = Symbol('a number that lost its value')

const mostPointers = 100

const pointersTo = (value: unknown, path: readonly string[], found: string[] = []): readonly string[] => {
  if (value === lost) found.push(pointerOf(path))
  else if (typeof value === 'object' && value !== null)
    for (const [key, part] of Object.entries(value)) {
      if (found.length === mostPointers) break
      pointersTo(part, [...path, key], found)
    }
  return found
}

const numbersThatLose = (text: string): readonly string[] =>
  suspicious.test(text)
    ? pointersTo(
        JSON.parse(text, (_key, value: unknown, context?: { source?: string }) =>
          typeof value === 'number' && context?.source !== undefined && losesValue(context.source, value)
            ? lost
            : value,
        ),
        [],
      )
    : []

const parse = (text: string): E.Either<HttpFailure, Json> => {
  try {
    return E.right(JSON.parse(text))
  } catch {
    return E.left(malformed('The body is not JSON. Check its quotes, commas and brackets.'))
  }
}

export interface Body {
  readonly bytes: Buffer
  readonly json: JsonObject
}

/** Reads a JSON object; without a Content-Type it is taken for JSON, as the real clients send none. */
export const readBody = async (
  request: Request,
  response: Response,
): Promise<E.Either<HttpFailure | Rejection, Body>> => {
  if (unsupported(request)) return E.left({ _tag: 'UnsupportedMediaType', detail: sendJson })
  const read = await readBytes(request, response)
  if (E.isLeft(read)) return read
  const bytes = read.right
  if (bytes.length === 0) return E.left(malformed('The body is empty. Send a JSON object.'))
  if (!isUtf8(bytes)) return E.left(malformed('The body is not UTF-8.'))
  const text = bytes.toString('utf8').replace(/^\uFEFF/, '')
  const parsed = parse(text)
  if (E.isLeft(parsed)) return parsed
  const json = parsed.right
  if (!isObject(json)) return E.left(invalid({ pointer: '', detail: 'must be a JSON object' }))
  if (!nestsAtMost(deepest, json))
    return E.left(invalid({ pointer: '', detail: `must nest at most ${deepest} levels deep` }))
  const pointers = numbersThatLose(text)
  return pointers.length === 0
    ? E.right({ bytes, json })
    : E.left(
        invalid(
          ...pointers.map(pointer => ({
            pointer,
            detail: 'is a number that would not keep its value; send it as a text',
          })),
        ),
      )
}

/** Reads a body that nobody looks into: only that it is the same again counts, with an `Idempotency-Key`. */
export const readNothing = async (
  request: Request,
  response: Response,
): Promise<E.Either<HttpFailure, Body>> =>
  E.map((bytes: Buffer) => ({ bytes, json: {} }))(await readBytes(request, response))
