import { setImmediate as immediate } from 'node:timers/promises'
import * as E from '#fp/Either'
import type { Decider } from '../domain/decider.ts'
import type { RecordedEvent } from '../domain/event.ts'
import type { LogFailure } from '../domain/log-failure.ts'
import type { EventLog } from './event-log.ts'

/** What a command with an `Idempotency-Key` left in a stream. */
export interface KeyedCommand {
  readonly fingerprint: string
  /** Its first and last revision. */
  readonly first: number
  readonly last: number
}

/** A stream, folded as far as it was read. */
export interface Folded<State> {
  readonly state: State
  /** Of the last event; -1 for none. */
  readonly revision: number
  readonly position: bigint | undefined
  /** When the last event was recorded; empty for none. */
  readonly recordedAt: string
  readonly keyed: ReadonlyMap<string, KeyedCommand>
}

export const unread = <State>({ initial }: Pick<Decider<never, State>, 'initial'>): Folded<State> => ({
  state: initial,
  revision: -1,
  position: undefined,
  recordedAt: '',
  keyed: new Map(),
})

/** The fold after further events of the stream. */
export const foldOn = <State>(
  { evolve }: Pick<Decider<never, State>, 'evolve'>,
  before: Folded<State>,
  events: readonly RecordedEvent[],
): Folded<State> => {
  const last = events.at(-1)
  if (last === undefined) return before
  let { state } = before
  // A copy only where something is added: a long stream may hold thousands of them.
  let added: Map<string, KeyedCommand> | undefined
  for (const { event, metadata, revision } of events) {
    state = evolve(state, event)
    const { commandId, fingerprint } = metadata
    if (fingerprint === undefined) continue
    added ??= new Map(before.keyed)
    const first = added.get(commandId)?.first ?? revision
    added.set(commandId, { fingerprint, first, last: revision })
  }
  const { revision, position, metadata } = last
  return { state, revision, position, recordedAt: metadata.recordedAt, keyed: added ?? before.keyed }
}

/** Reads a stream on from where it was folded to, to its end, or to revision `until`. */
export const foldStream = async <State>(
  log: Pick<EventLog, 'read'>,
  stream: string,
  decider: Pick<Decider<never, State>, 'evolve'>,
  from: Folded<State>,
  until = Number.POSITIVE_INFINITY,
): Promise<E.Either<LogFailure, Folded<State>>> => {
  let folded = from
  while (folded.revision < until) {
    const run = await log.read(stream, folded.revision + 1)
    if (E.isLeft(run)) return run
    const { events, more } = run.right
    folded = foldOn(
      decider,
      folded,
      events.filter(({ revision }) => revision <= until),
    )
    if (!more) break
    // A long stream must not keep everybody else waiting.
    await immediate()
  }
  return E.right(folded)
}
