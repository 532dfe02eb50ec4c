import { parseInstant } from '../../domain/instant.ts'
import type { FeedEntry } from '../../projections/feed-entry.ts'
import type { EventFilter } from './request.ts'

/** An event of the history, as whoever writes it needs it. */
export interface HistoryEvent {
  /** As clients hold it. */
  readonly position: string
  readonly entry: () => FeedEntry
  /** The entry as JSON, on one line. */
  readonly json: () => string
}

/** Some events in commit order, and how far the history was read with them. */
export interface HistoryBatch {
  readonly events: readonly HistoryEvent[]
  readonly next: bigint
}

/** Why a history cannot be read on. Its sentence is for the person who asked for it. */
export interface HistoryFailure {
  readonly _tag: 'HistoryFailure'
  /** A wrong option, or refused and failed. */
  readonly is: 'wrong option' | 'failed'
  readonly sentence: string
}

export const historyFailure = (is: HistoryFailure['is'], sentence: string): HistoryFailure => ({
  _tag: 'HistoryFailure',
  is,
  sentence,
})

export const isHistoryFailure = (thrown: unknown): thrown is HistoryFailure =>
  typeof thrown === 'object' && thrown !== null && '_tag' in thrown && thrown._tag === 'HistoryFailure'

/**
 * The history that was asked for, after a position (undefined: from its beginning) up to its end. `batches` ends with the
 * signal, and throws a `HistoryFailure`.
 */
export interface History {
  readonly batches: (after: string | undefined, signal: AbortSignal) => AsyncIterable<HistoryBatch>
}

/** Whether an event is within the times and of the stream that are asked for; its type was looked at where it was read. */
export const isInTimes = ({
  since,
  until,
  stream,
}: EventFilter): ((event: { readonly stream: string; readonly recordedAt: string }) => boolean) => {
  const hasTimes = since !== undefined || until !== undefined
  return event => {
    if (stream !== undefined && event.stream !== stream) return false
    if (!hasTimes) return true
    const time = parseInstant(event.recordedAt) ?? ''
    return (since === undefined || time >= since) && (until === undefined || time < until)
  }
}
