import type { RecordedEvent } from '../domain/event.ts'
import type { EventFeed, FeedBatch } from '../projections/event-feed.ts'
import type { ModelLag } from './metrics.ts'

/** How far a read model has come. */
export interface ModelAt {
  readonly name: string
  readonly position: bigint
}

type Feed = Pick<EventFeed, 'follow' | 'head'>

/** The next events after a position that there are, as many as are read at once. */
const batchAfter = async (feed: Feed, after: bigint): Promise<FeedBatch | undefined> => {
  const { signal } = new AbortController()
  for await (const batch of feed.follow(after, { signal, toHead: true }))
    if (batch.events.length > 0 || batch.caughtUp) return batch
  return undefined
}

const secondsSince = ({ metadata }: RecordedEvent, now: number): number =>
  Math.max(0, now - Date.parse(metadata.recordedAt)) / 1000

/**
 * How far models are behind the log. What they lack is read, from the hindmost on: once, as many events as come at once. What
 * comes after these is counted by how far apart they lie, for the positions of an engine need not count events. Where the
 * log does not answer nothing is known, and there are none.
 */
export const lagsOf = async (
  feed: Feed,
  models: readonly ModelAt[],
  now: number = Date.now(),
): Promise<readonly ModelLag[]> => {
  try {
    const head = await feed.head()
    if (head._tag === 'Left') return []
    const behind = models.filter(({ position }) => position < head.right)
    const [first] = behind.map(({ position }) => position).sort((a, b) => (a < b ? -1 : 1))
    const batch = first === undefined ? undefined : await batchAfter(feed, first)
    return models.map(({ name, position }) => {
      const lacking = batch?.events.filter(event => event.position > position) ?? []
      const [next] = lacking
      if (batch === undefined || first === undefined || position >= head.right)
        return { model: name, events: 0, seconds: 0 }
      const density = batch.events.length / Number(batch.next - first)
      const beyond =
        batch.caughtUp || head.right <= batch.next ? 0 : Math.round(Number(head.right - batch.next) * density)
      return {
        model: name,
        events: lacking.length + beyond,
        seconds: next === undefined ? 0 : secondsSince(next, now),
      }
    })
  } catch {
    return []
  }
}
