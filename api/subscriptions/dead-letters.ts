import * as E from '#fp/Either'
import { invalid } from '../../domain/rejection.ts'
import type { Subscription } from '../../domain/subscriptions.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { type Answer, jsonAnswer } from '../http/answer.ts'
import { type Call, pathParameter } from '../http/call.ts'
import { badCursor, cursorOf, linkTo, parseCursor } from '../http/cursor.ts'
import { limitOf, pageQuery } from '../http/page-limit.ts'
import { parametersOf } from '../http/parameters.ts'
import type { Failure } from '../http/problem.ts'

export const deadLettersQuery = pageQuery()

/** A page of dead letters, as it is asked for. */
export interface DeadLettersRequest {
  readonly limit: number
  /** The key of the last one before it; empty at the start. */
  readonly after: string
  readonly parameters: ReadonlyMap<string, string>
}

const listOf = (id: string): string => `dead letters of ${id}`

export const deadLettersRequest = (call: Call): E.Either<Failure, DeadLettersRequest> => {
  const parameters = parametersOf(call.request.url, Object.keys(deadLettersQuery))
  if (E.isLeft(parameters)) return parameters
  const limit = limitOf(parameters.right)
  const text = parameters.right.get('cursor')
  const cursor = text === undefined ? undefined : parseCursor(listOf(pathParameter(call, 'id')), text)
  const isBad = text !== undefined && cursor === undefined
  return typeof limit === 'number' && !isBad
    ? E.right({ limit, after: cursor?.key ?? '', parameters: parameters.right })
    : E.left(invalid(...(typeof limit === 'number' ? [] : [limit]), ...(isBad ? [badCursor] : [])))
}

/** The events that a subscription was not given, in the order of their positions. */
export const listDeadLetters = async (
  { deliveries }: Pick<ApiDependencies, 'deliveries'>,
  { id }: Subscription,
  { limit, after, parameters }: DeadLettersRequest,
): Promise<E.Either<Failure, Answer>> => {
  const letters = await deliveries.deadLetters(id, after, limit + 1)
  if (E.isLeft(letters)) return letters
  const page = letters.right.slice(0, limit)
  const last = letters.right.length > limit ? page.at(-1) : undefined
  const body = `[${page.map(({ text }) => text).join(',')}]`
  if (last === undefined) return E.right(jsonAnswer(200, body))
  const cursor = cursorOf(listOf(id), { value: null, key: last.key })
  return E.right(
    jsonAnswer(200, body, { Link: linkTo(`/subscriptions/${id}/dead-letters`, parameters, cursor) }),
  )
}
