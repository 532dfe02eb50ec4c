import { randomUUID } from 'node:crypto'
import { setImmediate as immediate } from 'node:timers/promises'
import * as E from '#fp/Either'
import { hasExpired } from '../../domain/messages.ts'
import { inbox, readWaiting, type WaitingMessage } from '../../projections/inbox.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { type Call, continued, originOf } from '../http/call.ts'
import type { Failure } from '../http/problem.ts'
import { inlineBytes, messageText } from './shown.ts'

/** Deliveries that are recorded at the same time. */
const mostTogether = 16
/** Messages that are looked at for a page, at least: those that have expired are not given. */
const leastLookedAt = 100

export type InboxDependencies = Pick<
  ApiDependencies,
  'readModels' | 'messages' | 'messageBodies' | 'arrivals' | 'progress'
>

/** A message that is given to its recipient. */
export interface Given {
  /** Where it is in the inbox. */
  readonly arrived: bigint
  readonly text: string
}

export interface InboxPage {
  readonly messages: readonly Given[]
  /** Where to go on. */
  readonly next: bigint
  /** More may wait. */
  readonly more: boolean
  /** How far the inbox had come: what arrived later is still to come. */
  readonly upTo: bigint
}

/** What a page holds at most: messages, and bytes of their bodies, but that one message is always given. */
export interface PageRoom {
  readonly limit: number
  readonly mostBytes: number
}

/** As many as a page has room for. */
const fitting = (
  all: readonly WaitingMessage[],
  { limit, mostBytes }: PageRoom,
): readonly WaitingMessage[] => {
  let bytes = 0
  const end = all.findIndex(({ envelope }, n) => {
    bytes += inlineBytes(envelope)
    return n === limit || (n > 0 && bytes > mostBytes)
  })
  return end < 0 ? all : all.slice(0, end)
}

type InboxCall = Pick<Call, 'request' | 'actor' | 'requestId' | 'exchange'>

/** What a node's inbox holds after a place: the oldest first, all of it recorded as delivered. HEAD gives nothing. */
const readPage = async (
  { readModels, messages, messageBodies }: InboxDependencies,
  call: InboxCall,
  after: bigint,
  room: PageRoom,
): Promise<E.Either<Failure, InboxPage>> => {
  const { request, actor } = call
  const recipient = actor.id
  const limit = Math.max(room.limit, leastLookedAt)
  const waiting = await readWaiting(readModels, recipient, after, { ...room, limit })
  if (E.isLeft(waiting)) return waiting
  const { messages: all, upTo } = waiting.right
  const now = new Date().toISOString()
  const alive = all.filter(({ envelope }) => !hasExpired(envelope, now))
  const taken = fitting(alive, room)

  /** Undefined where it is not to be given any more: the read model may be behind. */
  const give = async ({
    arrived,
    envelope,
    isDelivered,
  }: WaitingMessage): Promise<E.Either<Failure, Given | undefined>> => {
    if (!isDelivered && request.method !== 'HEAD') {
      const context = { ...originOf(call), commandId: randomUUID() }
      const delivered = await messages.deliver(envelope.id, recipient, context)
      if (E.isLeft(delivered)) return delivered
      const { state } = delivered.right
      if (state.is === 'absent' || state.states.get(recipient) !== 'delivered') return E.right(undefined)
    }
    return E.map((text: string) => ({ arrived, text }))(
      await messageText(messageBodies, envelope, [[recipient, 'delivered']]),
    )
  }

  const given: Given[] = []
  for (let at = 0; at < taken.length; at += mostTogether) {
    const some = await Promise.all(taken.slice(at, at + mostTogether).map(give))
    for (const one of some) {
      if (E.isLeft(one)) return one
      if (one.right !== undefined) given.push(one.right)
    }
  }
  const isAll = taken.length === alive.length
  return E.right({
    messages: given,
    next: (isAll ? all : taken).at(-1)?.arrived ?? after,
    more: waiting.right.more || !isAll,
    upTo,
  })
}

/** The first page after a place that holds a message, or the last: what has expired, or was acknowledged, hides nothing. */
export const readInbox = async (
  dependencies: InboxDependencies,
  call: Call,
  after: bigint,
  room: PageRoom,
): Promise<E.Either<Failure, InboxPage>> => {
  for (let from = after; ; ) {
    const page = await readPage(dependencies, call, from, room)
    if (E.isLeft(page) || page.right.messages.length > 0 || !page.right.more) return page
    from = page.right.next
    // Many pages without a message must not keep everybody else waiting.
    await immediate()
    const renewed = continued(call)
    if (E.isLeft(renewed)) return renewed
  }
}

const reachMilliseconds = 1_000

/**
 * Tells, every second or two at least, whether a message has come for a node since a position, until the signal: true once
 * the inbox holds it. Throws a `LogFailure`.
 */
export async function* arrivalsFor(
  { arrivals, progress }: Pick<InboxDependencies, 'arrivals' | 'progress'>,
  recipient: string,
  after: bigint,
  signal: AbortSignal,
): AsyncGenerator<boolean> {
  /** It has come, and the inbox may not hold it yet. */
  let coming: bigint | undefined
  for await (const { events } of arrivals.follow(after, signal)) {
    const last = events.findLast(
      ({ event: { data } }) => Array.isArray(data.to) && data.to.includes(recipient),
    )
    coming = last?.position ?? coming
    const hasCome = coming !== undefined && (await progress.reached(inbox.name, coming, reachMilliseconds))
    if (hasCome) coming = undefined
    yield hasCome
  }
}
