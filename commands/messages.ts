import * as E from '#fp/Either'
import { parseItemId } from '../domain/identifiers.ts'
import { isLogFailure, type LogFailure } from '../domain/log-failure.ts'
import type { Envelope, KeptBody } from '../domain/message-shapes.ts'
import {
  hasExpired,
  isClosed,
  type MessageCommand,
  type MessageState,
  messageDecider,
  messageStream,
} from '../domain/messages.ts'
import { nodeDecider, parseClientId } from '../domain/nodes.ts'
import { type InvalidPart, invalid } from '../domain/rejection.ts'
import type { ContentCutShort, ContentTooLarge, ContentUnavailable } from './content-store.ts'
import type { EventLog } from './event-log.ts'
import { type Folded, foldStream, unread } from './fold-stream.ts'
import type { CommandContext, CommandFailure, Handle, Outcome } from './handle.ts'
import type { MessageBodies } from './message-bodies.ts'

export type MessageFailure = CommandFailure | ContentUnavailable | ContentTooLarge | ContentCutShort

/** A body that was kept and that no event names an hour later is removed. */
const unnamedMilliseconds = 3_600_000
/** A body is kept for so long after the last recipient acknowledged its message, or the message expired. */
export const keptMilliseconds = 30 * 24 * 3_600_000

export interface SendMessage {
  /** What the sender wrote, with an id and the time; without a body, its bytes follow. */
  readonly envelope: Omit<Envelope, 'body'>
  readonly body: Buffer | undefined
  readonly context: CommandContext
}

export interface StoreMessageContent<Failure> {
  readonly id: string
  readonly sender: string
  readonly contentType: string
  readonly bytes: AsyncIterable<Uint8Array>
  readonly limit: number
  /** What is wrong with the bytes that arrived, or the context of the command as it is now. */
  readonly arrived: (body: KeptBody) => E.Either<Failure, CommandContext>
}

type Outcomes = Outcome<MessageState>

/** The life of a message between nodes. */
export interface Messages {
  readonly send: (message: SendMessage) => Promise<E.Either<MessageFailure, Outcomes>>
  /** Gives a message the bytes that were announced. What would be refused as things are is refused before they are read. */
  readonly storeContent: <Failure>(
    content: StoreMessageContent<Failure>,
  ) => Promise<E.Either<MessageFailure | Failure, Outcomes>>
  /** Notes that a recipient is being given it. Repeatable. */
  readonly deliver: (
    id: string,
    recipient: string,
    context: CommandContext,
  ) => Promise<E.Either<MessageFailure, Outcomes>>
  readonly acknowledge: (
    id: string,
    recipient: string,
    context: CommandContext,
  ) => Promise<E.Either<MessageFailure, Outcomes>>
  /** Ends a message for those who have not acknowledged it, if its time has come. */
  readonly expire: (id: string, context: CommandContext) => Promise<E.Either<MessageFailure, Outcomes>>
  /** The message as its stream tells it. Never stale. */
  readonly read: (id: string) => Promise<E.Either<LogFailure, Folded<MessageState>>>
  /** Removes bodies that nobody needs any more; a few at a time. True when there is more to look at. */
  readonly sweepBodies: () => Promise<E.Either<LogFailure | ContentUnavailable, boolean>>
}

export interface MessageDependencies {
  readonly log: Pick<EventLog, 'read'>
  readonly handle: Handle
  readonly bodies: MessageBodies
  /** Whether a node is surely one that can be sent to: others are looked up in the log. */
  readonly isRecipient: (clientId: string) => boolean
  readonly now: () => Date
}

const mostSwept = 200

type Present = Exclude<MessageState, { is: 'absent' }>

/** Since when nobody waits for it, which may not be recorded yet; undefined while somebody does. */
const closedAt = (state: Present, recordedAt: string, now: string): string | undefined => {
  if (isClosed(state)) return recordedAt
  return hasExpired(state.envelope, now) ? `${state.envelope.expires}Z` : undefined
}

/** Whether the message, as it is, has this body. */
const names = (state: MessageState, bodyId: string): boolean =>
  state.is !== 'absent' && state.envelope.body?.id === bodyId

