import * as E from '#fp/Either'
import { invalid } from '../../domain/rejection.ts'
import type { Subscription } from '../../domain/subscriptions.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { type Answer, jsonAnswer } from '../http/answer.ts'
import type { Call } from '../http/call.ts'
import { badCursor, cursorOf, linkTo, parseCursor } from '../http/cursor.ts'
import { limitOf, pageQuery } from '../http/page-limit.ts'
import { parametersOf } from '../http/parameters.ts'
import type { Failure } from '../http/problem.ts'

export const deadLettersQuery = pageQuery()

/** The events that a subscription was not given, in the order of their positions, a page at a time. */
export const listDeadLetters = async (
  { deliveries }: Pick<ApiDependencies, 'deliveries'>,
  call: Call,
  { id }: Subscription,
): Promise<E.Either<Failure, Answer>> => {
  const parameters = parametersOf(call.request.url, Object.keys(deadLettersQuery))
  if (E.isLeft(parameters)) return parameters
  const list = `dead letters of ${id}`
  const limit = limitOf(parameters.right)
  const cursorText = parameters.right.get('cursor')
  const cursor = cursorText === undefined ? undefined : parseCursor(list, cursorText)
  const isBadCursor = cursorText !== undefined && cursor === undefined
  if (typeof limit !== 'number' || isBadCursor)
    return E.left(invalid(...(typeof limit === 'number' ? [] : [limit]), ...(isBadCursor ? [badCursor] : [])))
  const letters = await deliveries.deadLetters(id, cursor?.key ?? '', limit + 1)
  if (E.isLeft(letters)) return letters
  const page = letters.right.slice(0, limit)
  const last = page.at(-1)
  const link =
    letters.right.length > limit && last !== undefined
      ? {
          Link: linkTo(
            `/subscriptions/${id}/dead-letters`,
            parameters.right,
            cursorOf(list, { value: null, key: last.key }),
          ),
        }
      : {}
  return E.right(jsonAnswer(200, `[${page.map(({ text }) => text).join(',')}]`, link))
}
