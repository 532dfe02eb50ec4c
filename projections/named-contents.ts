import { catalogue } from '../domain/catalogue.ts'
import { contentShape } from '../domain/content.ts'
import { isLogFailure } from '../domain/log-failure.ts'
import type { EventFeed } from './event-feed.ts'

const types = catalogue.flatMap(({ contentFact }) => contentFact ?? [])

/** How many contents the events name, each counted once; as many as were read where the log fails meanwhile. */
export const namedContents = async (
  feed: Pick<EventFeed, 'follow'>,
  signal: AbortSignal,
): Promise<number> => {
  const named = new Set<string>()
  try {
    for await (const { events } of feed.follow(0n, { signal, types, toHead: true }))
      for (const { event } of events) {
        const content = contentShape.safeParse(event.data)
        if (content.success) named.add(content.data.sha256)
      }
  } catch (thrown) {
    if (!isLogFailure(thrown)) throw thrown
  }
  return named.size
}
