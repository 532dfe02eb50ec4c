import * as E from '#fp/Either'
import { isLogFailure } from '../../domain/log-failure.ts'
import { formatPosition } from '../../domain/position.ts'
import { type InvalidPart, invalid } from '../../domain/rejection.ts'
import { inbox } from '../../projections/inbox.ts'
import type { ApiDependencies } from '../dependencies.ts'
import type { Parameters } from '../description/operation.ts'
import { type Answer, jsonAnswer } from '../http/answer.ts'
import { type Call, continued, type Handle, untilOver, untilWaited } from '../http/call.ts'
import {
  eventStreamType,
  eventText,
  heartbeat,
  inPieces,
  streamAnswer,
  streamBytes,
  whileLogAnswers,
} from '../http/event-stream.ts'
import { limitOf, limitParameter, usualLimit, waitParameter, waitSecondsOf } from '../http/page-limit.ts'
import { parametersOf } from '../http/parameters.ts'
import { preferredType } from '../http/preferred-type.ts'
import type { Failure } from '../http/problem.ts'
import { readable } from '../http/reading.ts'
import { startPosition } from '../http/start-position.ts'
import { arrivalsFor, type InboxPage, type PageRoom, readInbox } from './inbox.ts'

export const inboxTypes = ['application/json', eventStreamType] as const

export const inboxQuery: Parameters = {
  after: {
    type: 'string',
    description:
      'Only what came after this position: `next` of a page, or the id of an event of the stream. Without it, all that was not acknowledged.',
  },
  limit: limitParameter('Messages of a page at most; it also ends at 8 MiB. The event stream has no pages.'),
  wait: waitParameter('Seconds that an empty inbox waits for a message.'),
}

const mostPageBytes = 8 * 1024 * 1024
/** An event stream reads no more ahead than it sends. */
const streamRoom: PageRoom = { limit: usualLimit, mostBytes: streamBytes }

/** The inbox of the calling node: a page, which may wait for a message, or all of it as it comes. */
export const readMessages = (dependencies: ApiDependencies): Handle => {
  const { logIdentity, closing } = dependencies

  /** Waits for a message until the signal, and reads the page again once one has come. */
  const laterPage = async (
    call: Call,
    empty: InboxPage,
    room: PageRoom,
    waiting: AbortSignal,
  ): Promise<E.Either<Failure, InboxPage>> => {
    let last = empty
    for await (const hasArrived of arrivalsFor(dependencies, call.actor.id, empty.upTo, waiting)) {
      const renewed = continued(call)
      if (E.isLeft(renewed)) return renewed
      if (!hasArrived) continue
      const read = await readInbox(dependencies, call, last.next, room)
      if (E.isLeft(read) || read.right.messages.length > 0) return read
      last = read.right
    }
    return E.right(last)
  }

  const pageOf = async (
    call: Call,
    after: bigint,
    room: PageRoom,
    seconds: number,
  ): Promise<E.Either<Failure, InboxPage>> => {
    const read = await readInbox(dependencies, call, after, room)
    if (E.isLeft(read) || read.right.messages.length > 0) return read
    const waiting = untilWaited(call, closing, seconds)
    if (waiting.aborted) return read
    try {
      return await laterPage(call, read.right, room, waiting)
    } catch (thrown) {
      if (isLogFailure(thrown)) return E.left(thrown)
      throw thrown
    }
  }

  /** Ends when the caller may go on no more, with the signal, or when a store is lost: the client comes again with the last id. */
  async function* stream(call: Call, after: bigint, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const beat = heartbeat(logIdentity)
    let next = after
    yield Buffer.from(beat.text(next))
    while (!signal.aborted && E.isRight(continued(call))) {
      const read = await readInbox(dependencies, call, next, streamRoom)
      if (E.isLeft(read)) return
      const { messages, more, upTo } = read.right
      yield* inPieces(messages.map(({ arrived, text }) => eventText(logIdentity, arrived, text)))
      if (messages.length > 0) beat.sent()
      next = read.right.next
      if (more) continue
      for await (const hasArrived of arrivalsFor(dependencies, call.actor.id, upTo, signal)) {
        if (E.isLeft(continued(call))) return
        if (hasArrived) break
        if (!beat.isDue()) continue
        yield Buffer.from(beat.text(next))
        beat.sent()
      }
    }
  }

  return async (call): Promise<E.Either<Failure, Answer>> => {
    const parameters = parametersOf(call.request.url, Object.keys(inboxQuery))
    if (E.isLeft(parameters)) return parameters
    const [limit, seconds] = [limitOf(parameters.right), waitSecondsOf(parameters.right)]
    if (typeof limit !== 'number' || typeof seconds !== 'number')
      return E.left(
        invalid(...[limit, seconds].filter((part): part is InvalidPart => typeof part !== 'number')),
      )
    const type = preferredType(call.request, inboxTypes)
    if (type === undefined) return E.left({ _tag: 'NotAcceptable', types: inboxTypes })
    const isReadable = await readable(dependencies, call, inbox)
    if (E.isLeft(isReadable)) return isReadable
    const isStream = type === eventStreamType
    const start = await startPosition(dependencies, call, parameters.right.get('after'), isStream)
    if (E.isLeft(start)) return start
    const { after } = start.right
    if (isStream)
      return E.right(
        streamAnswer(call, type, () => whileLogAnswers(stream(call, after, untilOver(call, closing)))),
      )
    return E.map(({ messages, next }: InboxPage) =>
      jsonAnswer(
        200,
        `{"messages":[${messages.map(({ text }) => text).join(',')}],"next":"${formatPosition(logIdentity, next)}"}`,
        { Vary: 'Accept' },
      ),
    )(await pageOf(call, after, { limit, mostBytes: mostPageBytes }, seconds))
  }
}
