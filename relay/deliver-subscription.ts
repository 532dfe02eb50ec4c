import type { RecordedEvent } from '../domain/event.ts'
import type { Subscription } from '../domain/subscriptions.ts'
import type { FeedBatch } from '../projections/event-feed.ts'
import { makeBell, type Sleep } from './bell.ts'
import { longestUnsaved, type StateDependencies, takeOver } from './delivery-state.ts'
import { type FailingStreamsDependencies, makeFailingStreams } from './failing-streams.ts'
import { makeReadAhead } from './read-ahead.ts'
import { type DeliveryEnd, makeReceiver, type ReceiverDependencies } from './receiver.ts'
import { makeReplays, type Replay } from './replays.ts'

/** Events that are read ahead of the oldest that is under way, and the characters of their data, one at least. */
const mostAhead = 256
const mostAheadCharacters = 1024 * 1024
/** Streams that fail, or that events are under way of: beyond them nothing more is read. */
const mostFailing = 1_000
const saveMilliseconds = 250
/** Posts under way when the work ends may take so much longer. */
const lastPostMilliseconds = 2_000

export interface DeliveryDependencies
  extends StateDependencies,
    ReceiverDependencies,
    FailingStreamsDependencies {
  /** Gives what comes after a position, as `SharedFollower` does: an empty batch at least every second. */
  readonly follow: (after: bigint, signal: AbortSignal) => AsyncIterable<FeedBatch>
  readonly sleep: Sleep
}

export interface DeliveryWork {
  readonly subscription: Subscription
  readonly token: number
  /** Where it begins, when it was never worked on. */
  readonly from: bigint
  /** The replays that were asked for after a revision of the subscription's stream. */
  readonly replays: (after: number) => Promise<readonly Replay[]>
}

/**
 * Delivers what a subscription asks for, until the signal: each event once it was recorded, those of a stream in order,
 * at least once, with the same id each time. A stream whose event was not taken is tried again with growing pauses, and holds
 * up no other; after three days the event is a dead letter, and its stream goes on. Throws a `LogFailure`,
 * `ReadUnavailable`, or `Superseded` once another process has taken the subscription over.
 */
export const deliverSubscription = async (
  dependencies: DeliveryDependencies,
  { subscription, token, from, replays }: DeliveryWork,
  signal: AbortSignal,
): Promise<DeliveryEnd> => {
  const { asksFor, sleep, follow } = dependencies
  const ending = new AbortController()
  const cutting = new AbortController()
  const over = new AbortController()
  let end: DeliveryEnd = { is: 'ended' }
  const endWith = (reason: DeliveryEnd) => {
    if (ending.signal.aborted) return
    end = reason
    ending.abort()
    void sleep(lastPostMilliseconds, over.signal).then(() => cutting.abort())
  }
  const stop = () => endWith({ is: 'ended' })
  const bell = makeBell(sleep, ending.signal)
  const { id } = subscription
  const state = await takeOver(dependencies, { id, token, from }, bell.ring)
  const asked = await replays(state.noted().handledRevision)
  const endings = { signal: ending.signal, cutting: cutting.signal, endWith }
  const receiver = makeReceiver(dependencies, subscription, state, bell, endings)
  const streams = makeFailingStreams(dependencies, subscription, state, receiver, bell, endings)
  const ahead = makeReadAhead(state.moveTo)
  const revive = makeReplays(dependencies, subscription, state, asked)

  const deliver = async (event: RecordedEvent, done: () => void): Promise<void> => {
    if (!streams.passOver(event)) {
      const answer = await receiver.post(event, 'first')
      // It is read again by whoever goes on.
      if (answer === undefined) return
      if (answer.is === 'refused') streams.begin(event, answer.error)
    }
    done()
  }

  const failures: unknown[] = []
  const fail = (thrown: unknown) => {
    failures.push(thrown)
    stop()
  }
  /** What is under way of each stream, one event after the other. */
  const lanes = new Map<string, Promise<void>>()
  const add = (event: RecordedEvent) => {
    const done = ahead.add(event)
    const lane = (lanes.get(event.stream) ?? Promise.resolve())
      .then(() => (failures.length > 0 ? undefined : deliver(event, done)))
      .catch(fail)
      .finally(() => {
        if (lanes.get(event.stream) === lane) lanes.delete(event.stream)
      })
    lanes.set(event.stream, lane)
  }

  const isFull = () =>
    ahead.events() >= mostAhead ||
    ahead.characters() >= mostAheadCharacters ||
    state.failing.size + ahead.events() >= mostFailing

  const read = async (): Promise<void> => {
    for await (const batch of follow(state.position(), ending.signal)) {
      for (const event of batch.events) {
        if (!asksFor(subscription, event)) continue
        while (isFull() && !ending.signal.aborted) await bell.rung(longestUnsaved)
        if (ending.signal.aborted) return
        add(event)
      }
      ahead.reached(batch.next)
      if (!receiver.checkRights()) return
    }
  }

  const save = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      await revive()
      await state.save()
      const wait = state.dueIn()
      if (wait > 0) await bell.rung(wait)
      await sleep(saveMilliseconds, ending.signal)
    }
  }

  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  try {
    await Promise.all([read, streams.run, save].map(part => part().catch(fail).finally(stop)))
    // What posts under way did is noted; of those that are cut off nothing is known, and they are done again.
    await Promise.all(lanes.values())
    if (failures.length > 0) throw failures[0]
    await state.save()
    return end
  } finally {
    over.abort()
    signal.removeEventListener('abort', stop)
  }
}
