/** Version, trace id, parent id and flags; what a later version adds comes behind another hyphen. */
const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const mostCharacters = 512
const isNothing = (id: string): boolean => /^0+$/.test(id)

/**
 * Which trace a request is part of (W3C Trace Context, section 3.2), as version 00 has it: 55 characters. Undefined for a
 * header that is not valid, which counts as none (section 4.3).
 */
export const traceparentIn = (header: string | readonly string[] | undefined): string | undefined => {
  if (typeof header !== 'string' || header.length > mostCharacters) return undefined
  const [, version, trace = '', parent = '', flags, more] = form.exec(header) ?? []
  if (version === undefined || version === 'ff' || isNothing(trace) || isNothing(parent)) return undefined
  return version === '00' && more !== undefined ? undefined : `00-${trace}-${parent}-${flags}`
}

/** The id of the whole trace. */
export const traceIdOf = (traceparent: string): string => traceparent.slice(3, 35)
