import { z } from 'zod'
import { enrollmentShape, nodePatchShape } from '../../domain/node-shapes.ts'
import { clientIdRule, nodeStatuses } from '../../domain/nodes.ts'
import { subscriptionStatuses } from '../../domain/subscriptions.ts'
import { mostCounted } from '../../relay/sync-state.ts'
import { shapeOf } from '../description/shapes.ts'

/** The body that sets a node's status. */
export const statusShape = z.strictObject({
  status: z.enum(nodeStatuses, { error: `must be one of: ${nodeStatuses.join(', ')}` }),
})

/** A node as it is answered: never a secret or its hash. */
const shownShape = z.strictObject({
  client_id: z.string(),
  name: z.string(),
  institution: z.string().nullable(),
  scopes: z.array(z.string()),
  status: z.enum(nodeStatuses),
  jwks: z.looseObject({}).optional(),
  secrets: z.int().min(0).meta({ description: 'How many live.' }),
  last_seen: z.string().nullable(),
  inbox: z
    .object({
      size: z
        .int()
        .min(0)
        .meta({ description: `Messages that wait; ${mostCounted} where there are more.` }),
      oldest: z.string().nullable().meta({ description: 'When the one that waits longest was sent.' }),
    })
    .meta({ description: 'What other nodes sent it that it has not acknowledged.' }),
  subscriptions: z
    .array(
      z.object({
        id: z.string(),
        status: z.enum(subscriptionStatuses),
        position: z.string(),
        lag: z.int().min(0),
        deadLetters: z.int().min(0),
      }),
    )
    .meta({ description: 'How its webhooks go.' }),
})
const client_secret = z.string()
const secretShape = z.strictObject({ client_id: z.string(), client_secret: client_secret.optional() })
const example = {
  client_id: 'gral-hospital',
  name: 'General Hospital',
  scopes: ['people:read', 'pols:read', 'pols:write'],
}
const exampleSecret = 'wcqUAHJY1nEKAjMzRQwNp8jE-aXzCPhdMPvR8-eUAks'
const exampleRevision = { ...example, institution: null, status: 'active', secrets: 1 }
const exampleShown = {
  ...exampleRevision,
  last_seen: '2024-01-02T03:04:05.678Z',
  inbox: { size: 2, oldest: '2024-01-01T08:00:00.000Z' },
  subscriptions: [],
}

/** The bodies of `/nodes`, in the documentation's words. */
export const nodeShapes = {
  status: shapeOf('NodeStatus', statusShape, { status: 'suspended' }),
  shown: shapeOf('Node', shownShape, exampleShown),
  /** When it was seen, and what waits for it, are no part of its history. */
  revision: shapeOf(
    'NodeRevision',
    shownShape.omit({ last_seen: true, inbox: true, subscriptions: true }),
    exampleRevision,
  ),
  /** Who may not read nodes is shown the secret alone. */
  enrolled: shapeOf(
    'EnrolledNode',
    z.union([shownShape.extend({ client_secret: client_secret.optional() }), secretShape]),
    { ...exampleShown, last_seen: null, client_secret: exampleSecret },
  ),
  enrollment: shapeOf('NewNode', enrollmentShape, example),
  patch: shapeOf('NodePatch', nodePatchShape, { scopes: ['people:read'], institution: 'gral-hospital' }),
  secret: shapeOf('NodeSecret', secretShape, {
    client_id: example.client_id,
    client_secret: exampleSecret,
  }),
}
export const nodeParameters = { id: { rule: clientIdRule, example: example.client_id } }
