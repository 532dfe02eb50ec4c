import { setTimeout as pause } from 'node:timers/promises'
import * as E from '#fp/Either'
import type { EventLog } from '../commands/event-log.ts'
import type { RecordedEvent } from '../domain/event.ts'
import type { LogFailure } from '../domain/log-failure.ts'
import { formatPosition, type LogIdentity, laterOf } from '../domain/position.ts'
import type { Subscription } from '../domain/subscriptions.ts'
import type { Superseded } from '../projections/checkpoints.ts'
import type { EventFeed, FeedBatch } from '../projections/event-feed.ts'
import { feedEntryText } from '../projections/feed-entry.ts'
import type { ReadUnavailable } from '../projections/read-unavailable.ts'
import { makeBell } from './bell.ts'
import {
  type DeadLetter,
  deadLetterRecord,
  deliveryMilliseconds,
  type Failing,
  failingKey,
  failingRecord,
  type Progress,
  parseDeadLetter,
  parseFailing,
  parseProgress,
  pauseMilliseconds,
  progressRecord,
} from './delivery-records.ts'
import type { DeliveryRecord, DeliveryStore } from './delivery-store.ts'
import type { PostOutcome } from './post-outcome.ts'
import { deliveryError, type SendWebhook } from './send-webhook.ts'
import { makeSlots } from './slots.ts'

/** Posts of one subscription under way at the same time, each of another stream. */
const mostPosts = 16
/** Events that are read ahead of the oldest that is under way. */
const mostAhead = 256
/** Streams that fail at the same time: beyond them nothing more is read. */
const mostFailing = 1_000
/** So many streams have failed since the last delivery: the receiver is taken for down. */
const downFrom = 16
/** While it is down, another stream is tried this often. */
const probeMilliseconds = 15_000
const saveMilliseconds = 250
/** How far it is is saved at least this often while a stream fails. */
const longestUnsaved = 30_000
/** Posts under way when the work ends may take so much longer. */
const lastPostMilliseconds = 2_000

/** Why the work on a subscription has ended before its signal. */
export type DeliveryEnd =
  /** The receiver answered 410 (Gone). */
  | { readonly is: 'gone' }
  /** The node lacks these rights. */
  | { readonly is: 'denied'; readonly needed: readonly string[] }
  | { readonly is: 'ended' }

export interface DeliveryDependencies {
  readonly identity: LogIdentity
  readonly log: Pick<EventLog, 'read'>
  /** Gives what comes after a position, as `SharedFollower` does: an empty batch at least every second. */
  readonly follow: (after: bigint, signal: AbortSignal) => AsyncIterable<FeedBatch>
  readonly positionOf: EventFeed['positionOf']
  readonly deliveries: DeliveryStore
  readonly send: SendWebhook
  /** What the node lacks to be given events of these resources; undefined where nothing. */
  readonly lacking: (subscription: Subscription) => readonly string[] | undefined
  /** Whether a subscription asks for an event. */
  readonly asksFor: (subscription: Subscription, event: RecordedEvent) => boolean
  readonly now: () => number
  readonly random: () => number
}

/** Replays that were asked for, in the order of the subscription's stream. */
export interface Replay {
  readonly revision: number
  readonly from: bigint
  readonly to: bigint
  /** Only what was given up before (ISO 8601). */
  readonly at: string
}

export interface DeliveryWork {
  readonly subscription: Subscription
  readonly token: number
  /** Where it begins, when it was never worked on. */
  readonly from: bigint
  readonly replays: (after: number) => Promise<E.Either<LogFailure, readonly Replay[]>>
}

type Failure = LogFailure | ReadUnavailable | Superseded

const orThrow = <A>(result: E.Either<Failure, A>): A => {
  if (E.isLeft(result)) throw result.left
  return result.right
}

