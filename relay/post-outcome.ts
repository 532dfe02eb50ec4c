export type PostFailure =
  | 'name not resolved'
  | 'connection refused'
  | 'host unreachable'
  | 'TLS failed'
  /** The deadline passed before a whole status line with its headers had come. */
  | 'timed out'
  | 'connection lost'
  /** The answer is not HTTP/1.1, or its headers are too large. */
  | 'answer not understood'
  /** The hub ended the post; whether it was received is not known. */
  | 'stopped'
  | 'not sent'

export type PostOutcome =
  | { readonly is: 'answered'; readonly status: number; readonly retryAfterMilliseconds?: number }
  /** The host has an address that is not globally reachable; nothing was sent to it. */
  | { readonly is: 'address refused' }
  | { readonly is: 'failed'; readonly reason: PostFailure }

export const failed = (reason: PostFailure): PostOutcome => ({ is: 'failed', reason })

/** Codes of our own, for what only the connector can tell apart. */
export const addressRefused = 'THALAMUS_ADDRESS_REFUSED'
export const nameNotResolved = 'THALAMUS_NAME_NOT_RESOLVED'
export const tlsFailed = 'THALAMUS_TLS_FAILED'

const failures: Readonly<Record<string, PostFailure>> = {
  [nameNotResolved]: 'name not resolved',
  [tlsFailed]: 'TLS failed',
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'host unreachable',
  EADDRNOTAVAIL: 'host unreachable',
  EACCES: 'host unreachable',
  ETIMEDOUT: 'timed out',
  UND_ERR_CONNECT_TIMEOUT: 'timed out',
  ECONNRESET: 'connection lost',
  ECONNABORTED: 'connection lost',
  EPIPE: 'connection lost',
  UND_ERR_SOCKET: 'connection lost',
  UND_ERR_HEADERS_OVERFLOW: 'answer not understood',
  UND_ERR_DESTROYED: 'stopped',
  UND_ERR_CLOSED: 'not sent',
  UND_ERR_INVALID_ARG: 'not sent',
  // The hub itself has no more files to open.
  EMFILE: 'not sent',
  ENFILE: 'not sent',
}

const codeOf = (error: Error): string => ('code' in error && typeof error.code === 'string' ? error.code : '')

/** Undefined for an error that none of these codes tells. Never holds its message, which may name addresses. */
export const outcomeOf = (error: Error): PostOutcome | undefined => {
  const code = codeOf(error)
  if (code === addressRefused) return { is: 'address refused' }
  const reason = failures[code] ?? (error.name === 'HTTPParserError' ? 'answer not understood' : undefined)
  return reason === undefined ? undefined : failed(reason)
}
