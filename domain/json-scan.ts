import { isObject, type Json } from './json.ts'
import { losesValue } from './number-literal.ts'
import { pointerOf } from './resource.ts'

/** What is wrong with a JSON value: a number that would not keep its value, or text that is no Unicode. */
export interface TextProblem {
  /** A JSON Pointer (RFC 6901) of at most 1,000 characters: to what holds the value where its own would be longer. */
  readonly pointer: string
  readonly is: 'number' | 'surrogate'
}

export interface Scanned {
  /** How deep objects and arrays nest; `{}` is one level. */
  readonly depth: number
  /** The numbers that would not keep their value. */
  readonly losing: readonly Span[]
  /** Half of a surrogate pair can come into a text that was UTF-8 by an escape only. */
  readonly hasSurrogateEscapes: boolean
}

interface Span {
  readonly start: number
  readonly end: number
}

const mostProblems = 100
const mostCharacters = 1_000
/** Shorter literals without an exponent are exact. */
const suspiciousLength = 16

const [quote, backslash] = [0x22, 0x5c]
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d]
const [minus, zero, nine] = [0x2d, 0x30, 0x39]

/** Where the string that begins at `start` ends: the place of its closing quote. */
const endOfString = (text: string, start: number): number => {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let escapes = 0
    while (text.charCodeAt(end - 1 - escapes) === backslash) escapes += 1
    if (escapes % 2 === 0) return end
  }
  return text.length
}

/** Of a number, more than which `+-.0123456789eE` none has. */
const isOfNumber = (code: number): boolean =>
  (code >= zero && code <= nine) ||
  code === 0x2e ||
  code === 0x65 ||
  code === 0x45 ||
  code === 0x2b ||
  code === minus

/**
 * Looks once through JSON text that `JSON.parse` takes, in time that grows with its length only. Of a text that it would
 * refuse nothing can be said.
 */
export const scanJson = (text: string): Scanned => {
  const losing: Span[] = []
  let [depth, level] = [0, 0]

  const readNumber = (start: number): number => {
    let end = start + 1
    let hasExponent = false
    for (let code = text.charCodeAt(end); isOfNumber(code); code = text.charCodeAt(end)) {
      if (code === 0x65 || code === 0x45) hasExponent = true
      end += 1
    }
    if ((hasExponent || end - start >= suspiciousLength) && losesValue(text.slice(start, end)))
      losing.push({ start, end })
    return end - 1
  }

  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i)
    if (code === quote) i = endOfString(text, i)
    else if (code === minus || (code >= zero && code <= nine)) i = readNumber(i)
    else if (code === openBrace || code === openBracket) {
      level += 1
      if (level > depth) depth = level
    } else if (code === closeBrace || code === closeBracket) level -= 1
  }
  return { depth, losing, hasSurrogateEscapes: /\\u[dD][89a-fA-F]/.test(text) }
}

/** The text as JSON, with infinity for the numbers at `spans`: no other number is infinite. */
export const withInfinities = (text: string, spans: readonly Span[]): Json => {
  const kept = spans.map(({ start }, i) => text.slice(spans[i - 1]?.end ?? 0, start))
  return JSON.parse([...kept, text.slice(spans.at(-1)?.end ?? 0)].join('1e999'))
}

/** The first hundred texts that are no Unicode, and infinite numbers. */
export const textProblems = (json: Json): readonly TextProblem[] => {
  const problems: TextProblem[] = []
  const path: (string | number)[] = []

  const report = (is: TextProblem['is']): void => {
    let length = 0
    const beyond = path.findIndex(part => {
      length += String(part).length + 1
      return length > mostCharacters
    })
    problems.push({ pointer: pointerOf(beyond < 0 ? path : path.slice(0, beyond)), is })
  }

  const enter = (part: string | number, value: Json): void => {
    path.push(part)
    if (typeof part === 'string' && !part.isWellFormed()) report('surrogate')
    visit(value)
    path.pop()
  }

  const visit = (value: Json): void => {
    if (problems.length >= mostProblems) return
    if (typeof value === 'number') {
      if (!Number.isFinite(value)) report('number')
    } else if (typeof value === 'string') {
      if (!value.isWellFormed()) report('surrogate')
    } else if (Array.isArray(value)) {
      for (let i = 0; i < value.length && problems.length < mostProblems; i += 1) enter(i, value[i] ?? null)
    } else if (isObject(value)) {
      for (const key of Object.keys(value)) {
        if (problems.length >= mostProblems) break
        enter(key, value[key] ?? null)
      }
    }
  }

  visit(json)
  return problems.slice(0, mostProblems)
}
