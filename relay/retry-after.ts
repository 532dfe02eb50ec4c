const mostMilliseconds = 3 * 24 * 3_600_000

/** The three forms of RFC 9110, section 5.6.7; all are in UTC, and the last does not say so. */
const dateForm =
  /^(?:[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT|[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4})$/

/**
 * Milliseconds from `now` that a Retry-After header asks to wait (RFC 9110, section 10.2.3): from seconds or from a
 * date, none for a date that has passed, at most three days. Undefined for what is neither.
 */
export const retryAfterMilliseconds = (header: string, now: number): number | undefined => {
  if (/^\d+$/.test(header)) return Math.min(Number(header) * 1_000, mostMilliseconds)
  if (!dateForm.test(header)) return undefined
  const time = Date.parse(header.endsWith('GMT') ? header : `${header} GMT`)
  return Number.isNaN(time) ? undefined : Math.min(Math.max(time - now, 0), mostMilliseconds)
}
