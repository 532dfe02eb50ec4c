/**
 * A moment in UTC, `YYYY-MM-DDTHH:MM:SS[.fraction]`, the fraction without trailing zeros: such texts compare as the
 * moments they name, whatever the precision.
 */
export type Instant = string

const form =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?(?:([Zz])|([+-])(\d{2}):?(\d{2}))?)?$/

/** The form of what `parseInstant` reads; a date of this form need not exist. */
export const instantPattern = form.source

/** What `parseInstant` reads, in words for whoever wrote something else. */
export const timeRule = 'must be a time, YYYY-MM-DDTHH:MM:SSZ (RFC 3339), or a day, YYYY-MM-DD'

/** Longer than any date is written; it also bounds the time that reading one takes. */
export const mostCharacters = 64

const daysOf = (year: number, month: number): number => {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  return [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0
}

/**
 * Reads `YYYY-MM-DD`, or a date and time with `T` or a space, optional seconds, fraction and zone (RFC 3339 and what
 * GNU Health's clients send). No zone is UTC. Undefined for anything else, and for a date or time that does not exist.
 */
export const parseInstant = (text: string): Instant | undefined => {
  if (text.length > mostCharacters) return undefined
  const parts = form.exec(text)
  if (parts === null) return undefined
  const [, y = '', mo = '', d = '', h = '00', mi = '00', s = '00', fraction = '', , sign, oh, om] = parts
  const [year, month, day] = [Number(y), Number(mo), Number(d)]
  if (month < 1 || month > 12 || day < 1 || day > daysOf(year, month)) return undefined
  if (Number(h) > 23 || Number(mi) > 59 || Number(s) > 59) return undefined
  const digits = fraction.replace(/0+$/, '')
  const rest = digits === '' ? '' : `.${digits}`
  if (sign === undefined) return `${y}-${mo}-${d}T${h}:${mi}:${s}${rest}`
  const [offsetHours, offsetMinutes] = [Number(oh), Number(om)]
  if (offsetHours > 23 || offsetMinutes > 59) return undefined
  const moment = new Date(0)
  moment.setUTCFullYear(year, month - 1, day)
  const offset = (sign === '+' ? 1 : -1) * (offsetHours * 60 + offsetMinutes)
  moment.setUTCHours(Number(h), Number(mi) - offset, Number(s))
  // An offset can carry the first or last hours of the calendar out of the years that four digits can say.
  return moment.getUTCFullYear() < 0 || moment.getUTCFullYear() > 9999
    ? undefined
    : `${moment.toISOString().slice(0, 19)}${rest}`
}

const dayLength = 'YYYY-MM-DD'.length

/** The day of the calendar that a date, or a date and time, is written with: whatever its zone. */
export const parseDay = (text: string): string | undefined =>
  parseInstant(text) === undefined ? undefined : text.slice(0, dayLength)

/**
 * Whether the first is before the second: as moments, or as the days they are written with where one of them has no
 * time. What is no date is before nothing.
 */
export const isBefore = (first: string, second: string): boolean => {
  const parse = first.length === dayLength || second.length === dayLength ? parseDay : parseInstant
  const [one, other] = [parse(first), parse(second)]
  return one !== undefined && other !== undefined && one < other
}
