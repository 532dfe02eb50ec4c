import { setTimeout as pause } from 'node:timers/promises'
import { NO_STREAM, WrongExpectedVersionError } from '@eventstore/db-client'
import * as E from '#fp/Either'
import type { Expected, RevisionConflict } from '../../commands/event-log.ts'
import type { LogUnavailable } from '../../domain/log-failure.ts'
import type { StoredNewEvent } from '../stored.ts'
import type { Connections } from './connections.ts'
import { isRefusal, unavailable, wasNeverSent } from './failure.ts'
import type { Reading } from './reading.ts'
import { sentEvent, sizeOf } from './record.ts'

/** What the server takes in one append. */
const mostBytes = 1_048_576

export interface AppendLimits {
  /** Milliseconds of one try. */
  readonly deadline: number
  /** Milliseconds after which an append whose outcome is unknown is not tried again. */
  readonly patience: number
  /** Milliseconds before the second try; doubled each time, up to a second. */
  readonly pause: number
}

export type Appended = E.Either<LogUnavailable | RevisionConflict, readonly bigint[]>

interface Append {
  readonly stream: string
  readonly expected: Expected
  readonly events: readonly StoredNewEvent[]
}

type Tried =
  | { readonly kind: 'stored'; readonly position: bigint | undefined }
  | { readonly kind: 'conflict'; readonly actual: number }
  | { readonly kind: 'refused' | 'never sent' | 'outcome unknown'; readonly cause: unknown }

/** Appends to the server until the outcome is known, or the tries are used up. */
export const makeAppend = (
  { client, credentials }: Connections,
  prefix: string,
  { read }: Reading,
  limits: AppendLimits,
): ((append: Append) => Promise<Appended>) => {
  const tryOnce = async ({ stream, expected, events }: Append): Promise<Tried> => {
    try {
      const last = (expected === 'no-stream' ? -1 : expected) + events.length
      const { nextExpectedRevision, position } = await client.appendToStream(
        `${prefix}${stream}`,
        events.map(sentEvent),
        {
          expectedRevision: expected === 'no-stream' ? NO_STREAM : BigInt(expected),
          credentials,
          requiresLeader: true,
          deadline: limits.deadline,
        },
      )
      // In a stream that was deleted on the server, revisions go on where they were.
      return nextExpectedRevision === BigInt(last)
        ? { kind: 'stored', position: position?.commit }
        : { kind: 'outcome unknown', cause: new Error('this stream was deleted on the server') }
    } catch (cause) {
      if (cause instanceof WrongExpectedVersionError) {
        const { actualVersion } = cause
        return { kind: 'conflict', actual: typeof actualVersion === 'bigint' ? Number(actualVersion) : -1 }
      }
      const kind = isRefusal(cause) ? 'refused' : wasNeverSent(cause) ? 'never sent' : 'outcome unknown'
      return { kind, cause }
    }
  }

  /** The positions of these events, if they are where this append would have put them. */
  const placesOf = async ({ stream, expected, events }: Append) => {
    const positions: bigint[] = []
    const first = expected === 'no-stream' ? 0 : expected + 1
    while (positions.length < events.length) {
      const run = await read(stream, first + positions.length)
      const existing = run.events.slice(0, events.length - positions.length)
      if (existing.some((event, i) => event.id !== events[positions.length + i]?.id)) return undefined
      positions.push(...existing.map(({ position }) => position))
      if (existing.length === 0) return undefined
    }
    return positions
  }

  const afterConflict = async (append: Append, actual: number): Promise<Appended> => {
    try {
      const positions = await placesOf(append)
      return positions === undefined ? E.left({ _tag: 'RevisionConflict', actual }) : E.right(positions)
    } catch (cause) {
      return unavailable(cause, true)
    }
  }

  // The server tells the last event’s position only.
  const afterStoring = async (append: Append, last: bigint | undefined): Promise<Appended> => {
    if (append.events.length === 1 && last !== undefined) return E.right([last])
    const until = performance.now() + limits.patience
    for (;;)
      try {
        const positions = await placesOf(append)
        return positions === undefined
          ? unavailable(new Error('events just stored are not there'), true)
          : E.right(positions)
      } catch (cause) {
        if (performance.now() >= until) return unavailable(cause, true)
        await pause(limits.pause)
      }
  }

  return async append => {
    if (sizeOf(append.events) > mostBytes) return unavailable(new Error('an append of more than 1 MiB'))
    const until = performance.now() + limits.patience
    let outcomeUnknown = false
    for (let tried = 1; ; tried += 1) {
      const done = await tryOnce(append)
      if (done.kind === 'stored') return afterStoring(append, done.position)
      if (done.kind === 'conflict') return afterConflict(append, done.actual)
      if (done.kind === 'refused') return unavailable(done.cause, outcomeUnknown)
      if (done.kind === 'outcome unknown') outcomeUnknown = true
      // While nothing was sent there is nothing to find out: the caller may come again.
      const isOver = outcomeUnknown ? performance.now() >= until : tried >= 2
      if (isOver) return unavailable(done.cause, outcomeUnknown)
      await pause(Math.min(1_000, limits.pause * 2 ** (tried - 1)))
    }
  }
}
