import * as E from '#fp/Either'
import { isErasure } from '../domain/erasure.ts'
import type { RecordedEvent } from '../domain/event.ts'
import { clockAfter } from './log-clock.ts'
import type { Erasing, Projection } from './projection.ts'
import type { Changes, Document, FieldChange, Generation, ReadModelWriter } from './read-store.ts'
import type { ReadUnavailable } from './read-unavailable.ts'

const isDocument = (change: Document | FieldChange): change is Document => 'text' in change

const withFields = (
  document: Document | undefined,
  { position, fields }: FieldChange,
): Document | undefined => document && { ...document, position, fields: { ...document.fields, ...fields } }

/** A document holds an item of up to 900 KiB. */
const mostErasedAtOnce = 20

/** What is left of all documents about a person, of those that are stored and those that the batch has made. */
const erasedDocuments = async (
  writer: Pick<ReadModelWriter, 'load' | 'keysAbout'>,
  { about, left }: Erasing,
  generation: Generation,
  account: string,
  made: ReadonlyMap<string, Document>,
): Promise<E.Either<ReadUnavailable, readonly Omit<Document, 'position'>[]>> => {
  const { equals, keys } = about(account)
  const isAbout = ({ key, fields }: Document): boolean =>
    Object.entries(equals).every(([name, value]) => fields[name] === value) &&
    (keys === undefined || (key >= keys.from && key < keys.until))
  const erased = [...made.values()].filter(isAbout).map(left)
  const found = await writer.keysAbout(generation, { equals, ...(keys === undefined ? {} : { keys }) })
  if (E.isLeft(found)) return found
  const others = found.right.filter(key => !made.has(key))
  for (let from = 0; from < others.length; from += mostErasedAtOnce) {
    const loaded = await writer.load(generation, others.slice(from, from + mostErasedAtOnce))
    if (E.isLeft(loaded)) return loaded
    erased.push(...loaded.right.map(left))
  }
  return E.right(erased)
}

/** What a batch of events makes of one read model: each document once, as the last event leaves it. */
export const applyBatch = async (
  writer: Pick<ReadModelWriter, 'load' | 'keysAbout'>,
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
    const { event, metadata, position } = recorded
    if (projection.erasing !== undefined && isErasure(event.type) && metadata.subject !== undefined) {
      const { erasing } = projection
      const left = await erasedDocuments(writer, erasing, generation, metadata.subject, documents)
      if (E.isLeft(left)) return left
      for (const document of left.right) {
        documents.set(document.key, { ...document, position })
        changed.set(document.key, { ...document, position })
        fieldChanges.delete(document.key)
      }
    }
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
