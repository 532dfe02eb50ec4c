import { isLogFailure } from '../../domain/log-failure.ts'
import { formatPosition, type LogIdentity } from '../../domain/position.ts'
import type { Answer } from './answer.ts'
import type { Call } from './call.ts'

export const eventStreamType = 'text/event-stream'

/** Bytes of a piece of a stream, about: so much of it waits in memory for a slow client. */
export const streamBytes = 64 * 1024

/** The client's connection is not quiet for longer than this: proxies end what is. Followers look around once a second. */
const beatMilliseconds = 15_000 - 1_000

/** An event of a stream of server-sent events (WHATWG HTML, section 9.2.6): its id is a position, its data one line. */
export const eventText = (log: LogIdentity, position: bigint, data: string): string =>
  `id: ${formatPosition(log, position)}\ndata: ${data}\n\n`

/** Texts in pieces of about `streamBytes`. */
export function* inPieces(texts: Iterable<string>): Generator<Uint8Array> {
  let piece = ''
  for (const text of texts) {
    piece += text
    if (piece.length < streamBytes) continue
    yield Buffer.from(piece)
    piece = ''
  }
  if (piece !== '') yield Buffer.from(piece)
}

/** Keeps a stream of server-sent events from falling silent. */
export interface Heartbeat {
  readonly isDue: () => boolean
  /** Something was sent just now. */
  readonly sent: () => void
  /** Tells the client where it stands, without an event: it sends this id when it comes again. */
  readonly text: (position: bigint) => string
}

export const heartbeat = (log: LogIdentity): Heartbeat => {
  let lastAt = Date.now()
  return {
    isDue: () => Date.now() - lastAt >= beatMilliseconds,
    sent: () => {
      lastAt = Date.now()
    },
    text: position => `: up to here\nid: ${formatPosition(log, position)}\n\n`,
  }
}

/** Ends where the log is lost: the client comes again with the last id. */
export async function* whileLogAnswers<A>(items: AsyncIterable<A>): AsyncGenerator<A> {
  try {
    yield* items
  } catch (thrown) {
    if (!isLogFailure(thrown)) throw thrown
  }
}

/** The answer that sends a stream as it is made; HEAD is told of it only. */
export const streamAnswer = (
  { request }: Pick<Call, 'request'>,
  type: string,
  stream: () => AsyncIterable<Uint8Array>,
): Answer => ({
  status: 200,
  headers: {
    'Content-Type': type,
    Vary: 'Accept',
    // nginx would hold it back otherwise.
    ...(type === eventStreamType ? { 'X-Accel-Buffering': 'no' } : {}),
  },
  ...(request.method === 'HEAD' ? {} : { stream: stream(), heldBytes: streamBytes }),
})
