import { setTimeout as pause } from 'node:timers/promises'
import type { LogUnavailable } from '../../domain/log-failure.ts'
import type { FollowOptions } from '../../projections/event-feed.ts'
import type { StoredBatch } from '../stored.ts'
import type { Connections } from './connections.ts'
import type { KnownTail } from './tail.ts'
import { openTap } from './tap.ts'

/** Milliseconds without an event after which the server is asked whether it is there. */
const beat = 500
/** How often a subscription may be dropped in a row without having given anything. */
const mostDrops = 8

interface Dependencies {
  readonly connections: Connections
  readonly prefix: string
  readonly tail: KnownTail
  /** Whether the server answers now. */
  readonly answers: () => Promise<boolean>
}

const lost = (cause: unknown): LogUnavailable => ({ _tag: 'LogUnavailable', cause })

/**
 * Events of our streams after a position. A subscription that the server drops while it goes on answering ("Consumer
 * too slow", a restart that is over) is opened again where it was, unnoticed. A server that does not answer is the
 * caller's to know: it throws `LogUnavailable`, and whoever follows comes again, slowly.
 */
export const makeFollow = ({ connections, prefix, tail, answers }: Dependencies) =>
  async function* (after: bigint, { signal, types, toHead = false }: FollowOptions) {
    let next = after
    let upTo = after
    /** Whether an event of ours is known to be at `next`. */
    let isOurs = after === 0n || after === tail.current().last
    const mute = new Error('the event store does not answer')
    let drops = 0
    let dropped: unknown

    /** Batches of one subscription; ends when the follower's end is reached, throws what dropped it. */
    async function* oneTap(): AsyncGenerator<StoredBatch> {
      const { client, giveBack } = connections.lend()
      const tap = openTap(client, prefix, upTo, toHead)
      signal.addEventListener('abort', tap.stop)
      try {
        while (!signal.aborted) {
          const gathered = await tap.gather(beat)
          const last = gathered.events.at(-1)
          if (last !== undefined) {
            next = last.position
            isOurs = true
          }
          if (gathered.upTo !== undefined && gathered.upTo > upTo) {
            upTo = gathered.upTo
            if (isOurs) tail.saw(next, upTo)
          }
          if (gathered.heard) drops = 0
          else if (!signal.aborted && !(await answers())) throw mute
          const events = gathered.events
            .filter(({ type }) => types?.includes(type) ?? true)
            .map(event => ({ ...event, stream: event.stream.slice(prefix.length) }))
          if (signal.aborted) return
          // Positions that others' events have are ours to resume from, and nobody else's to know.
          yield { events, next, caughtUp: gathered.atHead }
          if (gathered.atHead && toHead) return
        }
      } finally {
        signal.removeEventListener('abort', tap.stop)
        tap.close()
        giveBack()
      }
    }

    while (!signal.aborted) {
      upTo = tail.from(upTo)
      try {
        yield* oneTap()
        return
      } catch (cause) {
        dropped = cause
      }
      if (signal.aborted) return
      drops += 1
      if (drops > mostDrops || !(await answers())) {
        // A server that is only slow to answer is still the same.
        if (dropped !== mute) tail.forget()
        throw lost(dropped)
      }
      await pause(drops === 1 ? 0 : 25 * 2 ** drops, undefined, { signal }).catch(() => {})
    }
  }
