/** A place in a log: the log's id, its epoch (raised when it moves to another engine), and the number in it. */
export interface LogIdentity {
  readonly id: string
  readonly epoch: number
}

/** The position as clients hold it, opaque to them. */
export const formatPosition = (log: LogIdentity, number: bigint): string => `${log.id}-${log.epoch}-${number}`

export interface EpochPosition {
  readonly epoch: number
  readonly number: bigint
}

/** A position of the log with this id, in this epoch or an earlier one; undefined when the text is none. */
export const parsePosition = (log: LogIdentity, text: string): EpochPosition | undefined => {
  const prefix = `${log.id}-`
  if (!text.startsWith(prefix)) return undefined
  const [, epoch, number] = /^(0|[1-9]\d{0,5})-(0|[1-9]\d{0,18})$/.exec(text.slice(prefix.length)) ?? []
  return epoch === undefined || number === undefined || Number(epoch) > log.epoch
    ? undefined
    : { epoch: Number(epoch), number: BigInt(number) }
}

export const laterOf = (a: bigint, b: bigint): bigint => {
  if (b > a) return b
  return a
}

export const earlierOf = (a: bigint, b: bigint): bigint => {
  if (b < a) return b
  return a
}
