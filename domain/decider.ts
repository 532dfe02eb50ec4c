import * as E from '#fp/Either'
import type { DomainEvent } from './event.ts'
import type { Rejection } from './rejection.ts'

export type Decision = E.Either<Rejection, readonly DomainEvent[]>

export const reject = (rejection: Rejection): Decision => E.left(rejection)
export const accept = (...events: readonly DomainEvent[]): Decision => E.right(events)

/** The rules of one kind of stream. "Already so" is an empty list of events, not a rejection. */
export interface Decider<Command, State> {
  readonly initial: State
  /** Total: never rejects a recorded fact. */
  readonly evolve: (state: State, event: DomainEvent) => State
  readonly decide: (command: Command, state: State) => Decision
  /** The person the thing is about. */
  readonly subject: (state: State) => string | undefined
}
