/** A place in a log: the log's id, its epoch (raised when it moves to another engine), and the number in it. */
export interface LogIdentity {
  readonly id: string
  readonly epoch: number
}

/** The position as clients hold it, opaque to them. */
export const formatPosition = (log: LogIdentity, number: bigint): string => `${log.id}-${log.epoch}-${number}`

/** The number of a position of this very log; undefined when the text is none, or one of another log. */
export const parsePosition = (log: LogIdentity, text: string): bigint | undefined => {
  const prefix = `${log.id}-${log.epoch}-`
  if (!text.startsWith(prefix)) return undefined
  const digits = text.slice(prefix.length)
  return /^(0|[1-9]\d{0,18})$/.test(digits) ? BigInt(digits) : undefined
}

export const earlierOf = (a: bigint, b: bigint): bigint => {
  if (b < a) return b
  return a
}
