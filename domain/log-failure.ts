/** The log cannot be reached or cannot write now. Nothing of an append was stored, unless `outcomeUnknown`. */
export interface LogUnavailable {
  readonly _tag: 'LogUnavailable'
  readonly cause: unknown
  readonly outcomeUnknown?: boolean
}

/**
 * A stored event that is damaged, of a shape newer than this release, or encrypted under a key that is not in the store of keys
 * and was not destroyed either: it is never skipped.
 */
export interface EventUnreadable {
  readonly _tag: 'EventUnreadable'
  readonly stream: string
  readonly position: bigint
  readonly reason: 'damaged' | 'newer than this release' | 'without its key'
}

export type LogFailure = LogUnavailable | EventUnreadable

/** Whether what a feed threw is a failure of the log; anything else is a bug. */
export const isLogFailure = (thrown: unknown): thrown is LogFailure =>
  typeof thrown === 'object' &&
  thrown !== null &&
  '_tag' in thrown &&
  (thrown._tag === 'LogUnavailable' || thrown._tag === 'EventUnreadable')
