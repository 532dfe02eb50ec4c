import * as E from '#fp/Either'
import { mostEvents, type StoredEvent, type StoredLog } from '../stored.ts'
import { makeWaker } from '../waker.ts'

/** A log that lives as long as its process: for tests. */
export const memoryLog = (): StoredLog => {
  const all: StoredEvent[] = []
  const streams = new Map<string, StoredEvent[]>()
  const waker = makeWaker()
  return {
    read: async (stream, from) => {
      const all = streams.get(stream) ?? []
      return E.right({ events: all.slice(from, from + mostEvents), more: all.length > from + mostEvents })
    },
    last: async stream => E.right(streams.get(stream)?.at(-1)),
    append: async (name, expected, events) => {
      const stream = streams.get(name) ?? []
      const first = expected === 'no-stream' ? 0 : expected + 1
      const repeated = stream.slice(first, first + events.length)
      if (repeated.length === events.length && repeated.every((event, i) => event.id === events[i]?.id))
        return E.right(repeated.map(event => event.position))
      if (stream.length !== first) return E.left({ _tag: 'RevisionConflict', actual: stream.length - 1 })
      const stored = events.map((event, i) => ({
        ...event,
        stream: name,
        revision: first + i,
        position: BigInt(all.length + i + 1),
      }))
      streams.set(name, [...stream, ...stored])
      all.push(...stored)
      waker.wake()
      return E.right(stored.map(event => event.position))
    },
    follow: async function* (after, { signal, types, toHead }) {
      let next = after
      while (!signal.aborted) {
        const wakes = waker.wakes()
        const run = all.slice(Number(next), Number(next) + mostEvents)
        next += BigInt(run.length)
        const caughtUp = Number(next) >= all.length
        yield { events: run.filter(event => types?.includes(event.type) ?? true), next, caughtUp }
        if (caughtUp && toHead) return
        if (caughtUp) await waker.sleep(wakes, 1000, signal)
      }
    },
    head: async () => E.right(BigInt(all.length)),
    eventIdAt: async position => E.right(all[Number(position) - 1]?.id),
    close: async () => {},
  }
}
