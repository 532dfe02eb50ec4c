import { z } from 'zod'
import { boundedList } from './fields.ts'
import { parseItemId } from './identifiers.ts'
import { parseInstant } from './instant.ts'
import type { JsonObject } from './json.ts'
import { isMediaType, mediaTypePattern, mostTypeCharacters } from './media-type.ts'

/** Recipients of one message at most. */
export const mostRecipients = 100

const limitedText = (most: number) =>
  z
    .string({ error: 'must be a text' })
    .refine(text => text.length <= most && /\S/.test(text), { error: `must have 1 to ${most} characters` })
    .meta({ minLength: 1, maxLength: most })

const mediaType = z
  .string({ error: 'must be a text' })
  .refine(isMediaType, { error: 'must be a media type, such as application/fhir+json' })
  .meta({ maxLength: mostTypeCharacters, pattern: mediaTypePattern })

const time = z.string({ error: 'must be a date and time' }).refine(text => parseInstant(text) !== undefined, {
  error: 'must be a date and time, YYYY-MM-DDTHH:MM:SSZ',
})

const messageId = z
  .string({ error: 'must be the id of a message' })
  .refine(text => parseItemId(text) !== undefined, { error: 'must be the id of a message' })

/** A message as its sender writes it. */
export const newMessageShape = z
  .strictObject({
    to: boundedList(
      z.string({ error: 'must be the client id of a node' }),
      mostRecipients,
      'must be a list of client ids of nodes',
    )
      .refine(to => to.length > 0, { error: 'must name a recipient' })
      .meta({ minItems: 1 }),
    type: limitedText(200),
    subject: limitedText(500).nullish(),
    contentType: mediaType.nullish(),
    body: z.unknown().optional(),
    content: z.literal(true, { error: 'must be true, or be left out' }).optional(),
    expires: time.nullish(),
    replyTo: messageId.nullish(),
  })
  .refine(({ body, content }) => (body === undefined) !== (content === undefined), {
    path: ['body'],
    error: 'must be given, or "content": true where bytes follow with PUT /messages/{id}/content; not both',
  })

/** Where the bytes of a body are kept. */
export const keptBodyShape = z.object({ id: z.string(), size: z.int(), sha256: z.string() })
export type KeptBody = z.infer<typeof keptBodyShape>

const envelopeShape = z.object({
  id: z.string(),
  from: z.string(),
  to: z.array(z.string()),
  type: z.string(),
  subject: z.string().exactOptional(),
  contentType: z.string().exactOptional(),
  sentAt: z.string(),
  /** An `Instant`. */
  expires: z.string().exactOptional(),
  replyTo: z.string().exactOptional(),
  /** Without one, its bytes follow. */
  body: keptBodyShape.exactOptional(),
  /** The bytes of its body come, or came, by a request of their own. */
  content: z.literal(true).exactOptional(),
})

/** A message without the bytes of its body. */
export type Envelope = z.infer<typeof envelopeShape>

/** The data of every event of a message's stream, by type. */
export const messageEvents = {
  MessageSent: envelopeShape,
  /** The bytes of its body have arrived: from now on recipients are given it. `to` repeats its recipients. */
  MessageContentStored: z.object({ to: z.array(z.string()), contentType: z.string(), body: keptBodyShape }),
  MessageDelivered: z.object({ recipient: z.string() }),
  MessageAcknowledged: z.object({ recipient: z.string() }),
  MessageExpired: z.object({ recipients: z.array(z.string()) }),
} satisfies Readonly<Record<string, z.ZodType>>

/** The envelope that an event, or a document made of it, holds; undefined for anything else. */
export const parseEnvelope = (data: JsonObject): Envelope | undefined => envelopeShape.safeParse(data).data
