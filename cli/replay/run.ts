import * as E from '#fp/Either'
import type { Progress } from '../progress.ts'
import type { Folding } from './fold.ts'
import { type History, type HistoryEvent, type HistoryFailure, isHistoryFailure } from './history.ts'
import type { Output, WriteFailure } from './output.ts'

/** Why a replay ended before the history did. */
export type ReplayFailure =
  | HistoryFailure
  | WriteFailure
  | { readonly _tag: 'FoldFailed'; readonly sentence: string }
  | { readonly _tag: 'Interrupted' }

/** How far a replay came. */
export interface Replayed {
  /** Of this run. */
  readonly events: number
  /** The position up to which all is done; undefined where that is nothing. */
  readonly last: string | undefined
  readonly failure: ReplayFailure | undefined
}

type Take = (events: readonly HistoryEvent[]) => Promise<E.Either<ReplayFailure, void>>

/** Gives the history to `take`, a batch at a time: no more of it is held. */
const replayTo = async (
  history: History,
  after: string | undefined,
  take: Take,
  progress: Progress,
  signal: AbortSignal,
): Promise<Replayed> => {
  let events = 0
  let last = after
  try {
    for await (const batch of history.batches(after, signal)) {
      if (batch.events.length > 0) {
        const taken = await take(batch.events)
        if (E.isLeft(taken)) return { events, last, failure: taken.left }
        events += batch.events.length
        last = batch.events.at(-1)?.position ?? last
      }
      progress.show(batch.next, events)
    }
  } catch (thrown) {
    if (!isHistoryFailure(thrown)) throw thrown
    return { events, last, failure: thrown }
  }
  return { events, last, failure: signal.aborted ? { _tag: 'Interrupted' } : undefined }
}

/** Writes the history after the last event that the output holds, or else after `after`. */
export const replayLines = async (
  history: History,
  after: string | undefined,
  output: Output,
  progress: Progress,
  signal: AbortSignal,
): Promise<Replayed> => {
  const replayed = await replayTo(history, output.last ?? after, output.write, progress, signal)
  const closed = await output.close()
  progress.clear()
  return E.isLeft(closed) && replayed.failure === undefined ? { ...replayed, failure: closed.left } : replayed
}

/** Runs a fold over the history. */
export const replayFold = async (
  history: History,
  after: string | undefined,
  folding: Folding,
  progress: Progress,
  signal: AbortSignal,
): Promise<E.Either<ReplayFailure, string>> => {
  const add: Take = async events =>
    E.mapLeft((sentence: string): ReplayFailure => ({ _tag: 'FoldFailed', sentence }))(
      await folding.add(events),
    )
  const { failure } = await replayTo(history, after, add, progress, signal)
  progress.clear()
  if (failure !== undefined) return E.left(failure)
  return E.mapLeft((sentence: string): ReplayFailure => ({ _tag: 'FoldFailed', sentence }))(
    await folding.result(),
  )
}
