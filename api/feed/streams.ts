import type { RecordedEvent } from '../../domain/event.ts'
import { isLogFailure } from '../../domain/log-failure.ts'
import { formatPosition, type LogIdentity } from '../../domain/position.ts'
import { feedEntryText } from '../../projections/feed-entry.ts'
import { readerCharacters } from '../../projections/shared-follower.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { type Reader, shownBatches } from './reader.ts'

/** Bytes of a piece of a stream, about: so much of it waits in memory for a slow client. */
export const streamBytes = 64 * 1024

/** Texts in pieces of about `streamBytes`. */
function* pieces(texts: Iterable<string>): Generator<Uint8Array> {
  let piece = ''
  for (const text of texts) {
    piece += text
    if (piece.length < streamBytes) continue
    yield Buffer.from(piece)
    piece = ''
  }
  if (piece !== '') yield Buffer.from(piece)
}

/** The client's connection has not been quiet for longer than this: proxies end what is. */
const beatMilliseconds = 15_000

/** An event of a stream of server-sent events (WHATWG HTML, section 9.2.6): its id is the position, its data the entry. */
const eventText = (log: LogIdentity, event: RecordedEvent): string =>
  `id: ${formatPosition(log, event.position)}\ndata: ${feedEntryText(log, event)}\n\n`

/** Tells the client where it stands, without an event: it sends this id when it comes again. */
const beatText = (log: LogIdentity, position: bigint): string =>
  `: up to here\nid: ${formatPosition(log, position)}\n\n`

/** Ends where the log is lost. */
async function* whileLogAnswers<A>(items: AsyncIterable<A>): AsyncGenerator<A> {
  try {
    yield* items
  } catch (thrown) {
    if (!isLogFailure(thrown)) throw thrown
  }
}

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
  let lastWrite = Date.now()
  yield Buffer.from(beatText(logIdentity, after))
  for await (const { events, next } of whileLogAnswers(
    shownBatches(follower.follow(after, signal), reader),
  )) {
    if (events.length > 0) {
      yield* pieces(
        (function* () {
          for (const event of events) yield eventText(logIdentity, event)
        })(),
      )
      lastWrite = Date.now()
    } else if (Date.now() - lastWrite >= beatMilliseconds - 1_000) {
      yield Buffer.from(beatText(logIdentity, next))
      lastWrite = Date.now()
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
    yield* pieces(
      (function* () {
        for (const event of upToHead) yield `${feedEntryText(logIdentity, event)}\n`
      })(),
    )
    if (next >= head) return
  }
}
