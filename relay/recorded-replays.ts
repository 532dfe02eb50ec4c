import type { EventLog } from '../commands/event-log.ts'
import { subscriptionEvents, subscriptionStream } from '../domain/subscriptions.ts'
import type { EventFeed } from '../projections/event-feed.ts'
import { orThrow } from './or-throw.ts'
import type { Replay } from './replays.ts'

const afterAll = 2n ** 64n

/** The replays of dead letters that were asked for after a revision of the subscription's stream. Throws a `LogFailure`. */
export const recordedReplays = async (
  { log, positionOf }: { readonly log: Pick<EventLog, 'read'>; readonly positionOf: EventFeed['positionOf'] },
  id: string,
  after: number,
): Promise<readonly Replay[]> => {
  const numberOf = async (text: string | undefined, otherwise: bigint): Promise<bigint> =>
    (text === undefined ? undefined : orThrow(await positionOf(text))) ?? otherwise
  const replays: Replay[] = []
  for (let next = after + 1; ; ) {
    const { events, more } = orThrow(await log.read(subscriptionStream(id), next))
    for (const { event, revision } of events) {
      next = revision + 1
      if (event.type !== 'SubscriptionDeadLettersReplayed') continue
      const { at, from, to } = subscriptionEvents.SubscriptionDeadLettersReplayed.parse(event.data)
      replays.push({ revision, at, from: await numberOf(from, 0n), to: await numberOf(to, afterAll) })
    }
    if (!more) return replays
  }
}
