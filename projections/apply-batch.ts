import * as E from '#fp/Either'
import type { TaskEither } from '#fp/TaskEither'
import type { RecordedEvent } from '../domain/event.ts'
import type { Projection } from './projection.ts'
import type { Changes, Document, Generation, ReadModelWriter, ReadUnavailable } from './read-store.ts'

/** What a batch of events makes of one read model: each document once, as the last event leaves it. */
export const applyBatch =
  (
    writer: Pick<ReadModelWriter, 'load'>,
    projection: Projection,
    generation: Generation,
    events: readonly RecordedEvent[],
  ): TaskEither<ReadUnavailable, Changes> =>
  async () => {
    const keys = new Set(events.flatMap(projection.needs))
    const loaded = keys.size === 0 ? E.right([]) : await writer.load(generation, [...keys])()
    if (E.isLeft(loaded)) return loaded
    const documents = new Map(loaded.right.map(document => [document.key, document]))
    const changed = new Map<string, Document>()
    for (const recorded of events) {
      for (const document of projection.apply(recorded, key => documents.get(key))) {
        documents.set(document.key, document)
        changed.set(document.key, document)
      }
    }
    return E.right({ generation, documents: [...changed.values()] })
  }
