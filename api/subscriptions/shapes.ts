import { z } from 'zod'
import { feedEventTypes, resourceNames } from '../../domain/catalogue.ts'
import { boundedList } from '../../domain/fields.ts'
import { parseAccount } from '../../domain/identifiers.ts'
import type { Json } from '../../domain/json.ts'
import { parseClientId } from '../../domain/nodes.ts'
import { subscriptionStatuses } from '../../domain/subscriptions.ts'
import { shapeOf } from '../description/shapes.ts'
import type { PathParameter } from '../http/route.ts'

const mostCharacters = 2_000

const url = z
  .string({ error: 'must be an http or https URL' })
  .max(mostCharacters, { error: `must have at most ${mostCharacters} characters` })
const namesOf = (all: readonly string[], what: string) =>
  boundedList(
    z.string({ error: 'must be a text' }).refine(name => all.includes(name), {
      error: `must be one of: ${all.join(', ')}`,
    }),
    all.length,
    `must be a list of ${what}`,
  ).refine(names => names.length > 0, { error: 'must name one, or be left out for all' })
const types = namesOf(feedEventTypes, 'types of events')
const resources = namesOf(resourceNames, 'resources')
const person = z
  .string({ error: 'must be a federation account' })
  .refine(text => parseAccount(text) !== undefined, {
    error: 'must be a federation account: 1 to 64 of A–Z 0–9 . _ -',
  })
const position = z.string({ error: 'must be a position of this hub’s log' })

/** A subscription as it is asked for. */
export const newSubscriptionShape = z.strictObject({
  url,
  types: types.nullish(),
  resources: resources.nullish(),
  person: person.nullish(),
  from: position
    .nullish()
    .meta({ description: 'After this position, or `start` for all there is; without it, from now on.' }),
  node: z
    .string({ error: 'must be the client id of a node' })
    .refine(text => parseClientId(text) !== undefined, { error: 'must be the client id of a node' })
    .nullish()
    .meta({ description: 'Whose it is: to be said by people, who make it for a node.' }),
})

/** A merge patch of a subscription. */
export const subscriptionPatchShape = z.strictObject({
  url: url.optional(),
  types: types.nullish(),
  resources: resources.nullish(),
  person: person.nullish(),
  status: z.enum(['active', 'paused'], { error: 'must be active or paused' }).optional(),
})

export const replayShape = z.strictObject({ from: position.optional(), to: position.optional() })

const shownShape = z.object({
  id: z.string(),
  node: z.string(),
  url: z.string(),
  types: z.array(z.string()).nullable(),
  resources: z.array(z.string()),
  person: z.string().nullable(),
  status: z.enum(subscriptionStatuses),
  position: z.string().meta({ description: 'Up to here everything was delivered, or is counted below.' }),
  lag: z.int().min(0).meta({ description: 'How far the log is ahead, as /readyz counts it.' }),
  failures: z.int().min(0).meta({ description: 'Since the last delivery.' }),
  lastError: z.object({ at: z.string(), error: z.string() }).nullable(),
  deadLetters: z.int().min(0),
  denied: z
    .object({ since: z.string(), needed: z.array(z.string()) })
    .nullable()
    .meta({ description: 'The rights that the node lacks: what it asks for waits, up to three days.' }),
})
const secret = z.string().meta({ description: 'Shown once. The key of Standard Webhooks’ signatures.' })

const asked = {
  url: 'https://registry.example.org/births',
  resources: ['events'],
  types: ['LifeEventRecorded'],
} satisfies Json
const position_ = '0b5e9d0c1f6a4f7f8f0e5c1d2a3b4c5d-0-42'
const id = '8f1f2c0e-3a54-5b0a-9a0c-2f6b1c3d4e5f'
const shown = {
  id,
  node: 'civil-registry',
  ...asked,
  person: null,
  status: 'active',
  position: position_,
  lag: 0,
  failures: 0,
  lastError: null,
  deadLetters: 0,
  denied: null,
} satisfies Json
const exampleSecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo='

export const deadLetterShape = z.object({
  position: z.string(),
  stream: z.string(),
  revision: z.int(),
  type: z.string(),
  attempts: z.int(),
  error: z.string(),
  failedSince: z.string(),
  deadAt: z.string(),
})

/** The bodies of `/subscriptions`, in the documentation's words. */
export const subscriptionShapes = {
  asked: shapeOf('NewSubscription', newSubscriptionShape, asked),
  shown: shapeOf('Subscription', shownShape, shown),
  created: shapeOf('CreatedSubscription', shownShape.extend({ secret: secret.optional() }), {
    ...shown,
    secret: exampleSecret,
  }),
  patch: shapeOf('SubscriptionPatch', subscriptionPatchShape, { status: 'paused' }),
  secret: shapeOf('SubscriptionSecret', z.object({ id: z.string(), secret }), { id, secret: exampleSecret }),
  tested: shapeOf(
    'WebhookTest',
    z.object({
      delivered: z.boolean(),
      status: z.int().nullable().meta({ description: 'What the receiver answered, if it did.' }),
      error: z.string().nullable(),
    }),
    { delivered: true, status: 204, error: null },
  ),
  deadLetter: shapeOf('DeadLetter', deadLetterShape, {
    position: position_,
    stream: 'event-e1',
    revision: 0,
    type: 'LifeEventRecorded',
    attempts: 70,
    error: 'the receiver answered 500',
    failedSince: '2026-03-01T09:30:00.000Z',
    deadAt: '2026-03-04T09:30:00.000Z',
  }),
  replay: shapeOf('DeadLetterReplay', replayShape, { from: position_ }),
  replayed: shapeOf('DeadLetterReplayAccepted', z.object({ deadLetters: z.int() }), { deadLetters: 3 }),
}

export const subscriptionParameters: Readonly<Record<string, PathParameter>> = {
  id: { rule: 'the id that the hub gave the subscription', example: id },
}
