import * as E from '#fp/Either'
import type { Outcome } from '../../commands/handle.ts'
import { uuidOf } from '../../commands/uuid.ts'
import { parseInstant } from '../../domain/instant.ts'
import { type JsonObject, member } from '../../domain/json.ts'
import { type Envelope, newMessageShape } from '../../domain/message-shapes.ts'
import type { MessageState } from '../../domain/messages.ts'
import { invalid, type Rejection } from '../../domain/rejection.ts'
import { invalidPartsOf } from '../../domain/resource.ts'
import { inbox } from '../../projections/inbox.ts'
import type { ApiDependencies } from '../dependencies.ts'
import type { Answer } from '../http/answer.ts'
import type { Call, Handle } from '../http/call.ts'
import type { Failure } from '../http/problem.ts'
import { writeAnswer } from '../http/write-answers.ts'
import { writes } from '../http/write-request.ts'
import { messageText, statesFor } from './shown.ts'

type NewMessage = Omit<Envelope, 'body'>

/** The message that a body asks to send, and the bytes of what it says. */
const messageIn = (
  json: JsonObject,
  id: string,
  from: string,
): E.Either<Rejection, { readonly envelope: NewMessage; readonly body: Buffer | undefined }> => {
  const parsed = newMessageShape.safeParse(json)
  if (!parsed.success) return E.left(invalid(...invalidPartsOf(newMessageShape, json)))
  const { to, type, subject, contentType, content, expires, replyTo } = parsed.data
  const expiry = typeof expires === 'string' ? parseInstant(expires) : undefined
  // As parsed: zod would drop a member named `__proto__`.
  const body = content === true ? undefined : Buffer.from(JSON.stringify(member(json, 'body') ?? null))
  const isSaid = contentType !== undefined && contentType !== null
  return E.right({
    body,
    envelope: {
      id,
      from,
      to: [...new Set(to)],
      type,
      ...(typeof subject === 'string' ? { subject } : {}),
      ...(isSaid ? { contentType } : content === true ? {} : { contentType: 'application/json' }),
      ...(content === true ? { content } : {}),
      sentAt: new Date().toISOString(),
      ...(expiry === undefined ? {} : { expires: expiry }),
      ...(typeof replyTo === 'string' ? { replyTo } : {}),
    },
  })
}

/** The answer of a write to a message, as its sender sees it; `content` is where it made or found that. */
export const messageAnswer = async (
  dependencies: ApiDependencies,
  call: Call,
  outcome: Outcome<MessageState>,
  content?: { readonly path: string; readonly isNew: boolean },
): Promise<E.Either<Failure, Answer>> => {
  const { state } = outcome
  if (state.is === 'absent') return E.left({ _tag: 'NoSuchItem', what: 'message' })
  const states = statesFor(call.actor.id, state, new Date().toISOString()) ?? []
  const text = await messageText(dependencies.messageBodies, state.envelope, states)
  if (E.isLeft(text)) return text
  return E.right(
    await writeAnswer(dependencies, call, outcome, {
      model: inbox.name,
      path: `/messages/${state.envelope.id}`,
      shows: { text: text.right },
      ...content,
    }),
  )
}

/** POST of a message: its id comes from the command's, so that a repeat with the same `Idempotency-Key` finds it. */
export const sendMessage = (dependencies: ApiDependencies): Handle =>
  writes(dependencies, {
    body: 'message',
    keyPath: () => '/messages',
    run: async ({ call, sent, context }) => {
      const message = messageIn(sent.json, uuidOf('id', context.commandId), call.actor.id)
      if (E.isLeft(message)) return message
      const outcome = await dependencies.messages.send({ ...message.right, context })
      return E.isLeft(outcome) ? outcome : messageAnswer(dependencies, call, outcome.right)
    },
  })