export const messages = ({ log, handle, bodies, isRecipient, now }: MessageDependencies): Messages => {
  const nothing = unread(messageDecider)

  const read = async (id: string) =>
    parseItemId(id) === undefined
      ? E.right(nothing)
      : foldStream(log, messageStream(id), messageDecider, nothing)

  /** A rule across streams reads the other stream: what this process knows of nodes may lag. */
  const isNode = async (clientId: string): Promise<E.Either<LogFailure, boolean>> => {
    if (isRecipient(clientId)) return E.right(true)
    if (parseClientId(clientId) === undefined) return E.right(false)
    const node = await foldStream(log, `node-${clientId}`, nodeDecider, unread(nodeDecider))
    return E.map(
      ({ state }: Folded<typeof nodeDecider.initial>) => !['absent', 'retired'].includes(state.is),
    )(node)
  }

  const recipientsAreThere = async (to: readonly string[]): Promise<E.Either<CommandFailure, void>> => {
    const errors: InvalidPart[] = []
    for (const [i, clientId] of to.entries()) {
      const known = await isNode(clientId)
      if (E.isLeft(known)) return known
      if (!known.right)
        errors.push({ pointer: `/to/${i}`, detail: 'names no node that this hub can give messages to' })
    }
    return errors.length === 0 ? E.right(undefined) : E.left(invalid(...errors))
  }

  const run = async (
    id: string,
    context: CommandContext,
    prepare: (state: MessageState) => Promise<E.Either<MessageFailure, MessageCommand>>,
  ): Promise<E.Either<MessageFailure, Outcomes>> => {
    if (parseItemId(id) === undefined) return E.left({ _tag: 'NeverWas', what: 'message' })
    return handle<MessageCommand, MessageState, MessageFailure>({
      stream: messageStream(id),
      decider: messageDecider,
      prepare,
      conditional: false,
      context,
    })
  }

  const unnamedUntil = () => now().getTime() + unnamedMilliseconds

  /** When a body is to be looked at next: undefined when it can go. */
  const nextLook = async (id: string, message: string): Promise<E.Either<LogFailure, number | undefined>> => {
    const folded = await read(message)
    // What cannot be read holds up no other.
    if (E.isLeft(folded)) return folded.left._tag === 'EventUnreadable' ? E.right(unnamedUntil()) : folded
    const { state, recordedAt } = folded.right
    if (state.is === 'absent' || !names(state, id)) return E.right(undefined)
    const time = now()
    const closed = closedAt(state, recordedAt, time.toISOString())
    const until = (closed === undefined ? time.getTime() : Date.parse(closed)) + keptMilliseconds
    return E.right(until <= time.getTime() ? undefined : until)
  }

  return {
    read,

    send: ({ envelope, body, context }) =>
      run(envelope.id, context, async state => {
        const wanted = messageDecider.decide({ _tag: 'Send', envelope }, state)
        if (E.isLeft(wanted)) return wanted
        const there = await recipientsAreThere(envelope.to)
        if (E.isLeft(there)) return there
        if (body === undefined) return E.right({ _tag: 'Send', envelope })
        const kept = await bodies.keep(envelope.id, [body], body.length, unnamedUntil())
        return E.map((named: KeptBody) => ({
          _tag: 'Send' as const,
          envelope: { ...envelope, body: named },
        }))(kept)
      }),

    storeContent: async ({ id, sender, contentType, bytes, limit, arrived }) => {
      const command = (body: KeptBody): MessageCommand => ({
        _tag: 'StoreContent',
        sender,
        contentType,
        body,
      })
      const before = await read(id)
      if (E.isLeft(before)) return before
      const isWanted = messageDecider.decide(command({ id: '', size: 0, sha256: '' }), before.right.state)
      // Whether it is the same content again, only the bytes tell.
      if (E.isLeft(isWanted) && isWanted.left._tag !== 'ExistsWithOtherContent') return isWanted
      const kept = await bodies.keep(id, bytes, limit, unnamedUntil())
      if (E.isLeft(kept)) return kept
      const context = arrived(kept.right)
      const outcome = E.isLeft(context)
        ? context
        : await run(id, context.right, async () => E.right(command(kept.right)))
      // Where it is unknown whether an event names it, it is looked at later.
      const isUnneeded = E.isRight(outcome)
        ? !names(outcome.right.state, kept.right.id)
        : !isLogFailure(outcome.left)
      if (isUnneeded) await bodies.remove(kept.right.id)
      return outcome
    },

    deliver: (id, recipient, context) =>
      run(id, context, async () => E.right({ _tag: 'Deliver', recipient })),
    acknowledge: (id, recipient, context) =>
      run(id, context, async () => E.right({ _tag: 'Acknowledge', recipient })),
    expire: (id, context) =>
      run(id, context, async () => E.right({ _tag: 'Expire', now: now().toISOString() })),

    sweepBodies: async () => {
      const due = await bodies.due(now().getTime(), mostSwept)
      if (E.isLeft(due)) return due
      for (const { id, message } of due.right) {
        const look = await nextLook(id, message)
        if (E.isLeft(look)) return look
        const done = await (look.right === undefined ? bodies.remove(id) : bodies.postpone(id, look.right))
        if (E.isLeft(done)) return done
      }
      return E.right(due.right.length === mostSwept)
    },
  }
}
