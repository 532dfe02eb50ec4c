import * as E from '#fp/Either'
import type { ApiDependencies } from '../dependencies.ts'
import { bytes, json, settles, uploads } from '../description/operation.ts'
import { jsonAnswer } from '../http/answer.ts'
import { type Handle, pathParameter } from '../http/call.ts'
import { etagOf, isCurrent } from '../http/conditional.ts'
import { itemParametersOf } from '../http/parameters.ts'
import type { Route } from '../http/route.ts'
import { acknowledge, acknowledgeMany } from './acknowledging.ts'
import { readMessageContent, uploadMessageContent } from './content.ts'
import { inboxQuery, inboxTypes, readMessages } from './reading.ts'
import { sendMessage } from './sending.ts'
import { messageParameters, messageShapes } from './shapes.ts'
import { messageText, statesFor } from './shown.ts'

/** A message is written once, and only ever goes on: there is no revision that a writer could mean. */
const writeHeaders = ['Idempotency-Key', 'Prefer'] as const

/** `/messages`: what nodes send each other through the hub. */
export const messageRoutes = (dependencies: ApiDependencies): readonly Route[] => {
  const { messages, messageBodies } = dependencies

  const getOne: Handle = async call => {
    const parameters = itemParametersOf(call.request.url, [])
    if (E.isLeft(parameters)) return parameters
    const folded = await messages.read(pathParameter(call, 'id'))
    if (E.isLeft(folded)) return folded
    const { state, revision } = folded.right
    const states =
      state.is === 'absent' ? undefined : statesFor(call.actor.id, state, new Date().toISOString())
    if (state.is === 'absent' || states === undefined) return E.left({ _tag: 'NoSuchItem', what: 'message' })
    const headers = { ETag: etagOf(revision) }
    if (isCurrent(call.request.headers['if-none-match'], revision)) return E.right({ status: 304, headers })
    return E.map((text: string) => jsonAnswer(200, text, headers))(
      await messageText(messageBodies, state.envelope, states),
    )
  }

  return [
    {
      path: '/messages',
      operations: {
        GET: {
          handle: readMessages(dependencies),
          summary: 'Read the inbox',
          description:
            'The messages that wait for the calling node, the oldest first: each until the node acknowledges it or it expires, so that nothing is lost when an answer is. What is answered counts as delivered. With `wait` an empty inbox waits for a message; as text/event-stream messages are sent as they come.',
          query: inboxQuery,
          headers: ['Last-Event-ID', 'Thalamus-Min-Position'],
          answers: { 200: { shape: messageShapes.inbox, alternativeTypes: inboxTypes.slice(1) } },
          refuses: [406],
        },
        POST: {
          handle: sendMessage(dependencies),
          summary: 'Send a message to other nodes',
          description:
            'The body is any JSON of up to 2 MiB, and is not looked into. Bytes of another type follow with PUT /messages/{id}/content, where the message says "content": true; until then nobody is given it. Messages of one sender arrive in the order in which they were sent. With an Idempotency-Key it is safe to send again.',
          body: json(messageShapes.written),
          headers: writeHeaders,
          answers: {
            201: { shape: messageShapes.shown, headers: ['ETag', 'Thalamus-Position', 'Location'] },
          },
        },
      },
    },
    {
      path: '/messages/acks',
      operations: {
        POST: {
          handle: acknowledgeMany(dependencies),
          summary: 'Acknowledge several messages',
          description: 'Up to 1,000. Safe to repeat.',
          body: json(messageShapes.acknowledgements),
          headers: ['Prefer'],
          answers: { 200: { shape: messageShapes.acknowledged, headers: ['Thalamus-Position'] } },
        },
      },
    },
    {
      path: '/messages/:id',
      parameters: messageParameters,
      operations: {
        GET: {
          handle: getOne,
          summary: 'Read a message',
          description:
            'For its sender, who sees how far it is for each recipient, and for its recipients, each of whom sees its own state.',
          query: {},
          headers: ['If-None-Match'],
          answers: { 200: { shape: messageShapes.shown, headers: ['ETag'] }, 304: { headers: ['ETag'] } },
          refuses: [404],
        },
      },
    },
    {
      path: '/messages/:id/content',
      parameters: messageParameters,
      operations: {
        GET: {
          handle: readMessageContent(dependencies),
          summary: 'Read the bytes of a message',
          query: {},
          answers: { 200: { type: bytes, headers: ['Content-Disposition', 'Repr-Digest'] } },
          refuses: [404, 410],
        },
        PUT: {
          handle: uploadMessageContent(dependencies),
          summary: 'Give a message its bytes',
          description: 'Any bytes of any type, once, by its sender. The same bytes again add nothing.',
          body: { types: [bytes] },
          ...uploads(messageShapes.shown),
          headers: [...writeHeaders, 'Content-Digest', 'Repr-Digest'],
          refuses: [404, 409],
        },
      },
    },
    {
      path: '/messages/:id/ack',
      parameters: messageParameters,
      operations: {
        POST: {
          handle: acknowledge(dependencies),
          summary: 'Acknowledge a message',
          description: 'By a recipient, which is given it no more. Safe to repeat.',
          body: 'unread',
          ...settles,
          headers: writeHeaders,
          refuses: [404],
        },
      },
    },
  ]
}
