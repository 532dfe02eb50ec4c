import { z } from 'zod'
import type { Json } from '../../domain/json.ts'
import { newMessageShape } from '../../domain/message-shapes.ts'
import { recipientStates } from '../../domain/messages.ts'
import { shapeOf } from '../description/shapes.ts'
import type { PathParameter } from '../http/route.ts'

const state = z.enum(recipientStates)

/** A message as it is answered. */
const shownShape = z.object({
  id: z.string(),
  from: z.string(),
  to: z.array(z.string()),
  type: z.string(),
  subject: z.string().nullable(),
  contentType: z.string().nullable(),
  body: z.unknown().meta({
    description: 'Null where it is the content, and once it was removed, 30 days after nobody waits for it.',
  }),
  content: z
    .object({ size: z.int(), sha256: z.string() })
    .nullable()
    .optional()
    .meta({ description: 'Where the bytes come by a request of their own: null until they are there.' }),
  lost: z
    .literal(true)
    .optional()
    .meta({ description: 'The hub’s copy of the body is gone or damaged: ask the sender for it.' }),
  sentAt: z.string(),
  expires: z.string().nullable(),
  replyTo: z.string().nullable(),
  states: z
    .record(z.string(), state)
    .meta({ description: 'How far it is for each recipient; a recipient sees its own.' }),
})

const id = '5a1c0a52-6d0c-5c7b-9d3f-0e6b1f3f8a11'
const written = {
  to: ['lab'],
  type: 'order',
  subject: 'Blood count',
  body: { person: 'ESPGNU777ORG', test: 'CBC' },
} satisfies Json
const shown = {
  id,
  from: 'gral-hospital',
  ...written,
  contentType: 'application/json',
  sentAt: '2026-03-01T09:30:00.000Z',
  expires: null,
  replyTo: null,
  states: { lab: 'queued' },
} satisfies Json

export const acknowledgementsShape = z.strictObject({
  ids: z
    .array(z.string({ error: 'must be the id of a message' }), { error: 'must be a list of ids of messages' })
    .min(1, { error: 'must name a message' })
    .max(1_000, { error: 'must have at most 1000 entries' }),
})

/** The bodies of `/messages`, in the documentation's words. */
export const messageShapes = {
  written: shapeOf('NewMessage', newMessageShape, written),
  shown: shapeOf('Message', shownShape, shown),
  inbox: shapeOf(
    'Inbox',
    z.object({
      messages: z.array(shownShape),
      next: z.string().describe('Where to go on: `after` of the next request.'),
    }),
    { messages: [shown], next: '0b5e9d0c1f6a4f7f8f0e5c1d2a3b4c5d-0-42' },
  ),
  acknowledgements: shapeOf('Acknowledgements', acknowledgementsShape, { ids: [id] }),
  acknowledged: shapeOf(
    'Acknowledged',
    z.object({
      states: z
        .record(z.string(), z.enum([...recipientStates, 'not found']))
        .meta({ description: 'By id: `not found` for what was never sent to the caller.' }),
    }),
    { states: { [id]: 'acknowledged' } },
  ),
}

export const messageParameters: Readonly<Record<string, PathParameter>> = {
  id: { rule: 'the id that the hub gave the message', example: id },
}
