import * as E from '#fp/Either'
import type { RecordedEvent } from '../../domain/event.ts'
import { jsonText } from '../../domain/json.ts'
import { isLogFailure } from '../../domain/log-failure.ts'
import type { ApiDependencies } from '../dependencies.ts'
import type { Failure } from '../http/problem.ts'
import { type Reader, shownBatches } from './reader.ts'

const mostCharacters = 8 * 1024 * 1024
/** So long a page looks for events that its filter shows; then it says where to go on. */
const lookMilliseconds = 2_000

export interface Page {
  readonly events: readonly RecordedEvent[]
  readonly next: bigint
}

interface Bounds {
  readonly after: bigint
  readonly limit: number
}

type Feeds = Pick<ApiDependencies, 'feed' | 'follower'>

/** As many events of a batch as the page has room for. */
const takenFrom = (events: readonly RecordedEvent[], limit: number): readonly RecordedEvent[] => {
  let characters = 0
  const end = events.findIndex((event, n) => {
    characters += jsonText(event.event.data).length
    return n >= limit || (n > 0 && characters > mostCharacters)
  })
  return end < 0 ? events : events.slice(0, end)
}

const pageOf = (events: readonly RecordedEvent[], next: bigint, limit: number): Page => {
  const taken = takenFrom(events, limit)
  return { events: taken, next: taken.length < events.length ? (taken.at(-1)?.position ?? next) : next }
}

/** What the log holds after a position, as much as a page takes. */
const presentPage = async (
  { feed }: Feeds,
  { types }: Reader,
  { after, limit }: Bounds,
): Promise<Page & { caughtUp: boolean }> => {
  const events: RecordedEvent[] = []
  const { signal } = new AbortController()
  const start = performance.now()
  let [next, caughtUp, characters] = [after, false, 0]
  for await (const batch of feed.follow(after, { signal, types, toHead: true })) {
    events.push(...batch.events)
    characters += batch.events.reduce((sum, { event }) => sum + jsonText(event.data).length, 0)
    next = batch.next
    caughtUp = batch.caughtUp
    const isFull = events.length >= limit || characters >= mostCharacters
    // It must be another place: past the events of others on the same event store there is none for a while.
    if (isFull || (next > after && performance.now() - start > lookMilliseconds)) break
  }
  return { ...pageOf(events, next, limit), caughtUp }
}

/** The first events that come after a position, or none once the signal says so. */
const nextPage = async (
  { follower }: Feeds,
  reader: Reader,
  { after, limit }: Bounds,
  signal: AbortSignal,
): Promise<Page> => {
  let next = after
  for await (const batch of shownBatches(follower.follow(after, signal), reader)) {
    next = batch.next
    if (batch.events.length > 0) return pageOf(batch.events, next, limit)
  }
  return { events: [], next }
}

/** A page of the feed. One without events waits for some until the signal. */
export const readPage = async (
  feeds: Feeds,
  reader: Reader,
  bounds: Bounds,
  waiting: AbortSignal,
): Promise<E.Either<Failure, Page>> => {
  try {
    const page = await presentPage(feeds, reader, bounds)
    if (page.events.length > 0 || !page.caughtUp || waiting.aborted) return E.right(page)
    const later = await nextPage(feeds, reader, { ...bounds, after: page.next }, waiting)
    const refusal = reader.refusal()
    return refusal === undefined ? E.right(later) : E.left(refusal)
  } catch (thrown) {
    if (isLogFailure(thrown)) return E.left(thrown)
    throw thrown
  }
}
