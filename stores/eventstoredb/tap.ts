import { type EventStoreDBClient, START, STREAM_NAME } from '@eventstore/db-client'
import { mostCharacters, mostEvents, type StoredEvent } from '../stored.ts'
import { parseRecord } from './record.ts'

/** How many events of others the server looks through before it says how far it has come. */
const searchWindow = 1_000

/** What the client reports beside the events. */
type Mark = 'caught up' | { readonly lookedUpTo: bigint }

/** What a subscription has given since the last look. Streams have the server's names. */
export interface Gathered {
  readonly events: readonly StoredEvent[]
  /** Everything up to here was looked at; undefined when nothing is new. */
  readonly upTo: bigint | undefined
  /** Whether the server said anything. */
  readonly heard: boolean
  /** The head was reached, and nothing waits that was not given. */
  readonly atHead: boolean
}

export interface Tap {
  /**
   * Gathers for `milliseconds` at most: on the way to the head until a run is full, at the head what there is.
   * Throws what ended the subscription, after all that came before.
   */
  readonly gather: (milliseconds: number) => Promise<Gathered>
  /** Ends the gathering that goes on, and any later one at once. */
  readonly stop: () => void
  readonly close: () => void
}

/**
 * A subscription to the streams of a prefix after a position. Nothing is taken from the server faster than it is
 * gathered. With `toHead` it gives nothing that came behind the head.
 */
export const openTap = (client: EventStoreDBClient, prefix: string, after: bigint, toHead: boolean): Tap => {
  const marks = new WeakMap<object, Mark>()
  let live = false
  let stopped = false
  let ended: { readonly cause: unknown } | undefined
  let rouse = () => {}

  // Into the queue of the events, where a mark has its place among them.
  const push = (mark: Mark): void => {
    const item = {}
    marks.set(item, mark)
    subscription.push(item)
  }
  const end = (cause: unknown): void => {
    ended ??= { cause }
    rouse()
  }
  const subscription = client.subscribeToAll(
    {
      fromPosition: after === 0n ? START : { commit: after, prepare: after },
      requiresLeader: true,
      filter: {
        filterOn: STREAM_NAME,
        prefixes: [prefix],
        maxSearchWindow: searchWindow,
        checkpointInterval: 1,
        checkpointReached: (_, { commit }) => push({ lookedUpTo: commit }),
      },
    },
    { highWaterMark: mostEvents },
  )
  subscription.on('caughtUp', () => push('caught up'))
  subscription.on('readable', () => rouse())
  subscription.on('error', end)
  subscription.on('end', () => end(new Error('the subscription was ended')))
  subscription.on('close', () => end(new Error('the subscription was closed')))

  const markOf = (item: unknown): Mark | undefined =>
    typeof item === 'object' && item !== null ? marks.get(item) : undefined

  const nap = (milliseconds: number): Promise<void> =>
    new Promise(resolve => {
      const timer = setTimeout(resolve, milliseconds)
      rouse = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  return {
    gather: async milliseconds => {
      const until = performance.now() + milliseconds
      const wasLive = live
      const events: StoredEvent[] = []
      let characters = 0
      let upTo: bigint | undefined
      let heard = false

      const takeIn = (item: unknown): void => {
        const mark = markOf(item)
        heard = true
        if (mark === 'caught up') live = true
        else if (mark !== undefined) upTo = mark.lookedUpTo
        else {
          const event = parseRecord(item)
          upTo = event.position
          // A server that does not hold `after` gives new events below it.
          if (event.position <= after) return
          events.push(event)
          characters += event.data.length
        }
      }
      const isDone = (): boolean => live && toHead
      /** Takes in what has come, as much as fits; whether that was all. */
      const drain = (): boolean => {
        while (!isDone() && events.length < mostEvents && characters < mostCharacters) {
          const item: unknown = subscription.read()
          if (item === null) return true
          takeIn(item)
        }
        return isDone()
      }

      for (;;) {
        const drained = drain()
        const atHead = live && drained
        if (!drained || (atHead && (events.length > 0 || !wasLive))) return { events, upTo, heard, atHead }
        if (ended !== undefined && !heard) throw ended.cause
        const left = until - performance.now()
        if (ended !== undefined || stopped || left <= 0) return { events, upTo, heard, atHead }
        await nap(left)
      }
    },
    stop: () => {
      stopped = true
      rouse()
    },
    close: () => {
      subscription.unsubscribe().catch(() => {})
      // What has come already must flow off: the client keeps a call until its last message was read.
      subscription.removeAllListeners('readable')
      subscription.resume()
    },
  }
}
