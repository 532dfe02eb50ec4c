import * as E from '#fp/Either'
import type { MessageBodies } from '../../commands/message-bodies.ts'
import type { Envelope } from '../../domain/message-shapes.ts'
import { type MessageState, type RecipientState, statesAt } from '../../domain/messages.ts'
import type { Failure } from '../http/problem.ts'

type Present = Exclude<MessageState, { is: 'absent' }>

/** Bytes of a body that is part of an answer; none where it is content, which has a request of its own. */
export const inlineBytes = ({ body, content }: Envelope): number =>
  body === undefined || content === true ? 0 : body.size

/** The body as JSON text; null where there is none to be shown, for it is content, or was removed. */
const bodyText = async (
  bodies: Pick<MessageBodies, 'read'>,
  { body, content }: Envelope,
): Promise<E.Either<Failure, string>> => {
  if (body === undefined || content === true) return E.right('null')
  const read = await bodies.read(body)
  if (E.isLeft(read) || read.right === undefined) return E.map(() => 'null')(read)
  try {
    return E.right(Buffer.concat(await Array.fromAsync(read.right)).toString('utf8'))
  } catch {
    return E.left({ _tag: 'ContentDamaged' })
  }
}

/** A message as JSON, with the states that the viewer may see. */
export const messageText = async (
  bodies: Pick<MessageBodies, 'read'>,
  envelope: Envelope,
  states: Iterable<readonly [string, RecipientState]>,
): Promise<E.Either<Failure, string>> => {
  const { id, from, to, type, subject, contentType, content, body, sentAt, expires, replyTo } = envelope
  const head = { id, from, to, type, subject: subject ?? null, contentType: contentType ?? null }
  const kept = body === undefined ? null : { size: body.size, sha256: body.sha256 }
  const tail = {
    ...(content === true ? { content: kept } : {}),
    sentAt,
    expires: expires === undefined ? null : `${expires}Z`,
    replyTo: replyTo ?? null,
    states: Object.fromEntries(states),
  }
  return E.map(
    (text: string) => `${JSON.stringify(head).slice(0, -1)},"body":${text},${JSON.stringify(tail).slice(1)}`,
  )(await bodyText(bodies, envelope))
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
