import * as E from '#fp/Either'
import type { LogUnavailable } from '../../domain/log-failure.ts'
import type { StoredLog } from '../stored.ts'
import { type AppendLimits, makeAppend } from './appending.ts'
import { makeConnections } from './connections.ts'
import { unavailable } from './failure.ts'
import { makeFollow } from './follow.ts'
import { makePulse } from './pulse.ts'
import { makeReading } from './reading.ts'
import { settleWithin } from './settle-within.ts'
import { makeKnownTail } from './tail.ts'
import { makeTurns } from './turns.ts'

const appendsAtOnce = 32
const closeMilliseconds = 5_000

export interface EventStoreDbOptions {
  /** `esdb://user:password@host:2113`, `esdb://host:2113?tls=false`, `esdb+discover://…`. */
  readonly url: string
  /** Before the name of each stream; others may write to the same server. */
  readonly prefix: string
  readonly limits?: Partial<AppendLimits> & {
    /** Milliseconds that a read waits for the server's next word. */
    readonly silence?: number
    /** How many appends may run and wait; one more fails at once. */
    readonly appends?: number
  }
}

/**
 * The log in EventStoreDB or KurrentDB, in streams of a prefix of their own. A position is the commit position of the
 * server. Appends of one process to one stream take turns. Connects when it is first used; throws for an address
 * that will not do.
 */
export const eventStoreDbLog = ({ url, prefix, limits = {} }: EventStoreDbOptions): StoredLog => {
  const { silence = 5_000, appends = 10_000 } = limits
  const { deadline = 4_000, patience = 8_000, pause: pauseBetween = 100 } = limits
  const connections = makeConnections(url)
  const tail = makeKnownTail()
  const reading = makeReading(connections, prefix, silence, tail)
  const append = makeAppend(connections, prefix, reading, { deadline, patience, pause: pauseBetween })
  const turns = makeTurns(appendsAtOnce, appends)
  const pulse = makePulse(reading.answers)
  let closed = false
  const answers = async () => !closed && (await pulse())

  const attempt = async <A>(work: () => Promise<A>): Promise<E.Either<LogUnavailable, A>> => {
    if (closed) return unavailable(new Error('the log is closed'))
    try {
      return E.right(await work())
    } catch (cause) {
      return unavailable(cause)
    }
  }

  return {
    read: (stream, from) => attempt(() => reading.read(stream, from)),
    last: stream => attempt(() => reading.last(stream)),
    append: async (stream, expected, events) => {
      if (closed) return unavailable(new Error('the log is closed'))
      const taken = turns.take(stream, () => append({ stream, expected, events }))
      return taken ?? unavailable(new Error('too many appends wait'))
    },
    follow: makeFollow({ connections, prefix, tail, answers }),
    head: () => attempt(reading.head),
    eventIdAt: position => attempt(() => reading.eventIdAt(position)),
    close: async () => {
      closed = true
      await settleWithin(closeMilliseconds, turns.idle())
      await connections.close()
    },
  }
}
