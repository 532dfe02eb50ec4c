import type { Either } from '#fp/Either'
import type { DomainEvent } from './event.ts'
import type { Rejection } from './rejection.ts'

/** The rules of one kind of stream. "Already so" is an empty list of events, not a rejection. */
export interface Decider<Command, State> {
  readonly initial: State
  /** Total: never rejects a recorded fact. */
  readonly evolve: (state: State, event: DomainEvent) => State
  readonly decide: (command: Command, state: State) => Either<Rejection, readonly DomainEvent[]>
  /** The person the thing is about. */
  readonly subject: (state: State) => string | undefined
}