/** An event of the feed that is under way. */
interface Ahead {
  readonly position: bigint
  isDone: boolean
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
  const { identity, log, deliveries, send, lacking, asksFor, now, random } = dependencies
  const records = orThrow(await deliveries.claim(subscription.id, token))
  const failing = new Map<string, Failing>()
  let saved: Progress | undefined
  for (const { kind, key, text } of records)
    if (kind === 'progress') saved = parseProgress(text)
    else failing.set(key, parseFailing(text))
  // Time in which nobody tried does not count.
  const untried = saved === undefined ? 0 : Math.max(0, now() - saved.savedAt - longestUnsaved)
  for (const [key, row] of failing) failing.set(key, { ...row, since: row.since + untried })
  const start = saved === undefined ? from : orThrow(await dependencies.positionOf(saved.position))
  let position = start ?? from
  const progress = {
    failures: saved?.failures ?? 0,
    lastError: saved?.lastError ?? null,
    handledRevision: saved?.handledRevision ?? 0,
    heldUntil: saved?.heldUntil ?? 0,
  }

  /** Rung when a failing stream has changed, and when there is room to read on; both at the end. */
  const [changes, room] = [makeBell(), makeBell()]
  const ringAll = () => {
    changes.ring()
    room.ring()
  }

  const ending = new AbortController()
  const cutting = new AbortController()
  let end: DeliveryEnd = { is: 'ended' }
  const endWith = (reason: DeliveryEnd) => {
    if (ending.signal.aborted) return
    end = reason
    ending.abort()
    ringAll()
    cutTimer = setTimeout(() => cutting.abort(), lastPostMilliseconds)
  }
  let cutTimer: NodeJS.Timeout | undefined
  const stop = () => endWith({ is: 'ended' })
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()

  // What has changed since it was saved.
  let isChanged = saved === undefined
  const changed = new Set<string>()
  const dead: DeliveryRecord[] = []
  const revived: string[] = []
  const keep = (row: Failing) => {
    const key = failingKey(row)
    failing.set(key, row)
    changed.add(key)
    ringAll()
  }
  const drop = (key: string) => {
    failing.delete(key)
    changed.add(key)
    ringAll()
  }

  const slots = makeSlots(mostPosts)
  const failedSince = new Set<string>()
  const isDown = () => failedSince.size >= downFrom
  let probedAt = 0

  const succeeded = () => {
    if (isDown())
      for (const row of failing.values())
        if (row.nextAt > now()) keep({ ...row, nextAt: now() + Math.round(random() * 1_000) })
    failedSince.clear()
    if (progress.failures !== 0) isChanged = true
    progress.failures = 0
  }

  const noteFailure = (stream: string, error: string, outcome: PostOutcome) => {
    failedSince.add(stream)
    progress.failures += 1
    progress.lastError = { at: new Date(now()).toISOString(), error }
    isChanged = true
    const wait = outcome.is === 'answered' ? outcome.retryAfterMilliseconds : undefined
    if (wait !== undefined) progress.heldUntil = Math.max(progress.heldUntil, now() + wait)
  }

  /** Whether the event was taken; else why not. Undefined when the work ends, and nothing is known. */
  const attempt = (event: RecordedEvent): Promise<{ readonly error?: string } | undefined> =>
    // What came of one post is known before the next begins.
    slots.take(async () => {
      while (progress.heldUntil > now() && !ending.signal.aborted)
        await changes.wait(progress.heldUntil - now())
      if (ending.signal.aborted) return undefined
      const needed = lacking(subscription)
      if (needed !== undefined) {
        endWith({ is: 'denied', needed })
        return undefined
      }
      const outcome = await send(subscription, event.id, feedEntryText(identity, event), cutting.signal)
      const error = deliveryError(outcome)
      if (error === undefined) {
        succeeded()
        return {}
      }
      if (outcome.is === 'answered' && outcome.status === 410) {
        progress.lastError = { at: new Date(now()).toISOString(), error }
        isChanged = true
        endWith({ is: 'gone' })
        return undefined
      }
      if (outcome.is === 'failed' && outcome.reason === 'stopped') return undefined
      noteFailure(event.stream, error, outcome)
      return { error }
    })

