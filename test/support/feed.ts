import type { EventLog } from '../../commands/event-log.ts'
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

/** The events of a short stream. */
export const eventsIn = async (
  log: Pick<EventLog, 'read'>,
  stream: string,
  from?: number,
): Promise<readonly RecordedEvent[]> => {
  const run = await log.read(stream, from)
  if (run._tag === 'Left') throw new Error(`unexpected failure: ${run.left._tag}`)
  return run.right.events
}
