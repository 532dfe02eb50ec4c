import * as E from '#fp/Either'
import type { Core } from '../../core.ts'
import { kindOfEvent } from '../../domain/catalogue.ts'
import type { RecordedEvent } from '../../domain/event.ts'
import { isLogFailure, type LogFailure } from '../../domain/log-failure.ts'
import { formatPosition } from '../../domain/position.ts'
import { feedEntryOf, feedEntryText } from '../../projections/feed-entry.ts'
import { type History, type HistoryBatch, type HistoryEvent, historyFailure, isInTimes } from './history.ts'
import type { EventFilter } from './request.ts'

type Ports = Core['ports']

interface Batch {
  readonly events: readonly RecordedEvent[]
  readonly next: bigint
}

export const logProblem = (failure: LogFailure): string =>
  failure._tag === 'LogUnavailable'
    ? 'The event log cannot be read now.'
    : `An event of the stream ${failure.stream} is ${failure.reason}: the history cannot be read past it.`

/** The position that an option names: within this log, up to its head. */
export const positionIn = async (
  { feed }: Pick<Ports, 'feed'>,
  head: bigint,
  text: string,
): Promise<E.Either<LogFailure | 'of another log' | 'past its end', bigint>> => {
  const position = await feed.positionOf(text)
  if (E.isLeft(position)) return position
  if (position.right === undefined) return E.left('of another log')
  return position.right > head ? E.left('past its end') : E.right(position.right)
}

/** A stream, run by run. */
async function* streamBatches(log: Ports['log'], stream: string): AsyncGenerator<Batch> {
  let more = true
  let from = 0
  while (more) {
    const run = await log.read(stream, from)
    if (E.isLeft(run)) throw run.left
    const { events } = run.right
    const last = events.at(-1)
    if (last === undefined) return
    yield { events, next: last.position }
    more = run.right.more
    from = last.revision + 1
  }
}

/** The history in the store itself, up to `end` inclusive: every event that is about a thing. The hub's own are left out. */
export const storeHistory = ({ log, feed, identity }: Ports, end: bigint, filter: EventFilter): History => {
  const { types, stream } = filter
  const shown = types === undefined ? undefined : new Set(types)
  const isInTime = isInTimes(filter)
  const isOurs = ({ event, stream, metadata: { recordedAt } }: RecordedEvent): boolean =>
    (shown === undefined ? kindOfEvent(event.type) !== undefined : shown.has(event.type)) &&
    isInTime({ stream, recordedAt })

  const eventOf = (recorded: RecordedEvent): HistoryEvent => ({
    position: formatPosition(identity, recorded.position),
    entry: () => feedEntryOf(identity, recorded),
    json: () => feedEntryText(identity, recorded),
  })

  async function* batches(afterText: string | undefined, signal: AbortSignal): AsyncGenerator<HistoryBatch> {
    let after = 0n
    if (afterText !== undefined) {
      const position = await positionIn({ feed }, end, afterText)
      if (E.isLeft(position))
        throw historyFailure('wrong option', `${afterText} is no position before the end.`)
      after = position.right
    }
    const source =
      stream === undefined
        ? feed.follow(after, types === undefined ? { signal, toHead: true } : { signal, toHead: true, types })
        : streamBatches(log, stream)
    for await (const batch of source) {
      const events = batch.events.filter(
        recorded => recorded.position > after && recorded.position <= end && isOurs(recorded),
      )
      yield { events: events.map(eventOf), next: batch.next }
      if (signal.aborted || batch.next >= end) return
    }
  }

  return {
    batches: async function* (after, signal) {
      try {
        yield* batches(after, signal)
      } catch (thrown) {
        throw isLogFailure(thrown) ? historyFailure('failed', logProblem(thrown)) : thrown
      }
    },
  }
}