  const isGivenUp = ({ metadata }: RecordedEvent, since: number): boolean =>
    now() - Math.max(Date.parse(metadata.recordedAt), since) >= deliveryMilliseconds

  const giveUp = (event: RecordedEvent, row: Failing, error: string) => {
    const letter: DeadLetter = {
      position: formatPosition(identity, event.position),
      stream: event.stream,
      revision: event.revision,
      type: event.event.type,
      attempts: row.attempts + 1,
      error,
      failedSince: new Date(row.since).toISOString(),
      deadAt: new Date(now()).toISOString(),
    }
    dead.push(deadLetterRecord(event.position, letter))
  }

  /** The next event of a failing stream that is asked for; undefined where there is none up to what was passed over. */
  const nextOf = async (row: Failing): Promise<RecordedEvent | undefined> => {
    for (let next = row.revision; next <= row.until; ) {
      const { events, more } = orThrow(await log.read(row.stream, next))
      const wanted = events.find(event => event.revision <= row.until && asksFor(subscription, event))
      if (wanted !== undefined || !more) return wanted
      next = (events.at(-1)?.revision ?? row.until) + 1
    }
    return undefined
  }

  /** Tries a failing stream again, and goes on with it as long as its events are taken. */
  const retry = async (key: string): Promise<void> => {
    for (;;) {
      const row = failing.get(key)
      if (row === undefined || ending.signal.aborted) return
      const event = await nextOf(row)
      const present = failing.get(key)
      if (present === undefined) return
      if (event === undefined) {
        // More may have been passed over in the meantime.
        if (present.until > row.until) continue
        drop(key)
        return
      }
      const result = await attempt(event)
      if (result === undefined) return
      // What was passed over in the meantime is in the row as it is now.
      const until = failing.get(key)?.until ?? row.until
      const onward = { ...row, until, revision: event.revision + 1, attempts: 0 }
      const { error } = result
      if (error === undefined || isGivenUp(event, row.since)) {
        if (error !== undefined) giveUp(event, row, error)
        if (row.isReplay) {
          drop(key)
          return
        }
        keep(onward)
        continue
      }
      const attempts = row.attempts + 1
      keep({ ...row, until, attempts, error, nextAt: now() + pauseMilliseconds(attempts, random()) })
      return
    }
  }

  const retrying = new Set<string>()
  /** Tries failing streams when their time has come. */
  const retries = async (): Promise<void> => {
    const under = new Set<Promise<void>>()
    let failed: unknown
    while (!ending.signal.aborted && failed === undefined) {
      let soonest = now() + 60_000
      for (const [key, row] of failing) {
        if (retrying.has(key)) continue
        if (row.nextAt > now() || retrying.size >= mostPosts) {
          soonest = Math.min(soonest, Math.max(row.nextAt, now() + 50))
          continue
        }
        retrying.add(key)
        const done = retry(key)
          .catch((thrown: unknown) => {
            failed = thrown
          })
          .finally(() => {
            retrying.delete(key)
            under.delete(done)
            changes.ring()
          })
        under.add(done)
      }
      await changes.wait(soonest - now())
    }
    await Promise.all(under)
    if (failed !== undefined) throw failed
  }

  const ahead: Ahead[] = []
  const finish = (one: Ahead) => {
    one.isDone = true
    while (ahead[0]?.isDone) {
      position = laterOf(position, ahead.shift()?.position ?? position)
      isChanged = true
    }
    room.ring()
  }
  const lanes = new Map<string, Promise<void>>()

  const first = async (event: RecordedEvent, one: Ahead): Promise<void> => {
    const { stream, revision } = event
    const row = failing.get(stream)
    if (row === undefined) {
      const result = await attempt(event)
      // Nothing is known of it: it is read again by whoever goes on.
      if (result === undefined) return
      if (result.error !== undefined) {
        const [attempts, error] = [1, result.error]
        const nextAt = now() + pauseMilliseconds(attempts, random())
        keep({ stream, revision, until: revision, attempts, nextAt, since: now(), error, isReplay: false })
      }
    } else keep({ ...row, until: revision })
    finish(one)
  }

