import { setTimeout as pause } from 'node:timers/promises'
import { BACKWARDS, END, FORWARDS, type ReadStreamOptions } from '@eventstore/db-client'
import { mostCharacters, mostEvents, type StoredEvent, type StoredRun } from '../stored.ts'
import type { Connections } from './connections.ts'
import { isAnswer, isLost, kindOf } from './failure.ts'
import { itemsOf } from './finite-read.ts'
import { parseRecord } from './record.ts'
import type { KnownTail } from './tail.ts'

/** Milliseconds after which a server that should only say that it is there is not. */
const signOfLife = 2_000

/** Milliseconds before it is asked again, if it was gone at once. */
const secondLook = 100

export interface Reading {
  readonly read: (stream: string, from: number) => Promise<StoredRun>
  readonly last: (stream: string) => Promise<StoredEvent | undefined>
  readonly head: () => Promise<bigint>
  readonly eventIdAt: (position: bigint) => Promise<string | undefined>
  /** Whether the server answers now. */
  readonly answers: () => Promise<boolean>
}

/** Reads of the server; each throws what the client throws. `silence` limits waiting, in milliseconds. */
export const makeReading = (
  { client }: Connections,
  prefix: string,
  silence: number,
  tail: KnownTail,
): Reading => {
  const ours = (event: StoredEvent): StoredEvent => ({ ...event, stream: event.stream.slice(prefix.length) })

  // Only the leader is never stale.
  const streamRead = (stream: string, options: ReadStreamOptions, silenceNow = silence) =>
    itemsOf(client.readStream(`${prefix}${stream}`, { ...options, requiresLeader: true }), silenceNow)

  const lastOf = async (stream: string, silenceNow = silence): Promise<StoredEvent | undefined> => {
    const options = { direction: BACKWARDS, fromRevision: END, maxCount: 1 } as const
    let last: StoredEvent | undefined
    // To its end: a server takes only so many reads that are broken off.
    for await (const item of streamRead(stream, options, silenceNow)) last = ours(parseRecord(item))
    return last
  }

  // A call may go down with a connection in whose place there is a new one already.
  const onceMore = async <A>(read: () => Promise<A>): Promise<A> => {
    try {
      return await read()
    } catch (error) {
      if (!isLost(error)) throw error
      await pause(secondLook)
      return read()
    }
  }

  const unlessMissing = async <A>(read: () => Promise<A>, missing: A): Promise<A> => {
    try {
      return await onceMore(read)
    } catch (error) {
      if (kindOf(error) === 'stream-not-found') return missing
      throw error
    }
  }

  const answersOnce = async (): Promise<boolean> => {
    try {
      await lastOf('hub', Math.min(silence, signOfLife))
      return true
    } catch (error) {
      return isAnswer(error)
    }
  }

  // As with `onceMore`, but one that took its time has been waited for already.
  const answers = async (): Promise<boolean> => {
    const start = performance.now()
    if (await answersOnce()) return true
    if (performance.now() - start > secondLook) return false
    await pause(secondLook)
    return answersOnce()
  }

  const readRun = async (stream: string, from: number): Promise<StoredRun> => {
    const events: StoredEvent[] = []
    let characters = 0
    const options = { direction: FORWARDS, fromRevision: BigInt(from), maxCount: mostEvents } as const
    for await (const item of streamRead(stream, options)) {
      const event = ours(parseRecord(item))
      if (event.revision !== from + events.length)
        throw new Error('events of this stream were deleted on the server')
      events.push(event)
      characters += event.data.length
      if (events.length === mostEvents || characters >= mostCharacters) return { events, more: true }
    }
    return { events, more: false }
  }

  // Others write to the same server, and the client’s reads of all streams know no filter.
  const readHead = async (): Promise<bigint> => {
    const options = { direction: BACKWARDS, fromPosition: END, requiresLeader: true } as const
    const current = tail.current()
    let end: bigint | undefined
    for await (const item of itemsOf(client.readAll(options), silence)) {
      const { stream, position } = parseRecord(item)
      end ??= position
      if (position <= current.upTo) return tail.saw(current.last, end)
      if (stream.startsWith(prefix)) return tail.saw(position, end)
    }
    return 0n
  }

  return {
    answers,
    read: (stream, from) => unlessMissing(() => readRun(stream, from), { events: [], more: false }),
    last: stream => unlessMissing<StoredEvent | undefined>(() => lastOf(stream), undefined),
    head: () => onceMore(readHead),
    eventIdAt: async position => {
      if (position <= 0n) return undefined
      const fromPosition = { commit: position, prepare: position }
      try {
        const read = client.readAll({ direction: FORWARDS, fromPosition, maxCount: 1, requiresLeader: true })
        for await (const item of itemsOf(read, silence)) {
          const event = parseRecord(item)
          return event.position === position && event.stream.startsWith(prefix) ? event.id : undefined
        }
      } catch (error) {
        // So the server answers for a position inside a record.
        if (kindOf(error) !== 'unknown' || !(await answers())) throw error
      }
      return undefined
    },
  }
}
