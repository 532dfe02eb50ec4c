import { randomUUID } from 'node:crypto'
import * as E from '#fp/Either'
import type { Envelope } from '../../domain/message-shapes.ts'
import { arrivedField, inbox, inboxKey, parseWaiting, waitingField } from '../../projections/inbox.ts'
import type { DocumentPage } from '../../projections/read-store.ts'
import type { ApiDependencies } from '../dependencies.ts'
import type { Call } from '../http/call.ts'
import type { Failure } from '../http/problem.ts'
import { inlineBytes, messageText } from './shown.ts'

/** A page ends before its bodies take more than so many bytes; one message is always given. */
const mostBytes = 8 * 1024 * 1024
/** Deliveries that are recorded at the same time. */
const mostTogether = 16

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
}

interface Waiting {
  readonly arrived: bigint
  readonly envelope: Envelope
  readonly isDelivered: boolean
}

const waitingIn = ({ documents }: DocumentPage): readonly Waiting[] =>
  documents.flatMap(({ text, orderedBy }) => {
    const message = parseWaiting(text)
    return message === undefined || typeof orderedBy !== 'bigint' ? [] : [{ ...message, arrived: orderedBy }]
  })

/** As many as a page has room for. */
const roomFor = (all: readonly Waiting[]): readonly Waiting[] => {
  let bytes = 0
  const end = all.findIndex(({ envelope }, n) => {
    bytes += inlineBytes(envelope)
    return n > 0 && bytes > mostBytes
  })
  return end < 0 ? all : all.slice(0, end)
}

/** A page of what the read model holds: empty where nothing of it is to be given any more. */
const readPage = async (
  { readModels, messages, messageBodies }: InboxDependencies,
  { actor, requestId }: Pick<Call, 'actor' | 'requestId'>,
  after: bigint,
  limit: number,
): Promise<E.Either<Failure, InboxPage>> => {
  const recipient = actor.id
  const page = await readModels.find(inbox, {
    equals: { [waitingField]: recipient },
    orderedBy: arrivedField,
    descending: false,
    // After every key of this recipient.
    after: { value: after, key: inboxKey(recipient, '\u{10ffff}') },
    limit,
    mostBytes,
  })
  if (E.isLeft(page)) return page
  const all = waitingIn(page.right)
  const now = new Date().toISOString()
  const taken = roomFor(all)

  /** Undefined where it is not to be given any more: the read model may be behind. */
  const give = async ({
    arrived,
    envelope,
    isDelivered,
  }: Waiting): Promise<E.Either<Failure, Given | undefined>> => {
    if (envelope.expires !== undefined && envelope.expires <= now) return E.right(undefined)
    if (!isDelivered) {
      const context = { actor, requestId, commandId: randomUUID() }
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
  return E.right({
    messages: given,
    next: taken.at(-1)?.arrived ?? after,
    more: page.right.more || taken.length < all.length,
  })
}

/**
 * What a node's inbox holds after a place: the oldest first, all of it recorded as delivered. The page is empty only where
 * nothing waits: the read model may be behind with a page full of what was acknowledged or has expired.
 */
export const readInbox = async (
  dependencies: InboxDependencies,
  call: Pick<Call, 'actor' | 'requestId'>,
  after: bigint,
  limit: number,
): Promise<E.Either<Failure, InboxPage>> => {
  for (let next = after; ; ) {
    const page = await readPage(dependencies, call, next, limit)
    if (E.isLeft(page) || page.right.messages.length > 0 || !page.right.more) return page
    next = page.right.next
  }
}

/** How far the inbox has come: whoever waits begins there. */
export const inboxPosition = ({ progress }: Pick<InboxDependencies, 'progress'>): bigint =>
  progress.positions().find(({ name }) => name === inbox.name)?.position ?? 0n

const reachMilliseconds = 1_000

/**
 * Tells, at least once a second, whether a message has come for a node since a position, until the signal: true once the
 * inbox holds it. Throws a `LogFailure`.
 */
export async function* arrivalsFor(
  { arrivals, progress }: Pick<InboxDependencies, 'arrivals' | 'progress'>,
  recipient: string,
  after: bigint,
  signal: AbortSignal,
): AsyncGenerator<boolean> {
  for await (const { events } of arrivals.follow(after, signal)) {
    const last = events.findLast(
      ({ event: { data } }) => Array.isArray(data.to) && data.to.includes(recipient),
    )
    if (last !== undefined) await progress.reached(inbox.name, last.position, reachMilliseconds)
    yield last !== undefined
  }
}
