import type { Subscription } from '../domain/subscriptions.ts'
import type { EventFeed } from '../projections/event-feed.ts'
import { parseDeadLetter } from './delivery-records.ts'
import type { DeliveryState } from './delivery-state.ts'
import type { DeliveryStore } from './delivery-store.ts'
import { orThrow } from './or-throw.ts'

/** Dead letters that are sent again leave so much room to streams that fail for the first time. */
const mostFailing = 500
const pageSize = 100

/** Dead letters that are to be sent again. */
export interface Replay {
  /** Of the subscription's stream: replays are begun in this order. */
  readonly revision: number
  readonly from: bigint
  readonly to: bigint
  /** Only what was given up before (ISO 8601). */
  readonly at: string
}

export interface ReplayDependencies {
  readonly deliveries: Pick<DeliveryStore, 'deadLetters'>
  readonly positionOf: EventFeed['positionOf']
  readonly now: () => number
}

/** Makes failing streams of dead letters, as far as there is room at each call. Throws a `DeliveryFailure`. */
export const makeReplays = (
  { deliveries, positionOf, now }: ReplayDependencies,
  { id }: Subscription,
  state: DeliveryState,
  replays: readonly Replay[],
): (() => Promise<void>) => {
  const pending = [...replays]

  /** False where there is no more room. */
  const revive = async ({ from, to, at }: Replay): Promise<boolean> => {
    for (let after = ''; ; ) {
      if (state.failing.size >= mostFailing) return false
      const letters = orThrow(await deliveries.deadLetters(id, after, pageSize))
      for (const { key, text: record } of letters) {
        after = key
        const { stream, revision, deadAt, error, position: text } = parseDeadLetter(record)
        if (deadAt >= at) continue
        // It may be of an earlier epoch.
        const position = orThrow(await positionOf(text)) ?? 0n
        if (position < from || position > to) continue
        const times = { nextAt: now(), since: now() }
        state.revive(key, {
          stream,
          revision,
          until: revision,
          attempts: 0,
          ...times,
          error,
          isReplay: true,
        })
      }
      // At once: a letter that is given up again must not be taken for one that is to be revived.
      await state.save()
      if (letters.length === 0) return true
    }
  }

  return async () => {
    for (let [replay] = pending; replay !== undefined; [replay] = pending) {
      if (!(await revive(replay))) return
      state.note({ handledRevision: replay.revision })
      pending.shift()
    }
  }
}
