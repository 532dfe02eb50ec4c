import type { Either } from '#fp/Either'
import type { Expected, RevisionConflict } from '../commands/event-log.ts'
import type { LogUnavailable } from '../domain/log-failure.ts'
import type { FollowOptions } from '../projections/event-feed.ts'

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
  /** What was read is not what was written: the engine's checksum says so. */
  readonly isDamaged?: boolean
}

/** The text as JSON; undefined where it is none. */
export const parseText = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Bounds of what is read at once. */
export const mostEvents = 500
export const mostCharacters = 8 * 1024 * 1024

export interface StoredRun {
  readonly events: readonly StoredEvent[]
  /** More may follow. */
  readonly more: boolean
}

/** A run of the feed; `next` is where to go on, also past events that a filter hid. */
export interface StoredBatch {
  readonly events: readonly StoredEvent[]
  readonly next: bigint
  readonly caughtUp: boolean
}

/** What an engine must do; `stores/codec.ts` makes the ports of commands and projections of it. */
export interface StoredLog {
  /** A run of the stream: at most `mostEvents`, or what takes `mostCharacters`, one at least where there is one. */
  readonly read: (stream: string, from: number) => Promise<Either<LogUnavailable, StoredRun>>
  readonly last: (stream: string) => Promise<Either<LogUnavailable, StoredEvent | undefined>>
  /** Gives the positions of the events, in their order. */
  readonly append: (
    stream: string,
    expected: Expected,
    events: readonly StoredNewEvent[],
  ) => Promise<Either<LogUnavailable | RevisionConflict, readonly bigint[]>>
  /** Batches in commit order; an empty one at least every second says that the log was asked and had nothing. */
  readonly follow: (after: bigint, options: FollowOptions) => AsyncIterable<StoredBatch>
  readonly head: () => Promise<Either<LogUnavailable, bigint>>
  /** The id of the event at this very position, if there is one. */
  readonly eventIdAt: (position: bigint) => Promise<Either<LogUnavailable, string | undefined>>
  readonly close: () => Promise<void>
}

/** A log that can be left behind. */
export interface Sealable {
  /** From now on every append of every process fails; reads go on. Sealing what is sealed changes nothing. */
  readonly seal: () => Promise<Either<LogUnavailable, void>>
  /** When it was sealed (ISO 8601), if it was. */
  readonly sealedAt: () => Promise<Either<LogUnavailable, string | undefined>>
}
