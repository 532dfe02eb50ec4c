import * as E from '#fp/Either'
import { invalid } from '../../domain/rejection.ts'
import type { ApiDependencies } from '../dependencies.ts'
import type { Call } from './call.ts'
import type { Failure } from './problem.ts'

const positionRule = 'must be a position of this hub’s log, not past its end'

export type PositionDependencies = Pick<ApiDependencies, 'feed' | 'positionOf' | 'logHead'>

/** Where it was sent. */
type Part = { readonly parameter: string } | { readonly header: string } | { readonly pointer: string }

/** The number of a position that a client sends, of an event that is there, or 0. */
export const sentPosition = async (
  { feed, positionOf }: Pick<PositionDependencies, 'feed' | 'positionOf'>,
  text: string,
  part: Part,
  head: bigint,
): Promise<E.Either<Failure, bigint>> => {
  const position = await positionOf(text)
  if (E.isLeft(position)) return position
  const number = position.right
  const bad = E.left(invalid({ ...part, detail: positionRule }))
  if (number === undefined || number > head) return bad
  if (number === 0n) return E.right(number)
  // A number that is no event's was handed out by nobody.
  const eventId = await feed.eventIdAt(number)
  if (E.isLeft(eventId)) return eventId
  return eventId.right === undefined ? bad : E.right(number)
}

/**
 * Where a reader of the log begins: after `Last-Event-ID` of an event stream, which beats the parameter `after`, or at the start.
 */
export const startPosition = async (
  dependencies: PositionDependencies,
  { request }: Pick<Call, 'request'>,
  after: string | undefined,
  isEventStream: boolean,
): Promise<E.Either<Failure, { readonly after: bigint; readonly head: bigint }>> => {
  const head = await dependencies.logHead()
  if (E.isLeft(head)) return head
  const lastEventId = request.headers['last-event-id']
  const resumes = isEventStream && typeof lastEventId === 'string' && lastEventId !== ''
  const text = resumes ? lastEventId : after
  const part = resumes ? { header: 'Last-Event-ID' } : { parameter: 'after' }
  const number = text === undefined ? E.right(0n) : await sentPosition(dependencies, text, part, head.right)
  return E.map((position: bigint) => ({ after: position, head: head.right }))(number)
}
