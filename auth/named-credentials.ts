import * as E from '#fp/Either'
import { isLogFailure, type LogFailure } from '../domain/log-failure.ts'
import type { EventFeed } from '../projections/event-feed.ts'
import { followedTypes } from './standing.ts'

/** Whether some event names a credential. Ends at the first; without one it has read all events of people and nodes. */
export const namesCredentials = async (
  feed: Pick<EventFeed, 'follow'>,
): Promise<E.Either<LogFailure, boolean>> => {
  const { signal } = new AbortController()
  try {
    for await (const { events } of feed.follow(0n, { signal, types: followedTypes, toHead: true }))
      if (events.some(({ event }) => event.credential !== undefined)) return E.right(true)
    return E.right(false)
  } catch (thrown) {
    if (!isLogFailure(thrown)) throw thrown
    // The keys are kept where the credentials are: whoever has lost the one has lost the other.
    const isLost = thrown._tag === 'EventUnreadable' && thrown.reason === 'without its key'
    return isLost ? E.right(true) : E.left(thrown)
  }
}
