import * as E from '#fp/Either'
import type { MessageBodies } from '../../commands/message-bodies.ts'
import type { Envelope, KeptBody } from '../../domain/message-shapes.ts'
import { isSettled, type MessageState, type RecipientState, statesAt } from '../../domain/messages.ts'
import type { Failure } from '../http/problem.ts'

type Present = Exclude<MessageState, { is: 'absent' }>

/** Bytes of a body that is part of an answer; none where it is content, which has a request of its own. */
export const inlineBytes = ({ body, content }: Envelope): number =>
  body === undefined || content === true ? 0 : body.size

/** The body as JSON text; undefined where what is kept is gone or other bytes. */
const bodyText = async (
  bodies: Pick<MessageBodies, 'read'>,
  body: KeptBody,
): Promise<E.Either<Failure, string | undefined>> => {
  const read = await bodies.read(body)
  if (E.isLeft(read)) return read
  if (read.right === undefined) return E.right(undefined)
  try {
    return E.right(Buffer.concat(await Array.fromAsync(read.right)).toString('utf8'))
  } catch {
    return E.right(undefined)
  }
}

/**
 * A message as JSON, with the states that the viewer may see. One whose body is lost is shown all the same, and says so: it must
 * not hold up those behind it. Once nobody waits for a message, its body may have been removed.
 */
export const messageText = async (
  bodies: Pick<MessageBodies, 'read'>,
  envelope: Envelope,
  states: readonly (readonly [string, RecipientState])[],
): Promise<E.Either<Failure, string>> => {
  const { id, from, to, type, subject, contentType, content, body, sentAt, expires, replyTo } = envelope
  const head = { id, from, to, type, subject: subject ?? null, contentType: contentType ?? null }
  const kept = body === undefined ? null : { size: body.size, sha256: body.sha256 }
  const text = body === undefined || content === true ? E.right('null') : await bodyText(bodies, body)
  if (E.isLeft(text)) return text
  const isLost = text.right === undefined && !states.every(([, state]) => isSettled(state))
  const tail = {
    ...(content === true ? { content: kept } : {}),
    sentAt,
    expires: expires === undefined ? null : `${expires}Z`,
    replyTo: replyTo ?? null,
    ...(isLost ? { lost: true } : {}),
    states: Object.fromEntries(states),
  }
  return E.right(
    `${JSON.stringify(head).slice(0, -1)},"body":${text.right ?? 'null'},${JSON.stringify(tail).slice(1)}`,
  )
}

/** The states of a message that a node may see: the sender all, a recipient its own; undefined for anybody else. */
export const statesFor = (
  viewer: string,
  state: Present,
  now: string,
): readonly (readonly [string, RecipientState])[] | undefined => {
  const all = [...statesAt(state, now)]
  if (state.envelope.from === viewer) return all
  const own = all.filter(([recipient]) => recipient === viewer)
  return own.length === 0 || state.is === 'incomplete' ? undefined : own
}
