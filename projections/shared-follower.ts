import { isErasure, isOfErasure } from '../domain/erasure.ts'
import type { RecordedEvent } from '../domain/event.ts'
import { jsonText } from '../domain/json.ts'
import type { EventFeed, FeedBatch } from './event-feed.ts'

/** What one following of the log holds for all who read along. */
export interface FollowerLimits {
  /** Events that are held, the newest; whoever is further behind reads the log itself. */
  readonly events: number
  /** Characters of their data together. */
  readonly characters: number
}

/** Characters of data that one reader holds at once, about: one event at least. */
export const readerCharacters = 64 * 1024

/** Follows the log once for many readers. */
export interface SharedFollower {
  /**
   * What comes after a position, in batches, as `EventFeed.follow` gives it: also an empty one at least every second. A reader
   * that is far behind reads the log by itself until it has come up to the others. Ends with the signal; throws a `LogFailure`.
   */
  readonly follow: (after: bigint, signal: AbortSignal) => AsyncIterable<FeedBatch>
  /** How many followings of the log are under way for readers who have come up: none or one. */
  readonly followings: () => number
}

// Whoever shows the event writes the same text, once.
const charactersOf = ({ event }: RecordedEvent): number => jsonText(event.data).length

/** An event that was read before its person was forgotten. */
const withoutData = (recorded: RecordedEvent): RecordedEvent =>
  isOfErasure(recorded.event.type)
    ? recorded
    : { ...recorded, event: { type: recorded.event.type, data: {}, erased: true } }

/** The newest events, and who waits for more. */
const makeWindow = (start: bigint, limits: FollowerLimits) => {
  /** Holds every event after `from` up to `next`. */
  let from = start
  let next = start
  let events: RecordedEvent[] = []
  let sizes: number[] = []
  let characters = 0
  let failure: { readonly cause: unknown } | undefined
  const waiting = new Set<() => void>()
  const wakeAll = () => {
    for (const wake of [...waiting]) wake()
  }
  return {
    from: () => from,
    next: () => next,
    /** What comes after a position, as much as a reader may hold at once. */
    after: (position: bigint): FeedBatch => {
      let first = events.length
      while (first > 0 && (events[first - 1]?.position ?? 0n) > position) first -= 1
      let end = first
      for (let held = 0; end < events.length && (end === first || held < readerCharacters); end += 1)
        held += sizes[end] ?? 0
      const isAll = end === events.length
      const later = next > position ? next : position
      return {
        events: events.slice(first, end),
        next: isAll ? later : (events[end - 1]?.position ?? later),
        caughtUp: isAll,
      }
    },
    add: (batch: FeedBatch) => {
      for (const event of batch.events) {
        const { type } = event.event
        const { subject } = event.metadata
        if (isErasure(type) && subject !== undefined)
          events = events.map(held => (held.metadata.subject === subject ? withoutData(held) : held))
        const size = charactersOf(event)
        events.push(event)
        sizes.push(size)
        characters += size
      }
      let dropped = 0
      while (events.length - dropped > limits.events || characters > limits.characters) {
        characters -= sizes[dropped] ?? 0
        from = events[dropped]?.position ?? from
        dropped += 1
      }
      if (dropped > 0) {
        events = events.slice(dropped)
        sizes = sizes.slice(dropped)
      }
      next = batch.next
      wakeAll()
    },
    fail: (cause: unknown) => {
      failure = { cause }
      wakeAll()
    },
    failure: () => failure,
    /** Until the next batch, a failure, or the signal. */
    change: (signal: AbortSignal): Promise<void> =>
      new Promise(resolve => {
        const wake = () => {
          waiting.delete(wake)
          signal.removeEventListener('abort', wake)
          resolve()
        }
        waiting.add(wake)
        signal.addEventListener('abort', wake)
        if (signal.aborted) wake()
      }),
  }
}

type Window = ReturnType<typeof makeWindow>

export const makeSharedFollower = (
  feed: Pick<EventFeed, 'follow'>,
  types: readonly string[],
  limits: FollowerLimits = { events: 2_000, characters: 8 * 1024 * 1024 },
): SharedFollower => {
  let current: { readonly window: Window; readonly ending: AbortController } | undefined
  let readers = 0
  let followings = 0

  const run = async (window: Window, ending: AbortController, after: bigint): Promise<void> => {
    followings += 1
    try {
      for await (const batch of feed.follow(after, { signal: ending.signal, types })) window.add(batch)
    } catch (cause) {
      window.fail(cause)
    } finally {
      followings -= 1
      if (current?.ending === ending) current = undefined
    }
  }

  /** The window that all share; the first reader to come up to the head opens it where it stands. */
  const windowAt = (after: bigint): Window => {
    if (current === undefined) {
      const window = makeWindow(after, limits)
      const ending = new AbortController()
      current = { window, ending }
      void run(window, ending, after)
    }
    return current.window
  }

  /** Reads the log itself up to its head, or until the window that others share holds what comes next. */
  async function* comeUp(after: bigint, signal: AbortSignal): AsyncGenerator<FeedBatch> {
    const isInWindow = (position: bigint) => current !== undefined && position >= current.window.from()
    if (isInWindow(after)) return
    const options = { signal, types, toHead: true, mostCharacters: readerCharacters }
    for await (const batch of feed.follow(after, options)) {
      yield batch
      if (isInWindow(batch.next)) return
    }
  }

  return {
    followings: () => followings,
    follow: async function* (after, signal) {
      let next = after
      readers += 1
      try {
        while (!signal.aborted) {
          for await (const batch of comeUp(next, signal)) {
            next = batch.next
            yield { ...batch, caughtUp: false }
          }
          if (signal.aborted) return
          const window = windowAt(next)
          // Slower than the log grows: what the window has dropped is read from the log.
          while (!signal.aborted && next >= window.from()) {
            const failure = window.failure()
            if (failure !== undefined) throw failure.cause
            if (window.next() <= next) {
              await window.change(signal)
              if (signal.aborted || window.failure() !== undefined || next < window.from()) continue
            }
            const batch = window.after(next)
            next = batch.next
            yield batch
          }
        }
      } finally {
        readers -= 1
        if (readers === 0) {
          current?.ending.abort()
          current = undefined
        }
      }
    },
  }
}
