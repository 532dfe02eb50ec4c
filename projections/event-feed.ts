import type { Either } from '#fp/Either'
import type { RecordedEvent } from '../domain/event.ts'
import type { LogFailure, LogUnavailable } from '../domain/log-failure.ts'
import type { LogIdentity } from '../domain/position.ts'

export interface FeedBatch {
  readonly events: readonly RecordedEvent[]
  /** Where to go on, also past events that a filter hid. */
  readonly next: bigint
  /** The head was reached with this batch. */
  readonly caughtUp: boolean
}

export interface FollowOptions {
  readonly signal: AbortSignal
  /** Only events of these types. */
  readonly types?: readonly string[]
  /** End at the head instead of waiting for more. */
  readonly toHead?: boolean
  /** A batch ends once its data takes about this many characters: so much a slow reader holds. Not every engine can. */
  readonly mostCharacters?: number
}

/**
 * All events of the log in commit order. Nothing committed later can appear before what was seen.
 *
 * `follow` gives what comes after a position, waits for more, and gives an empty batch at least every second while
 * the log answers. It ends when the signal aborts, at the head with `toHead`, and throws a `LogFailure`.
 */
export interface EventFeed {
  readonly identity: LogIdentity
  readonly follow: (after: bigint, options: FollowOptions) => AsyncIterable<FeedBatch>
  /** The position of the last event, 0 for an empty log. */
  readonly head: () => Promise<Either<LogUnavailable, bigint>>
  /** The id of the event at this very position: a checkpoint names it, so that a log put back is noticed. */
  readonly eventIdAt: (position: bigint) => Promise<Either<LogUnavailable, string | undefined>>
  /**
   * The number of a position as clients hold it, also of an epoch before the log was moved; undefined for one that is not
   * this log's, or past the end of that epoch. One of this epoch may be past the head.
   */
  readonly positionOf: (text: string) => Promise<Either<LogFailure, bigint | undefined>>
}
