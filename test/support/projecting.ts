import type { FollowFailure } from '../../projections/leased-work.ts'
import { makeProgress } from '../../projections/progress.ts'
import { startProjector } from '../../projections/projector.ts'
import { projections } from '../../projections/read-models.ts'
import { openLog } from '../../stores/codec.ts'
import { memoryLog } from '../../stores/memory/event-log.ts'
import { memoryLeases } from '../../stores/memory/leases.ts'
import { memoryReadStore } from '../../stores/memory/read-store.ts'
import { right } from './either.ts'
import { testKeys } from './keys.ts'

/** A log and a store of read models in memory. */
export const openAll = async () => {
  const stored = memoryLog()
  const ports = await right(openLog(stored, testKeys))
  return { stored, ...ports, store: memoryReadStore(), leases: memoryLeases() }
}

export type Opened = Awaited<ReturnType<typeof openAll>>

/** Projects until the head as it is now is reached, and stops. */
export const projectAll = async (
  { feed, store, leases }: Pick<Opened, 'feed' | 'store' | 'leases'>,
  which = projections,
) => {
  const ending = new AbortController()
  const progress = makeProgress(which.map(({ shape }) => shape.name))
  const failures: FollowFailure['_tag'][] = []
  const projector = startProjector(
    {
      feed,
      reads: store,
      writer: store,
      leases,
      holder: 'test',
      mayWait: () => true,
      projections: which,
      progress,
      report: ({ _tag }) => failures.push(_tag as FollowFailure['_tag']),
    },
    ending.signal,
  )
  const head = await right(feed.head())
  while (!progress.allReached(head) && projector.stopped() === undefined)
    await Promise.race([projector.ended, new Promise(resolve => setImmediate(resolve))])
  const stopped = projector.stopped()
  ending.abort()
  await projector.ended
  return { failures, stopped }
}
