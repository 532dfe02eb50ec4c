import type { Either } from '#fp/Either'
import type { NewEvent, RecordedEvent } from '../domain/event.ts'
import type { LogFailure } from '../domain/log-failure.ts'

/** Another writer was first. `actual` is the stream's last revision, -1 for none. */
export interface RevisionConflict {
  readonly _tag: 'RevisionConflict'
  readonly actual: number
}

/** The event is about a person who is forgotten: nothing more is recorded of them. */
export interface SubjectErased {
  readonly _tag: 'SubjectErased'
}

/** Encrypted, the events are larger than any engine takes at once: what they say can hardly be compressed. */
export interface AppendTooLarge {
  readonly _tag: 'AppendTooLarge'
}

/** What the stream must look like for an append to succeed: nothing there yet, or its last revision. */
export type Expected = 'no-stream' | number

/** A part of a stream: 500 events or 8 MiB, one at least where there is one. `more` may follow after the last. */
export interface Run {
  readonly events: readonly RecordedEvent[]
  readonly more: boolean
}

export interface LastType {
  readonly type: string
  /** Nobody can read its data any more: its person is forgotten. */
  readonly isErased: boolean
}

/**
 * The write side's log of events: a sequence per stream, revisions from 0 without gaps.
 *
 * An append is all or nothing, and on disk when it answers. Repeating one that succeeded (same stream, expectation
 * and event ids) succeeds again with the first one's position and stores nothing. Appends of one process to one
 * stream may be concurrent: one wins, the others get `RevisionConflict`.
 */
export interface EventLog {
  /** The events of a stream from `from` (default 0) on, oldest first, as many as are read at once. Never stale. */
  readonly read: (stream: string, from?: number) => Promise<Either<LogFailure, Run>>
  /** The last event of a stream; undefined when there is none. Never stale. */
  readonly last: (stream: string) => Promise<Either<LogFailure, RecordedEvent | undefined>>
  /** Of which type that is, without opening its data: whoever asks whether a thing is there needs no more. Never stale. */
  readonly lastType: (stream: string) => Promise<Either<LogFailure, LastType | undefined>>
  /** Gives the events as recorded. `events` is not empty; at most 1 MiB together, encrypted and with all that is recorded of them. */
  readonly append: (
    stream: string,
    expected: Expected,
    events: readonly NewEvent[],
  ) => Promise<
    Either<LogFailure | RevisionConflict | SubjectErased | AppendTooLarge, readonly RecordedEvent[]>
  >
}
