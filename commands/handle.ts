import * as E from '#fp/Either'
import type { TaskEither } from '#fp/TaskEither'
import { schemaVersion } from '../domain/catalogue.ts'
import type { Decider } from '../domain/decider.ts'
import type { Actor, DomainEvent, NewEvent, RecordedEvent } from '../domain/event.ts'
import type { LogFailure } from '../domain/log-failure.ts'
import type { Rejection } from '../domain/rejection.ts'
import type { EventLog } from './event-log.ts'
import type { Turns } from './turns.ts'
import { uuidOf } from './uuid.ts'

/** Who asks, and which request it is. */
export interface CommandContext {
  readonly actor: Actor
  readonly requestId: string
  readonly commandId: string
  /** Only with an `Idempotency-Key`: HMAC-SHA-256 of the request's method and body. */
  readonly fingerprint?: string
  readonly occurredAt?: string
}

/** So much waits already that this would not be done in time, or others were faster each time. */
export interface Busy {
  readonly _tag: 'Busy'
}

export type CommandFailure = Rejection | LogFailure | Busy

export interface CommandRequest<Command, State, Failure = never> {
  readonly stream: string
  readonly decider: Decider<Command, State>
  /** The command, made with a look at the stream as it is: what a rule needs from elsewhere is fetched here. */
  readonly prepare: (state: State) => TaskEither<CommandFailure | Failure, Command>
  /** The caller named the revision it means: a conflict is its to solve, not ours to retry. */
  readonly conditional: boolean
  readonly context: CommandContext
}

export interface Outcome<State> {
  readonly state: State
  /** Whether this command added events, now or when it was first sent. */
  readonly added: boolean
  /** The stream's revision before and after; -1 for none. */
  readonly before: number
  readonly revision: number
  /** Of the last event of the stream as answered; undefined when there is none. */
  readonly position: bigint | undefined
}

export type Handle = <Command, State, Failure = never>(
  request: CommandRequest<Command, State, Failure>,
) => TaskEither<CommandFailure | Failure, Outcome<State>>

export interface HandlerDependencies {
  readonly log: EventLog
  readonly turns: Turns
  readonly now: () => Date
  /** Told of what this process appended, before the command answers: the whole stream, the new events last. */
  readonly appended: (history: readonly RecordedEvent[]) => void
}

const attempts = 10

const fold = <State>(decider: Decider<never, State>, events: readonly RecordedEvent[]): State =>
  events.reduce((state, recorded) => decider.evolve(state, recorded.event), decider.initial)

/** What a command with this id left in the stream, when it was there before. */
const repeated = <Command, State>(
  { decider, context }: Pick<CommandRequest<Command, State>, 'decider' | 'context'>,
  history: readonly RecordedEvent[],
): E.Either<Rejection, Outcome<State>> | undefined => {
  if (context.fingerprint === undefined) return undefined
  const last = history.findLastIndex(recorded => recorded.metadata.commandId === context.commandId)
  const then = history[last]
  if (then === undefined) return undefined
  if (then.metadata.fingerprint !== context.fingerprint) return E.left({ _tag: 'KeyUsedForAnotherRequest' })
  const first = history.findIndex(recorded => recorded.metadata.commandId === context.commandId)
  return E.right({
    state: fold(decider, history.slice(0, last + 1)),
    added: true,
    before: first - 1,
    revision: last,
    position: then.position,
  })
}

/**
 * The one command handler: read the stream, fold it, decide, append at the revision just read.
 *
 * A conflict with another process is retried up to ten times, unless the caller named a revision. A request with an
 * `Idempotency-Key` that added events before gets its first outcome again, read from the stream itself.
 */
export const commandHandler = ({ log, turns, now, appended }: HandlerDependencies): Handle => {
  const attempt = async <Command, State, Failure>(
    request: CommandRequest<Command, State, Failure>,
  ): Promise<E.Either<CommandFailure | Failure, Outcome<State> | 'conflict'>> => {
    const { stream, decider } = request
    const read = await log.read(stream)()
    if (E.isLeft(read)) return read
    const history = read.right
    const before = repeated(request, history)
    if (before !== undefined) return before

    const state = fold(decider, history)
    const last = history.at(-1)
    const command = await request.prepare(state)()
    if (E.isLeft(command)) return command
    const decision = decider.decide(command.right, state)
    if (E.isLeft(decision)) return decision
    const revision = last?.revision ?? -1
    if (decision.right.length === 0)
      return E.right({ state, added: false, before: revision, revision, position: last?.position })

    const after = decision.right.reduce(decider.evolve, state)
    const events = dressed(
      request,
      decision.right,
      last,
      decider.subject(after) ?? decider.subject(state),
      now(),
    )
    const append = await log.append(stream, last === undefined ? 'no-stream' : last.revision, events)()
    if (E.isLeft(append))
      return append.left._tag === 'RevisionConflict' ? E.right('conflict') : E.left(append.left)
    appended([...history, ...append.right])
    return E.right({
      state: after,
      added: true,
      before: revision,
      revision: revision + events.length,
      position: append.right.at(-1)?.position,
    })
  }

  const inTurn = async <Command, State, Failure>(
    request: CommandRequest<Command, State, Failure>,
  ): Promise<E.Either<CommandFailure | Failure, Outcome<State>>> => {
    for (let i = 0; i < attempts; i += 1) {
      const outcome = await attempt(request)
      if (E.isLeft(outcome)) return outcome
      if (outcome.right !== 'conflict') return E.right(outcome.right)
      if (request.conditional) return E.left({ _tag: 'StaleRevision' })
    }
    return E.left({ _tag: 'Busy' })
  }

  return request => () =>
    turns.take(request.stream, () => inTurn(request)) ?? Promise.resolve(E.left({ _tag: 'Busy' }))
}

const dressed = (
  { stream, context }: Pick<CommandRequest<never, never>, 'stream' | 'context'>,
  events: readonly DomainEvent[],
  last: RecordedEvent | undefined,
  subject: string | undefined,
  now: Date,
): readonly NewEvent[] => {
  const clock = now.toISOString()
  const recordedAt = last !== undefined && last.metadata.recordedAt > clock ? last.metadata.recordedAt : clock
  const { commandId, fingerprint, actor, requestId, occurredAt } = context
  const metadata = {
    commandId,
    ...(fingerprint === undefined ? {} : { fingerprint }),
    actor,
    ...(subject === undefined ? {} : { subject }),
    requestId,
    schemaVersion,
    recordedAt,
    ...(occurredAt === undefined ? {} : { occurredAt }),
  }
  return events.map((event, index) => ({
    id: uuidOf(stream, commandId, String(index)),
    event,
    metadata,
  }))
}
