import type { TaskEither } from '#fp/TaskEither'
import type { Expected, RevisionConflict } from '../commands/event-log.ts'
import type { LogUnavailable } from '../domain/log-failure.ts'

/** An event as an adapter keeps it: the codec made the texts, the adapter never looks into them. */
export interface StoredNewEvent {
  readonly id: string
  readonly type: string
  readonly data: string
  readonly metadata: string
}

export interface StoredEvent extends StoredNewEvent {
  readonly stream: string
  readonly revision: number
  readonly position: bigint
}

/** A run of the feed; `next` is where to go on, also past events that a filter hid. */
export interface StoredBatch {
  readonly events: readonly StoredEvent[]
  readonly next: bigint
  readonly caughtUp: boolean
}

export interface FollowOptions {
  readonly signal: AbortSignal
  /** Only events of these types. */
  readonly types?: readonly string[]
  /** End at the head instead of waiting for more. */
  readonly toHead?: boolean
}

/** What an engine must do; `stores/codec.ts` makes the ports of commands and projections of it. */
export interface StoredLog {
  readonly read: (stream: string, from: number) => TaskEither<LogUnavailable, readonly StoredEvent[]>
  /** Gives the positions of the events, in their order. */
  readonly append: (
    stream: string,
    expected: Expected,
    events: readonly StoredNewEvent[],
  ) => TaskEither<LogUnavailable | RevisionConflict, readonly bigint[]>
  /** Batches in commit order; an empty one at least every second says that the log was asked and had nothing. */
  readonly follow: (after: bigint, options: FollowOptions) => AsyncIterable<StoredBatch>
  readonly head: TaskEither<LogUnavailable, bigint>
  /** The id of the event at this very position, if there is one. */
  readonly eventIdAt: (position: bigint) => TaskEither<LogUnavailable, string | undefined>
  readonly close: () => Promise<void>
}
