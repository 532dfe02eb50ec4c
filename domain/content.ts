import { z } from 'zod'
import { type JsonObject, member } from './json.ts'

/** The field in which an item shows its content. */
export const contentField = 'content'

export const contentShape = z.object({
  /** Bytes. */
  size: z.int().min(0),
  /** A media type (RFC 9110, section 8.3.1), as its sender wrote it. */
  type: z.string(),
  /** SHA-256 of the bytes, in lower-case hex. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
})

/** What an item says of the bytes that belong to it; the bytes themselves are kept elsewhere. */
export type Content = z.infer<typeof contentShape>

/** Of bytes whose sender does not say what they are. */
export const unknownType = 'application/octet-stream'

/** Whether an item's content would say nothing new: the same bytes, of the same type or of none that is known. */
export const isSameContent = (sent: Content, stored: Content): boolean =>
  sent.sha256 === stored.sha256 && (sent.type === stored.type || sent.type === unknownType)

export const contentOf = (item: JsonObject): Content | undefined =>
  contentShape.safeParse(member(item, contentField)).data
