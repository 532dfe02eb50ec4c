import { z } from 'zod'
import type { EventFeed } from './event-feed.ts'
import { projection } from './projection.ts'
import type { ModelShape, ReadModels } from './read-store.ts'
import { readWhole, type Whole } from './read-whole.ts'

/** Everybody who was forgotten, by account: whether all that follows from it is done. */
export const erasures: ModelShape = { name: 'erasures', version: 1, fields: {}, indexes: [] }

export interface Erasure {
  /** All is done, and the certificate says so. */
  readonly isCertified: boolean
}

const shape: z.ZodType<Erasure> = z.object({ isCertified: z.boolean() })

export const erasuresProjection = projection({
  shape: erasures,
  events: ['PersonErased', 'PersonErasureCertified'],
  needs: ({ event }) => [String(event.data.id)],
  apply: ({ event, revision, position }, document) => {
    const key = String(event.data.id)
    const before = document(key)
    if (before !== undefined && before.revision >= revision) return []
    const erasure: Erasure = { isCertified: event.type === 'PersonErasureCertified' }
    return [{ key, revision, position, text: JSON.stringify(erasure), fields: {} }]
  },
})

/** Every erasure, if the read model is of this very log and answers; else none. */
export const allErasures = (
  reads: Pick<ReadModels, 'checkpoint' | 'find'>,
  feed: Pick<EventFeed, 'eventIdAt'>,
): Promise<Whole<Erasure>> => readWhole(reads, feed, erasures, text => shape.parse(JSON.parse(text)))
