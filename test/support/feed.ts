import type { RecordedEvent } from '../../domain/event.ts'
import type { EventFeed } from '../../projections/event-feed.ts'

/** Everything a feed gives until its head. */
export const eventsOf = async (
  feed: EventFeed,
  after = 0n,
  types?: readonly string[],
): Promise<readonly RecordedEvent[]> => {
  const events: RecordedEvent[] = []
  const { signal } = new AbortController()
  const options = types === undefined ? { signal, toHead: true } : { signal, toHead: true, types }
  for await (const batch of feed.follow(after, options)) events.push(...batch.events)
  return events
}
