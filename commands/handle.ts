import * as E from '#fp/Either'
import { schemaVersionOf } from '../domain/catalogue.ts'
import type { Decider } from '../domain/decider.ts'
import type { Actor, DomainEvent, NewEvent } from '../domain/event.ts'
import type { LogFailure } from '../domain/log-failure.ts'
import type { Rejection } from '../domain/rejection.ts'
import type { EventLog } from './event-log.ts'
import { type Folded, foldOn, foldStream, unread } from './fold-stream.ts'
import type { Turns } from './turns.ts'
import { uuidOf } from './uuid.ts'

/** Who asks, and which request it is. */
export interface CommandContext {
  readonly actor: Actor
  readonly requestId: string
  /** As the metadata of events has it. */
  readonly traceparent?: string
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
  readonly prepare: (state: State) => Promise<E.Either<CommandFailure | Failure, Command>>
  /** A rule that needs a look elsewhere: asked last, of what the decision makes of the thing. */
  readonly confirm?: (after: State, before: State) => Promise<E.Either<CommandFailure | Failure, void>>
  /** The caller named the revision it means: a conflict is its to solve, not ours to retry. */
  readonly conditional: boolean
  readonly context: CommandContext
  /** Told of what this process appended; the command answers when it is done. */
  readonly appended?: (after: State, revision: number, before: State) => Promise<void>
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
) => Promise<E.Either<CommandFailure | Failure, Outcome<State>>>

export interface HandlerDependencies {
  readonly log: EventLog
  readonly turns: Turns
  readonly now: () => Date
  /** How many people were forgotten: folds of before are let go when it changes. */
  readonly erasures?: () => number
}

const attempts = 10
/** Folds of long streams are kept, so that a write to one does not read it all again; of so many streams at most. */
const longFrom = 8
const mostKept = 64

type FoldedState = Folded<unknown>

/** Folds of long streams, by stream: only ever a beginning, read on from its last revision. */
const makeFolds = (erasures: () => number) => {
  const kept = new Map<string, FoldedState>()
  let since = erasures()
  const letErasedGo = (): void => {
    if (since === erasures()) return
    since = erasures()
    kept.clear()
  }
  return {
    // Every decider of a stream folds it alike: this is their state.
    of: <State>(stream: string, decider: Decider<never, State>): Folded<State> => {
      letErasedGo()
      return (kept.get(stream) as Folded<State> | undefined) ?? unread(decider)
    },
    keep: (stream: string, folded: FoldedState): void => {
      letErasedGo()
      if (folded.revision < longFrom) return
      kept.delete(stream)
      const oldest = kept.keys().next().value
      if (kept.size >= mostKept && oldest !== undefined) kept.delete(oldest)
      kept.set(stream, folded)
    },
  }
}

/**
 * The one command handler: read the stream, fold it, decide, append at the revision just read.
 *
 * A conflict with another process is retried up to ten times, unless the caller named a revision. A request with an
 * `Idempotency-Key` that added events before gets its first outcome again, read from the stream itself.
 */
export const commandHandler = ({ log, turns, now, erasures = () => 0 }: HandlerDependencies): Handle => {
  const folds = makeFolds(erasures)

  /** What a command with this id left in the stream, when it was there before. */
  const repeated = async <Command, State>(
    { stream, decider, context }: Pick<CommandRequest<Command, State>, 'stream' | 'decider' | 'context'>,
    folded: Folded<State>,
  ): Promise<E.Either<CommandFailure, Outcome<State>> | undefined> => {
    if (context.fingerprint === undefined) return undefined
    const before = folded.keyed.get(context.commandId)
    if (before === undefined) return undefined
    const { fingerprint, first, last } = before
    if (fingerprint !== context.fingerprint) return E.left({ _tag: 'KeyUsedForAnotherRequest' })
    const then =
      last === folded.revision
        ? E.right(folded)
        : await foldStream(log, stream, decider, unread(decider), last)
    return E.map(({ state, position }: Folded<State>) => ({
      state,
      added: true,
      before: first - 1,
      revision: last,
      position,
    }))(then)
  }

  const attempt = async <Command, State, Failure>(
    request: CommandRequest<Command, State, Failure>,
  ): Promise<E.Either<CommandFailure | Failure, Outcome<State> | 'conflict'>> => {
    const { stream, decider, appended } = request
    const read = await foldStream(log, stream, decider, folds.of(stream, decider))
    if (E.isLeft(read)) return read
    const folded = read.right
    folds.keep(stream, folded)
    const { state, revision, position } = folded
    const before = await repeated(request, folded)
    if (before !== undefined) return before

    const command = await request.prepare(state)
    if (E.isLeft(command)) return command
    const decision = decider.decide(command.right, state)
    if (E.isLeft(decision)) return decision
    if (decision.right.length === 0)
      return E.right({ state, added: false, before: revision, revision, position })

    const after = decision.right.reduce(decider.evolve, state)
    const confirmed = await request.confirm?.(after, state)
    if (confirmed !== undefined && E.isLeft(confirmed)) return confirmed
    const subject = decider.subject(after) ?? decider.subject(state)
    const events = dressed(request, decision.right, folded.recordedAt, subject, now())
    const append = await log.append(stream, revision === -1 ? 'no-stream' : revision, events)
    if (E.isLeft(append)) {
      const failure = append.left
      if (failure._tag === 'RevisionConflict') return E.right('conflict')
      if (failure._tag === 'AppendTooLarge') return E.left({ _tag: 'ItemTooLarge' })
      return E.left(failure._tag === 'SubjectErased' ? { _tag: 'Erased' } : failure)
    }
    // With a key, another process may have appended the same command first: what is stored counts.
    const stored =
      request.context.fingerprint === undefined
        ? E.right(foldOn(decider, folded, append.right))
        : await foldStream(log, stream, decider, folded, revision + events.length)
    if (E.isLeft(stored)) return stored
    const further = stored.right
    folds.keep(stream, further)
    await appended?.(further.state, further.revision, state)
    return E.right({
      state: further.state,
      added: true,
      before: revision,
      revision: further.revision,
      position: further.position,
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

  return request =>
    turns.take(request.stream, () => inTurn(request)) ?? Promise.resolve(E.left({ _tag: 'Busy' }))
}

const dressed = (
  { stream, context }: Pick<CommandRequest<never, never>, 'stream' | 'context'>,
  events: readonly DomainEvent[],
  lastRecordedAt: string,
  subject: string | undefined,
  now: Date,
): readonly NewEvent[] => {
  const clock = now.toISOString()
  const recordedAt = lastRecordedAt > clock ? lastRecordedAt : clock
  const { commandId, fingerprint, actor, requestId, traceparent, occurredAt } = context
  const metadata = {
    commandId,
    ...(fingerprint === undefined ? {} : { fingerprint }),
    actor,
    ...(subject === undefined ? {} : { subject }),
    requestId,
    ...(traceparent === undefined ? {} : { traceparent }),
    recordedAt,
    ...(occurredAt === undefined ? {} : { occurredAt }),
  }
  return events.map((event, index) => ({
    id: uuidOf(stream, commandId, String(index)),
    event,
    metadata: { ...metadata, schemaVersion: schemaVersionOf(event.type) },
  }))
}
