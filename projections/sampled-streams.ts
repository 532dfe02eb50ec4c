import { createHash, randomBytes } from 'node:crypto'
import * as E from '#fp/Either'
import { isErasure } from '../domain/erasure.ts'
import type { RecordedEvent } from '../domain/event.ts'
import { differingParts, documentText } from './document-text.ts'
import { clockAfter } from './log-clock.ts'
import type { Projection } from './projection.ts'
import type { Document, ModelShape, ReadModels, ReadModelWriter } from './read-store.ts'
import type { ReadUnavailable } from './read-unavailable.ts'

/** What came of comparing documents of a sample with those served. */
export interface SampleComparison {
  readonly model: string
  readonly documents: number
  /** What differs in each that does: never what it says. */
  readonly differences: readonly { readonly position: bigint; readonly parts: readonly string[] }[]
}

export interface SampledStreams {
  /** Takes in an event of the log, in its order: every event, for the clock of the log is in the documents. */
  readonly add: (recorded: RecordedEvent) => void
  /** Compares what the events make of the sample with what is served. */
  readonly compare: (
    stores: {
      readonly reads: Pick<ReadModels, 'checkpoint'>
      readonly writer: Pick<ReadModelWriter, 'served' | 'load'>
    },
    head: bigint,
  ) => Promise<E.Either<ReadUnavailable, readonly SampleComparison[]>>
}

interface Sampled {
  readonly rank: string
  /** By model and key. */
  readonly documents: Map<string, Map<string, Document>>
}

const mostAtOnce = 200

/** What stands before the first `-`: `person`, `page`. */
export const kindOfStream = (stream: string): string => stream.slice(0, stream.indexOf('-'))

const documentsOf = (sampled: Sampled, { name }: ModelShape): Map<string, Document> => {
  const ofModel = sampled.documents.get(name) ?? new Map<string, Document>()
  sampled.documents.set(name, ofModel)
  return ofModel
}

const apply = (
  { shape, apply }: Projection,
  sampled: Sampled,
  recorded: RecordedEvent,
  clock: bigint,
): void => {
  const documents = documentsOf(sampled, shape)
  for (const change of apply(recorded, key => documents.get(key), clock)) {
    const before = documents.get(change.key)
    if ('text' in change) documents.set(change.key, change)
    else if (before !== undefined)
      documents.set(change.key, {
        ...before,
        position: change.position,
        fields: { ...before.fields, ...change.fields },
      })
  }
}

/**
 * Takes `most` streams of each kind by chance, and builds the documents of every read model that come of these in memory: those
 * whose hash with a secret is least, so that one look at the log will do, however many there are. A stream about somebody who is
 * forgotten is left out.
 */
export const makeSampledStreams = (most: number, projections: readonly Projection[]): SampledStreams => {
  const secret = randomBytes(16)
  const kinds = new Map<string, Map<string, Sampled>>()
  let clock = 0n

  const begin = (stream: string): void => {
    const kind = kindOfStream(stream)
    const chosen = kinds.get(kind) ?? new Map<string, Sampled>()
    kinds.set(kind, chosen)
    const rank = createHash('sha256').update(secret).update(stream).digest('hex')
    chosen.set(stream, { rank, documents: new Map() })
    if (chosen.size <= most) return
    const [last] = [...chosen].reduce((a, b) => (a[1].rank > b[1].rank ? a : b))
    chosen.delete(last)
  }

  return {
    add: recorded => {
      const { event, stream, revision, metadata } = recorded
      clock = clockAfter(clock, metadata.recordedAt)
      if (revision === 0) begin(stream)
      const chosen = kinds.get(kindOfStream(stream))
      const sampled = chosen?.get(stream)
      if (sampled === undefined) return
      if (event.erased === true || isErasure(event.type)) chosen?.delete(stream)
      else for (const projection of projections) apply(projection, sampled, recorded, clock)
    },

    compare: async ({ reads, writer }, head) => {
      const compared: SampleComparison[] = []
      const streams = [...kinds.values()].flatMap(chosen => [...chosen.values()])
      for (const { shape } of projections) {
        const checkpoint = await reads.checkpoint(shape)
        if (E.isLeft(checkpoint)) return checkpoint
        const upTo = checkpoint.right.position
        // Asked before the generation is: that would make one.
        if (upTo === 0n) continue
        const served = await writer.served(shape)
        if (E.isLeft(served)) return served
        const built = streams
          .flatMap(({ documents }) => [...(documents.get(shape.name)?.values() ?? [])])
          .filter(({ position }) => position <= upTo)
        const differences: { position: bigint; parts: readonly string[] }[] = []
        for (let from = 0; from < built.length; from += mostAtOnce) {
          const some = built.slice(from, from + mostAtOnce)
          const loaded = await writer.load(
            served.right,
            some.map(({ key }) => key),
          )
          if (E.isLeft(loaded)) return loaded
          const there = new Map(loaded.right.map(document => [document.key, document]))
          for (const document of some) {
            const other = there.get(document.key)
            // A running hub has changed it since.
            if (other !== undefined && other.position > head) continue
            if (other !== undefined && documentText(shape, other) === documentText(shape, document)) continue
            const parts = other === undefined ? ['missing'] : differingParts(shape, other, document)
            differences.push({ position: document.position, parts })
          }
        }
        compared.push({ model: shape.name, documents: built.length, differences })
      }
      return E.right(compared)
    },
  }
}
