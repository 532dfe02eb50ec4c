import type { domiciliaryUnits } from './domain/domiciliary-units.ts'
import type { encounters } from './domain/encounters.ts'
import type { institutions } from './domain/institutions.ts'
import type { lifeEvents } from './domain/life-events.ts'
import type { pages } from './domain/pages.ts'
import type { people } from './domain/people.ts'
import type { personalDocuments } from './domain/personal-documents.ts'
import type { FeedEntry } from './projections/feed-entry.ts'

// What the package gives to programs: the types of events, for folds over the history and for receivers of webhooks.

export type { Json, JsonObject } from './domain/json.ts'
export type { FeedEntry } from './projections/feed-entry.ts'

type TypesOf<Declared extends { readonly eventTypes: readonly string[] }> = Declared['eventTypes'][number]

/** The types of the events that the feed holds. */
export type FeedEventType =
  | TypesOf<typeof people>
  | TypesOf<typeof pages>
  | TypesOf<typeof domiciliaryUnits>
  | TypesOf<typeof institutions>
  | TypesOf<typeof encounters>
  | TypesOf<typeof lifeEvents>
  | TypesOf<typeof personalDocuments>

/** What a file for `replay --reduce` exports: a fold over the history, from the first event to the last. */
export interface Fold<State, Result = State> {
  /** The state before the first event. */
  readonly initial: State
  /** The state after an event. It may be the same object, changed. */
  readonly apply: (state: State, event: FeedEntry) => State
  /** What is printed of the last state; without it the state itself. */
  readonly result?: (state: State) => Result
}
