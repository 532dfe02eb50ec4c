import * as E from '#fp/Either'
import type { RecordedEvent } from '../domain/event.ts'
import { clockAfter } from './log-clock.ts'
import type { Projection } from './projection.ts'
import type { Changes, Document, FieldChange, Generation, ReadModelWriter } from './read-store.ts'
import type { ReadUnavailable } from './read-unavailable.ts'

const isDocument = (change: Document | FieldChange): change is Document => 'text' in change

const withFields = (
  document: Document | undefined,
  { position, fields }: FieldChange,
): Document | undefined => document && { ...document, position, fields: { ...document.fields, ...fields } }

/** What a batch of events makes of one read model: each document once, as the last event leaves it. */
export const applyBatch = async (
  writer: Pick<ReadModelWriter, 'load'>,
  projection: Projection,
  generation: Generation,
  events: readonly RecordedEvent[],
): Promise<E.Either<ReadUnavailable, Changes>> => {
  const keys = new Set(events.flatMap(projection.needs))
  const loaded = keys.size === 0 ? E.right([]) : await writer.load(generation, [...keys])
  if (E.isLeft(loaded)) return loaded
  const documents = new Map(loaded.right.map(document => [document.key, document]))
  const changed = new Map<string, Document>()
  const fieldChanges = new Map<string, FieldChange>()
  let { clock } = generation.checkpoint
  for (const recorded of events) {
    clock = clockAfter(clock, recorded.metadata.recordedAt)
    for (const change of projection.apply(recorded, key => documents.get(key), clock)) {
      const { key } = change
      const document = isDocument(change) ? change : withFields(documents.get(key), change)
      if (document !== undefined) documents.set(key, document)
      if (document !== undefined && (isDocument(change) || changed.has(key))) {
        changed.set(key, document)
        fieldChanges.delete(key)
      } else if (!isDocument(change))
        fieldChanges.set(key, {
          ...change,
          fields: { ...fieldChanges.get(key)?.fields, ...change.fields },
        })
    }
  }
  return E.right({
    generation,
    documents: [...changed.values()],
    fieldChanges: [...fieldChanges.values()],
  })
}
