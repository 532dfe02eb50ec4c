import { z } from 'zod'
import { actorShape } from '../../domain/event.ts'
import { shapeOf } from '../description/shapes.ts'

const entryShape = z.object({
  position: z.string(),
  stream: z.string(),
  revision: z.int().describe('Counts from 0 in the stream.'),
  type: z.string(),
  resource: z.string(),
  id: z.string().describe('As in the path after the collection.'),
  person: z.string().optional().describe('Whom it is about.'),
  data: z.record(z.string(), z.unknown()).optional().describe('Absent where `erased` is there.'),
  erased: z
    .literal(true)
    .optional()
    .describe('The person it was about is forgotten: what it said can be read no more.'),
  actor: actorShape,
  recordedAt: z.string(),
  occurredAt: z.string().optional(),
})

const position = '0b5e9d0c1f6a4f7f8f0e5c1d2a3b4c5d-0-42'

export const feedDescription = shapeOf(
  'FeedPage',
  z.object({
    events: z.array(entryShape),
    next: z.string().describe('Where to go on, also past events that the filter hides.'),
  }),
  {
    events: [
      {
        position,
        stream: 'person-ESPGNU777ORG',
        revision: 1,
        type: 'PersonChanged',
        resource: 'people',
        id: 'ESPGNU777ORG',
        person: 'ESPGNU777ORG',
        actor: { kind: 'node', id: 'gral-hospital', node: 'gral-hospital' },
        recordedAt: '2026-03-01T09:30:00.000Z',
        data: { lastname: 'Betz Garcia' },
      },
    ],
    next: position,
  },
)
