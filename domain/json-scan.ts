/** What is wrong with JSON text that parses: a number that would not keep its value, or text that is no Unicode. */
export interface TextProblem {
  /** A JSON Pointer (RFC 6901). */
  readonly pointer: string
  readonly is: 'number' | 'surrogate'
}

export interface Scanned {
  /** How deep objects and arrays nest; `{}` is one level. */
  readonly depth: number
  /** The first hundred. */
  readonly problems: readonly TextProblem[]
}

const mostProblems = 100
const largestExact = 2 ** 53
/** Every decimal of so many significant digits is told from all others by the nearest double. */
const safeDigits = 15

const pointerPart = (name: string | number): string =>
  `/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`

/** A decimal literal as its digits and the power of ten behind them, each value in one form only. */
const decimalOf = (literal: string): string => {
  const [, whole = '', fraction = '', power = '0'] =
    /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(literal) ?? []
  const all = `${whole}${fraction}`
  let [start, end] = [0, all.length]
  while (start < end && all[start] === '0') start += 1
  while (end > start && all[end - 1] === '0') end -= 1
  return `${all.slice(start, end)}e${Number(power) - fraction.length + (all.length - end)}`
}

/**
 * Whether a number overflows, vanishes, or is an integer that a double cannot hold. A decimal keeps the nearest double
 * (RFC 8259, section 6; RFC 7493, section 2.2).
 */
export const losesValue = (literal: string): boolean => {
  const value = Number(literal)
  if (value === 0) return /^-?[0.]*[1-9]/.test(literal)
  if (!Number.isFinite(value)) return true
  if (Math.abs(value) < largestExact) return false
  const mantissa = literal.search(/[eE]/)
  if ((mantissa < 0 ? literal.length : mantissa) <= safeDigits) return false
  if (String(value) === literal) return false
  const decimal = decimalOf(literal)
  // What stands behind the point is rounded; only an integer must be kept.
  return !decimal.includes('e-') && decimal !== decimalOf(JSON.stringify(value))
}

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c]
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

/** An object or array that is open: the member that is being read. */
interface Open {
  readonly isArray: boolean
  index: number
  keyStart: number
  keyEnd: number
  expectsKey: boolean
}

/**
 * Looks once through JSON text that `JSON.parse` takes, in time that grows with its length only. Of a text that it would
 * refuse nothing can be said.
 */
export const scanJson = (text: string): Scanned => {
  const open: Open[] = []
  const problems: TextProblem[] = []
  const hasSurrogates = /\\u[dD][89a-fA-F]/.test(text)
  let depth = 0

  const report = (is: TextProblem['is']): void => {
    if (problems.length === mostProblems) return
    const pointer = open.map(({ isArray, index, keyStart, keyEnd }) =>
      pointerPart(isArray ? index : JSON.parse(text.slice(keyStart, keyEnd + 1))),
    )
    problems.push({ pointer: pointer.join(''), is })
  }

  const begin = (isArray: boolean): void => {
    open.push({ isArray, index: 0, keyStart: 0, keyEnd: 0, expectsKey: !isArray })
    if (open.length > depth) depth = open.length
  }

  const readString = (start: number): number => {
    const end = endOfString(text, start)
    const container = open.at(-1)
    if (container?.expectsKey) {
      container.keyStart = start
      container.keyEnd = end
      container.expectsKey = false
    }
    if (hasSurrogates) {
      const literal = text.slice(start, end + 1)
      if (literal.includes('\\u') && !String(JSON.parse(literal)).isWellFormed()) report('surrogate')
    }
    return end
  }

  const readNumber = (start: number): number => {
    let end = start + 1
    let isShort = true
    for (let code = text.charCodeAt(end); isOfNumber(code); code = text.charCodeAt(end)) {
      if (code === 0x65 || code === 0x45) isShort = false
      end += 1
    }
    if ((!isShort || end - start > safeDigits) && losesValue(text.slice(start, end))) report('number')
    return end - 1
  }

  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i)
    if (code === quote) i = readString(i)
    else if (code === minus || (code >= zero && code <= nine)) i = readNumber(i)
    else if (code === openBrace) begin(false)
    else if (code === openBracket) begin(true)
    else if (code === closeBrace || code === closeBracket) open.pop()
    else if (code === comma) {
      const container = open.at(-1)
      if (container?.isArray) container.index += 1
      else if (container !== undefined) container.expectsKey = true
    }
  }
  return { depth, problems }
}