  const mayReadOn = (): boolean => {
    if (ahead.length >= mostAhead || failing.size >= mostFailing) return false
    if (!isDown()) return true
    if (now() - probedAt < probeMilliseconds) return false
    probedAt = now()
    return true
  }

  /** Follows the feed, and sends each event that is asked for behind those of its stream. */
  const main = async (): Promise<void> => {
    for await (const batch of dependencies.follow(position, ending.signal)) {
      for (const event of batch.events) {
        if (!asksFor(subscription, event)) continue
        while (!mayReadOn() && !ending.signal.aborted) await room.wait(1_000)
        if (ending.signal.aborted) return
        const one: Ahead = { position: event.position, isDone: false }
        ahead.push(one)
        const lane = (lanes.get(event.stream) ?? Promise.resolve())
          .then(() => first(event, one))
          .finally(() => {
            if (lanes.get(event.stream) === lane) lanes.delete(event.stream)
          })
        lanes.set(event.stream, lane)
      }
      const last: Ahead = { position: batch.next, isDone: false }
      ahead.push(last)
      finish(last)
      const needed = lacking(subscription)
      if (needed !== undefined) endWith({ is: 'denied', needed })
    }
  }

  const pending = [...orThrow(await replays(progress.handledRevision))]
  /** Revives dead letters that were asked for again, as far as there is room. */
  const revive = async (): Promise<void> => {
    for (let [replay] = pending; replay !== undefined; [replay] = pending) {
      let after = ''
      for (;;) {
        if (failing.size >= mostFailing / 2) return
        const letters = orThrow(await deliveries.deadLetters(subscription.id, after, 100))
        if (letters.length === 0) break
        for (const { key, text } of letters) {
          after = key
          const { stream, revision, deadAt, error } = parseDeadLetter(text)
          const number = BigInt(key)
          if (deadAt >= replay.at || number < replay.from || number > replay.to) continue
          const times = { nextAt: now(), since: now() }
          keep({ stream, revision, until: revision, attempts: 0, ...times, error, isReplay: true })
          revived.push(key)
        }
        await save()
      }
      progress.handledRevision = replay.revision
      isChanged = true
      pending.shift()
    }
  }

  let savedAt = 0
  const save = async (): Promise<void> => {
    const isOld = failing.size > 0 && now() - savedAt > longestUnsaved
    if (!isOld && !isChanged && changed.size === 0 && dead.length === 0 && revived.length === 0) return
    savedAt = now()
    const rows = [...changed].map(key => ({ key, row: failing.get(key) }))
    const letters = dead.splice(0)
    const removed = revived.splice(0)
    changed.clear()
    isChanged = false
    orThrow(
      await deliveries.save(subscription.id, token, {
        put: [
          ...letters,
          ...rows.flatMap(({ row }) => (row === undefined ? [] : [failingRecord(row)])),
          progressRecord({
            ...progress,
            position: formatPosition(identity, position),
            number: String(position),
            savedAt,
          }),
        ],
        remove: [
          ...rows.flatMap(({ key, row }) => (row === undefined ? [{ kind: 'failing' as const, key }] : [])),
          ...removed.map(key => ({ kind: 'dead' as const, key })),
        ],
      }),
    )
  }

  const saves = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      await revive()
      await save()
      await pause(saveMilliseconds, undefined, { signal: ending.signal }).catch(() => {})
    }
  }

  const part = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work()
    } finally {
      stop()
    }
  }

  try {
    const ends = await Promise.allSettled([part(main), part(retries), part(saves)])
    // What posts under way did is noted; of those that are cut off nothing is known, and they are done again.
    await Promise.allSettled([...lanes.values()])
    const failed = ends.find(settled => settled.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    await save()
    return end
  } finally {
    clearTimeout(cutTimer)
    signal.removeEventListener('abort', stop)
  }
}
