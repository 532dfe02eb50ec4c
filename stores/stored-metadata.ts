import { z } from 'zod'
import { isOfErasure } from '../domain/erasure.ts'
import { actorShape, type Metadata } from '../domain/event.ts'
import { parseText } from './stored.ts'

const metadataShape: z.ZodType<Metadata & { credential?: string }> = z.object({
  commandId: z.string(),
  fingerprint: z.string().exactOptional(),
  actor: actorShape,
  subject: z.string().exactOptional(),
  requestId: z.string(),
  traceparent: z.string().exactOptional(),
  schemaVersion: z.int(),
  recordedAt: z.string(),
  occurredAt: z.string().exactOptional(),
  credential: z.string().exactOptional(),
})

export type StoredMetadata = z.infer<typeof metadataShape>

/** The metadata of a stored event; undefined where it is damaged. */
export const metadataOf = (text: string): StoredMetadata | undefined =>
  metadataShape.safeParse(parseText(text)).data

/** The person under whose key the data of an event is, or would be. */
export const subjectOfStored = (type: string, metadata: Pick<Metadata, 'subject'>): string | undefined =>
  isOfErasure(type) ? undefined : metadata.subject
