import { z } from 'zod'
import { certificateClaims } from '../../auth/erasure-certificate.ts'
import type { Outcome } from '../../commands/handle.ts'
import type { ItemState } from '../../domain/item.ts'
import { people } from '../../domain/people.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { json, settles } from '../description/operation.ts'
import { shapeOf } from '../description/shapes.ts'
import type { Call } from '../http/call.ts'
import type { Route } from '../http/route.ts'
import { writeAnswer } from '../http/write-answers.ts'
import { personChange } from './person-change.ts'

const reason = z
  .string({ error: 'must be a text' })
  .min(1, { error: 'must not be empty' })
  .max(500, { error: 'must have at most 500 characters' })
  .describe('Why, in words that tell nothing about the person: it is kept for ever.')
const erasureShape = z.strictObject({
  reason,
  knowing: z
    .boolean({ error: 'must be true or false' })
    .optional()
    .describe('Also where events remain in clear: they were recorded before this hub encrypted.'),
})
const holdShape = z.strictObject({ reason })
const nothing = z.strictObject({})

const exampleClaims = {
  hub: '0b5e9d0c1f6a4f7f8f0e5c1d2a3b4c5d',
  account: 'ESPGNU777ORG',
  reason: 'Request of 2026-03-01, file 12/2026',
  erasedBy: { kind: 'person' as const, id: 'ARGBUE111FAV' },
  erasedAt: '2026-03-01T09:30:00.000Z',
  events: 1,
  positions: ['0b5e9d0c1f6a4f7f8f0e5c1d2a3b4c5d-0-42'],
  inClear: 0,
  contents: 0,
  remains: ['the account, as the name of its person'],
}

const certificateShape = shapeOf(
  'ErasureCertificate',
  certificateClaims.extend({
    certificate: z.string().describe('What follows, signed by the hub: a JWS (RFC 7515) in compact form.'),
  }),
  { certificate: 'eyJhbGciOiJFZERTQSJ9.eyJhY2NvdW50IjoiRVNQR05VNzc3T1JHIn0.c2lnbmF0dXJl', ...exampleClaims },
)

const parameters = { id: { rule: people.idRule, example: people.examples.item.id } }

/** `/people/{id}/erasure` and `/hold`: how a person is forgotten, and kept from being forgotten. */
export const erasureRoutes = (dependencies: ApiDependencies): readonly Route[] => {
  const { erasing } = dependencies
  const change = personChange(dependencies)
  const settled = (call: Call, id: string, outcome: Outcome<ItemState>) =>
    writeAnswer(dependencies, call, outcome, { model: people.name, path: `/people/${id}`, shows: 'nothing' })

  const erase = change({
    route: '/people/:id/erasure',
    shape: erasureShape,
    perform: ({ preconditions: _, ...write }, { reason, knowing = false }) =>
      erasing.erase(write, { reason, knowing }),
    answer: async (call, id, outcome) => {
      const { certificate, claims } = outcome
      const text = JSON.stringify({ certificate, ...claims })
      const written = { model: people.name, path: `/people/${id}`, shows: { text, isSecret: true } }
      return writeAnswer(dependencies, call, outcome, { ...written, isNew: false })
    },
  })

  return [
    {
      path: '/people/:id/erasure',
      parameters,
      operations: {
        POST: {
          handle: erase,
          summary: 'Forget a person',
          description:
            'All that was recorded about the person becomes unreadable, for ever; who recorded what kind of thing and when stays. Sent again it gives the same certificate.',
          body: json(shapeOf('Erasure', erasureShape, { reason: exampleClaims.reason }), ['reason']),
          headers: ['Idempotency-Key', 'Prefer'],
          answers: { 200: { shape: certificateShape, headers: ['ETag', 'Thalamus-Position'] } },
          refuses: [404, 409],
        },
      },
    },
    {
      path: '/people/:id/hold',
      parameters,
      operations: {
        PUT: {
          handle: change({
            route: '/people/:id/hold',
            shape: holdShape,
            perform: ({ preconditions: _, ...write }, { reason }) => erasing.hold(write, reason),
            answer: settled,
          }),
          summary: 'Keep a person from being forgotten',
          description: 'As where a court asks for the record. The reason is part of the history.',
          body: json(shapeOf('Hold', holdShape, { reason: 'Order of the court, file 7/2026' }), ['reason']),
          headers: ['Idempotency-Key', 'Prefer'],
          answers: settles.answers,
          refuses: [404, 410],
        },
        DELETE: {
          handle: change({
            route: '/people/:id/hold',
            shape: nothing,
            body: 'none',
            perform: ({ preconditions: _, ...write }) => erasing.hold(write, undefined),
            answer: settled,
          }),
          summary: 'Lift the hold on a person',
          headers: ['Idempotency-Key', 'Prefer'],
          answers: settles.answers,
          refuses: [404, 410],
        },
      },
    },
  ]
}
