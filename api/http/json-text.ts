import { isUtf8 } from 'node:buffer'
import * as E from '#fp/Either'
import { isObject, type Json, type JsonObject, nestsAtMost } from '../../domain/json.ts'
import { invalid, type Rejection } from '../../domain/rejection.ts'
import { pointerOf } from '../../domain/resource.ts'
import type { HttpFailure } from './problem.ts'

/** Bytes of a body, and of a line of an import. */
export const textLimit = 1024 * 1024
const deepest = 64

export const malformed = (detail: string): HttpFailure => ({ _tag: 'Malformed', detail })

export interface JsonText {
  readonly text: string
  readonly json: Json
}

/** JSON in UTF-8, with or without a byte order mark; `what` it is called where it is refused. */
export const parseJson = (bytes: Buffer, what: 'body' | 'line'): E.Either<HttpFailure, JsonText> => {
  if (!isUtf8(bytes)) return E.left(malformed(`The ${what} is not UTF-8.`))
  const text = bytes.toString('utf8').replace(/^\uFEFF/, '')
  try {
    return E.right({ text, json: JSON.parse(text) })
  } catch {
    return E.left(malformed(`The ${what} is not JSON. Check its quotes, commas and brackets.`))
  }
}

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

/** The object that a text is, or holds at the pointer `within`: not too deep, and with numbers that keep their value. */
export const takeObject = (
  json: Json | undefined,
  text: string,
  within = '',
): E.Either<Rejection, JsonObject> => {
  if (!isObject(json)) return E.left(invalid({ pointer: '', detail: 'must be a JSON object' }))
  if (!nestsAtMost(deepest, json))
    return E.left(invalid({ pointer: '', detail: `must nest at most ${deepest} levels deep` }))
  const pointers = numbersThatLose(text)
  return pointers.length === 0
    ? E.right(json)
    : E.left(
        invalid(
          ...pointers.map(pointer => ({
            pointer: pointer.slice(within.length),
            detail: 'is a number that would not keep its value; send it as a text',
          })),
        ),
      )
}
