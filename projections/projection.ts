import { isOneOf, type RecordedEvent } from '../domain/event.ts'
import type { Document, FieldChange, ModelShape, Query } from './read-store.ts'

/** What a read model holds about people, and what is left of it of somebody who is forgotten. */
export interface Erasing {
  /** Where the documents about a person are: one of the two. */
  readonly about: (account: string) => Pick<Query, 'equals' | 'keys'>
  /** The same as events without their data make of a document. */
  readonly left: (document: Document) => Omit<Document, 'position'>
}

/** A read model's definition: data, and what an event does to its documents. No clock, no I/O. */
export interface Projection {
  readonly shape: ModelShape
  /** The keys of the documents that must be at hand to apply this event. */
  readonly needs: (recorded: RecordedEvent) => readonly string[]
  /**
   * The documents as the event leaves them, or changes to fields of documents that were needed; an event they already hold
   * changes nothing.
   */
  readonly apply: (
    recorded: RecordedEvent,
    document: (key: string) => Document | undefined,
    /** Of the log, as `clockAfter` has it after the event. */
    clock: bigint,
  ) => readonly (Document | FieldChange)[]
  /** Without it, no document is about anybody, or each is about the person whose account is its key and left by `apply`. */
  readonly erasing?: Erasing
}

/** A projection as it is written: it names the types of the events that it is for, and is handed no others. */
interface Definition<Type extends string> {
  readonly shape: ModelShape
  readonly events: readonly Type[]
  readonly needs: (recorded: RecordedEvent<Type>) => readonly string[]
  readonly apply: (
    recorded: RecordedEvent<Type>,
    document: (key: string) => Document | undefined,
    clock: bigint,
  ) => readonly (Document | FieldChange)[]
  readonly erasing?: Erasing
}

const nothing: readonly never[] = []

export const projection = <const Type extends string>({
  shape,
  events,
  needs,
  apply,
  erasing,
}: Definition<Type>): Projection => {
  const isOurs = isOneOf(events)
  const isFor = (recorded: RecordedEvent): recorded is RecordedEvent<Type> => isOurs(recorded.event)
  return {
    shape,
    needs: recorded => (isFor(recorded) ? needs(recorded) : nothing),
    apply: (recorded, document, clock) => (isFor(recorded) ? apply(recorded, document, clock) : nothing),
    ...(erasing === undefined ? {} : { erasing }),
  }
}
