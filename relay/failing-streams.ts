import type { EventLog } from '../commands/event-log.ts'
import type { RecordedEvent } from '../domain/event.ts'
import { jsonText } from '../domain/json.ts'
import type { Subscription } from '../domain/subscriptions.ts'
import type { Bell } from './bell.ts'
import { deliveryMilliseconds, type Failing, pauseMilliseconds } from './delivery-records.ts'
import type { DeliveryState } from './delivery-state.ts'
import { orThrow } from './or-throw.ts'
import { type Ending, mostPosts, type Receiver } from './receiver.ts'

/** Events of a failing stream that are held at once: so many, or the characters of their data, one at least. */
const mostHeld = 100
const mostHeldCharacters = 64 * 1024
const longestWait = 60_000

export interface FailingStreamsDependencies {
  readonly log: Pick<EventLog, 'read'>
  /** Whether a subscription asks for an event. */
  readonly asksFor: (subscription: Subscription, event: RecordedEvent) => boolean
  readonly now: () => number
  readonly random: () => number
}

export interface FailingStreams {
  /** Notes an event that was not taken: its stream fails from here on. */
  readonly begin: (event: RecordedEvent, error: string) => void
  /** Leaves an event to its stream where that fails: whether it does. */
  readonly passOver: (event: RecordedEvent) => boolean
  /** Tries what fails when its time has come, until the work ends. Throws a `DeliveryFailure`. */
  readonly run: () => Promise<void>
}

/** The streams whose next event was not taken, each with what was recorded behind it. */
export const makeFailingStreams = (
  { log, asksFor, now, random }: FailingStreamsDependencies,
  subscription: Subscription,
  state: DeliveryState,
  receiver: Receiver,
  bell: Bell,
  { signal: ending, endWith }: Ending,
): FailingStreams => {
  const { failing } = state
  const retrying = new Set<string>()

  /** The next events of a stream that are asked for, a few; none where there are none up to what was passed over. */
  const nextOf = async (row: Failing): Promise<readonly RecordedEvent[]> => {
    for (let from = row.revision; from <= row.until; ) {
      const { events, more } = orThrow(await log.read(row.stream, from))
      const next: RecordedEvent[] = []
      let characters = 0
      for (const event of events) {
        if (event.revision > row.until || next.length >= mostHeld || characters >= mostHeldCharacters) break
        if (!asksFor(subscription, event)) continue
        next.push(event)
        characters += jsonText(event.event.data).length
      }
      if (next.length > 0 || !more) return next
      from = (events.at(-1)?.revision ?? row.until) + 1
    }
    return []
  }

  const isGivenUp = ({ metadata }: RecordedEvent, { since }: Failing): boolean =>
    now() - Math.max(Date.parse(metadata.recordedAt), since) >= deliveryMilliseconds

  /** Whether the event was taken, and the stream may go on at once. */
  const retryOne = async (key: string, event: RecordedEvent): Promise<boolean> => {
    const answer = await receiver.post(event, 'again')
    // More may have been passed over in the meantime: the row as it is now.
    const row = failing.get(key)
    if (answer === undefined || row === undefined) return false
    const onward = { ...row, revision: event.revision + 1, attempts: 0, nextAt: now() }
    if (answer.is === 'taken') {
      if (row.isReplay) state.drop(row)
      else state.keep({ ...onward, since: now() })
      return !row.isReplay
    }
    const { error } = answer
    const attempts = row.attempts + 1
    if (!isGivenUp(event, row)) {
      state.keep({ ...row, attempts, error, nextAt: now() + pauseMilliseconds(attempts, random()) })
      return false
    }
    state.giveUp(event, row, error)
    if (row.isReplay) state.drop(row)
    else state.keep(onward)
    return false
  }

  /** Tries a stream again, and goes on with it as long as its events are taken. */
  const retry = async (key: string): Promise<void> => {
    while (!ending.aborted) {
      const row = failing.get(key)
      if (row === undefined) return
      const events = await nextOf(row)
      if (events.length === 0) {
        const present = failing.get(key)
        if (present !== undefined && present.until > row.until) continue
        state.drop(row)
        return
      }
      for (const event of events) if (!(await retryOne(key, event))) return
    }
  }

  /** What is to be tried now, the longest due first. */
  const due = (): readonly string[] => {
    const free = [...failing].filter(([key, { nextAt }]) =>
      retrying.has(key) ? false : receiver.isDown() || nextAt <= now(),
    )
    const most = (receiver.isDown() ? 1 : mostPosts) - retrying.size
    if (most <= 0 || free.length === 0) return []
    return free
      .sort(([, a], [, b]) => a.nextAt - b.nextAt)
      .slice(0, most)
      .map(([key]) => key)
  }
  const untilDue = (): number => {
    let soonest = now() + longestWait
    for (const [key, { nextAt }] of failing)
      if (!retrying.has(key) && nextAt > now()) soonest = Math.min(soonest, nextAt)
    return soonest - now()
  }

  return {
    begin: ({ stream, revision }, error) => {
      const attempts = 1
      const nextAt = now() + pauseMilliseconds(attempts, random())
      const since = now()
      state.keep({ stream, revision, until: revision, attempts, nextAt, since, error, isReplay: false })
    },
    passOver: ({ stream, revision }) => {
      const row = failing.get(stream)
      // What was passed over before stays so, also where the position saved with it was an earlier one.
      if (row !== undefined && revision > row.until) state.keep({ ...row, until: revision })
      return row !== undefined
    },
    run: async () => {
      const under = new Set<Promise<void>>()
      const failures: unknown[] = []
      while (!ending.aborted) {
        for (const key of due()) {
          retrying.add(key)
          const done = retry(key)
            .catch((thrown: unknown) => {
              failures.push(thrown)
              endWith({ is: 'ended' })
            })
            .finally(() => {
              retrying.delete(key)
              under.delete(done)
              bell.ring()
            })
          under.add(done)
        }
        await bell.rung(untilDue())
      }
      await Promise.all(under)
      if (failures.length > 0) throw failures[0]
    },
  }
}
