import { feedEntryText } from '../../projections/feed-entry.ts'
import { readerCharacters } from '../../projections/shared-follower.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { eventText, heartbeat, inPieces, whileLogAnswers } from '../http/event-stream.ts'
import { type Reader, shownBatches } from './reader.ts'

/**
 * Follows the feed live as server-sent events. It ends when the caller may go on no more, with the signal, or when the log is
 * lost: the client comes again with the last id.
 */
export async function* eventStream(
  { follower, logIdentity }: Pick<ApiDependencies, 'follower' | 'logIdentity'>,
  reader: Reader,
  after: bigint,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const beat = heartbeat(logIdentity)
  yield Buffer.from(beat.text(after))
  for await (const { events, next } of whileLogAnswers(
    shownBatches(follower.follow(after, signal), reader),
  )) {
    if (events.length > 0) {
      yield* inPieces(
        (function* () {
          for (const event of events)
            yield eventText(logIdentity, event.position, feedEntryText(logIdentity, event))
        })(),
      )
      beat.sent()
    } else if (beat.isDue()) {
      yield Buffer.from(beat.text(next))
      beat.sent()
    }
  }
}

/** All that the log holds after a position, up to where its head is now, an entry a line. */
export async function* linesToHead(
  { feed, logIdentity }: Pick<ApiDependencies, 'feed' | 'logIdentity'>,
  reader: Reader,
  after: bigint,
  head: bigint,
): AsyncGenerator<Uint8Array> {
  const { signal } = new AbortController()
  const options = { signal, types: reader.types, toHead: true, mostCharacters: readerCharacters }
  for await (const { events, next } of feed.follow(after, options)) {
    // Cut off: what has been sent must not be taken for all of it.
    if (reader.refusal() !== undefined) throw new Error('the caller may not go on')
    const upToHead = events.filter(({ position }) => position <= head)
    yield* inPieces(
      (function* () {
        for (const event of upToHead) yield `${feedEntryText(logIdentity, event)}\n`
      })(),
    )
    if (next >= head) return
  }
}
