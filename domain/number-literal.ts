const largestExact = 2 ** 53
/** Every decimal of so many significant digits is told from all others by the nearest double. */
const safeDigits = 15
const zero = 0x30

/** The digits of a decimal literal without zeros at both ends, and the power of ten behind them. */
const decimalOf = (literal: string): { readonly digits: string; readonly exponent: number } => {
  const e = exponentAt(literal)
  const mantissa = literal.slice(literal.startsWith('-') ? 1 : 0, e)
  const point = mantissa.indexOf('.')
  const all = point < 0 ? mantissa : mantissa.slice(0, point) + mantissa.slice(point + 1)
  let [start, end] = [0, all.length]
  while (start < end && all.charCodeAt(start) === zero) start += 1
  while (end > start && all.charCodeAt(end - 1) === zero) end -= 1
  const decimals = point < 0 ? 0 : mantissa.length - point - 1
  return {
    digits: all.slice(start, end),
    exponent: Number(literal.slice(e + 1)) - decimals + all.length - end,
  }
}

/** Where the `e` of a literal is, or its end. */
const exponentAt = (literal: string): number => {
  const e = literal.search(/[eE]/)
  return e < 0 ? literal.length : e
}

/**
 * Whether a number overflows, vanishes, or is an integer that a double cannot hold. A decimal keeps the nearest double
 * (RFC 8259, section 6; RFC 7493, section 2.2).
 */
export const losesValue = (literal: string): boolean => {
  const value = Number(literal)
  if (!Number.isFinite(value)) return true
  if (value !== 0 && Math.abs(value) < largestExact) return false
  if (value !== 0 && exponentAt(literal) <= safeDigits) return false
  const text = String(value)
  if (text === literal) return false
  const exact = decimalOf(literal)
  if (value === 0) return exact.digits !== ''
  // What stands behind the point is rounded; only an integer must be kept.
  if (exact.exponent < 0) return false
  const kept = decimalOf(text)
  return kept.digits !== exact.digits || kept.exponent !== exact.exponent
}
