import { randomUUID } from 'node:crypto'
import * as E from '#fp/Either'
import type { Outcome } from '../../commands/handle.ts'
import type { MessageState } from '../../domain/messages.ts'
import { invalid } from '../../domain/rejection.ts'
import { invalidPartsOf } from '../../domain/resource.ts'
import { inbox } from '../../projections/inbox.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { jsonAnswer } from '../http/answer.ts'
import { type Handle, originOf, pathParameter } from '../http/call.ts'
import type { Failure } from '../http/problem.ts'
import { writeAnswer } from '../http/write-answers.ts'
import { writes } from '../http/write-request.ts'
import { acknowledgementsShape } from './shapes.ts'

/** Acknowledgements of one request that are recorded at the same time. */
const mostTogether = 32

/** POST of an acknowledgement: the message is given to this recipient no more. */
export const acknowledge = (dependencies: ApiDependencies): Handle =>
  writes(dependencies, {
    body: 'unread',
    keyPath: call => `/messages/${pathParameter(call, 'id')}/ack`,
    run: async ({ call, context }) => {
      const id = pathParameter(call, 'id')
      const outcome = await dependencies.messages.acknowledge(id, call.actor.id, context)
      if (E.isLeft(outcome)) return outcome
      return E.right(
        await writeAnswer(dependencies, call, outcome.right, {
          model: inbox.name,
          path: `/messages/${id}`,
          shows: 'nothing',
        }),
      )
    },
  })

/** The same of many at once: the answer says what became of each. */
export const acknowledgeMany = (dependencies: ApiDependencies): Handle =>
  writes(dependencies, {
    body: 'json',
    keyPath: () => '/messages/acks',
    run: async ({ call, sent }) => {
      const parsed = acknowledgementsShape.safeParse(sent.json)
      if (!parsed.success) return E.left(invalid(...invalidPartsOf(acknowledgementsShape, sent.json)))
      const { actor } = call
      const ids = [...new Set(parsed.data.ids)]
      const states: [string, string][] = []
      let last: Outcome<MessageState> | undefined

      const one = async (id: string): Promise<E.Either<Failure, Outcome<MessageState> | undefined>> => {
        const context = { ...originOf(call), commandId: randomUUID() }
        const outcome = await dependencies.messages.acknowledge(id, actor.id, context)
        // What is the caller's own to send is not the caller's to acknowledge.
        const isNoRecipient =
          E.isLeft(outcome) && (outcome.left._tag === 'NeverWas' || outcome.left._tag === 'FieldNotAllowed')
        return isNoRecipient ? E.right(undefined) : outcome
      }

      for (let at = 0; at < ids.length; at += mostTogether) {
        const some = ids.slice(at, at + mostTogether)
        const outcomes = await Promise.all(some.map(one))
        for (const [i, outcome] of outcomes.entries()) {
          // All of it may be sent again: what was acknowledged stays so.
          if (E.isLeft(outcome)) return outcome
          states.push([some[i] ?? '', outcome.right === undefined ? 'not found' : 'acknowledged'])
          if ((outcome.right?.position ?? 0n) > (last?.position ?? 0n)) last = outcome.right
        }
      }
      const body = JSON.stringify({ states: Object.fromEntries(states) })
      if (last === undefined) return E.right(jsonAnswer(200, body))
      const { headers } = await writeAnswer(dependencies, call, last, {
        model: inbox.name,
        path: '/messages',
        shows: 'nothing',
      })
      return E.right(jsonAnswer(200, body, headers))
    },
  })
