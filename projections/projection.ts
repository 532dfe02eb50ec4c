import type { RecordedEvent } from '../domain/event.ts'
import type { Document, FieldChange, ModelShape } from './read-store.ts'

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
  ) => readonly (Document | FieldChange)[]
}
