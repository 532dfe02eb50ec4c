import { z } from 'zod'
import { actorShape } from '../../domain/event.ts'
import { shapeOf } from '../description/shapes.ts'

const changeShape = z.object({
  path: z.string().describe('A JSON Pointer (RFC 6901).'),
  from: z.unknown().optional().describe('Absent where there was no such field.'),
  to: z.unknown().optional().describe('Absent where there is no such field any more.'),
})

const entryShape = z.object({
  revision: z.int().describe('Counts from 0.'),
  event: z.string(),
  position: z.string().describe('In the event history, as Thalamus-Position.'),
  recordedAt: z.string().describe('When the hub recorded it.'),
  occurredAt: z.string().optional().describe('When the sender says it happened.'),
  actor: actorShape.describe('Who did it, by the credentials of the request.'),
  requestId: z.string(),
  changes: z.array(changeShape).optional().describe('Absent where `erased` is there.'),
  erased: z
    .literal(true)
    .optional()
    .describe('The person it was about is forgotten: what it changed can be read no more.'),
})

const exampleChange = { path: '/lastname', from: 'Betz', to: 'Betz Garcia' }
const exampleEntry = {
  revision: 1,
  event: 'PersonChanged',
  position: '0b5e9d0c1f6a4f7f8f0e5c1d2a3b4c5d-0-42',
  recordedAt: '2026-03-01T09:30:00.000Z',
  actor: { kind: 'node', id: 'gral-hospital', node: 'gral-hospital' },
  requestId: '5f0c3c0e-8a55-4a3e-9a53-6f1c2f6f2d3f',
  changes: [exampleChange],
}

export const changeDescription = shapeOf('Change', changeShape, exampleChange)
export const entryDescription = shapeOf('HistoryEntry', entryShape, exampleEntry)
export const auditDescription = shapeOf(
  'AuditEntry',
  entryShape.extend({
    resource: z.string(),
    id: z.string().describe('As in the path after the collection.'),
    person: z.string().optional().describe('Whom it is about.'),
  }),
  { ...exampleEntry, resource: 'people', id: 'ESPGNU777ORG', person: 'ESPGNU777ORG' },
)
