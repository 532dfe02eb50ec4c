import type { z } from 'zod'
import * as E from '#fp/Either'
import type { PeopleUseCases } from '../../auth/people.ts'
import type { Outcome } from '../../commands/handle.ts'
import { parseAccount } from '../../domain/identifiers.ts'
import type { ItemState } from '../../domain/item.ts'
import type { JsonObject } from '../../domain/json.ts'
import { people } from '../../domain/people.ts'
import { invalid } from '../../domain/rejection.ts'
import { invalidPartsOf } from '../../domain/resource.ts'
import type { ApiDependencies } from '../dependencies.ts'
import type { Answer } from '../http/answer.ts'
import { type Call, type Handle, pathParameter } from '../http/call.ts'
import type { Failure } from '../http/problem.ts'
import { mayRead } from '../http/rights.ts'
import { itemAnswer, withoutState } from '../http/write-answers.ts'
import { type WriteRequest, type WriteSteps, writes } from '../http/write-request.ts'

type Parts = Parameters<PeopleUseCases['setPassword']>[0] & Pick<WriteRequest, 'preconditions'>

/** A change of a person by a request of its own. */
export interface PersonChange<Sent, Done extends Outcome<ItemState> = Outcome<ItemState>> {
  readonly route: string
  readonly shape: z.ZodType<Sent>
  readonly body?: WriteSteps['body']
  /** What refuses the request before its fields are looked at. */
  readonly refusal?: (call: Call, id: string, sent: JsonObject) => Failure | undefined
  readonly perform: (parts: Parts, sent: Sent) => Promise<E.Either<Failure, Done>>
  /** The person as it is now, where nothing else is given. */
  readonly answer?: (call: Call, id: string, outcome: Done) => Promise<Answer>
}

/** Handles requests that change what only a request of its own changes: roles, `active`, a password. */
export const personChange =
  (dependencies: ApiDependencies) =>
  <Sent, Done extends Outcome<ItemState>>({
    route,
    shape,
    body = 'json',
    refusal,
    perform,
    answer,
  }: PersonChange<Sent, Done>): Handle =>
    writes(dependencies, {
      body,
      keyPath: call => route.replace(':id', parseAccount(pathParameter(call, 'id')) ?? ''),
      run: async ({ call, sent, context, preconditions, conditional }) => {
        const id = parseAccount(pathParameter(call, 'id'))
        const refused = id === undefined ? undefined : refusal?.(call, id, sent.json)
        if (refused !== undefined) return E.left(refused)
        const badIds = id === undefined ? [{ pointer: '/id', detail: `must be ${people.idRule}` }] : []
        const parsed = shape.safeParse(sent.json)
        if (id === undefined || !parsed.success)
          return E.left(invalid(...badIds, ...invalidPartsOf(shape, sent.json)))
        const identity = { id }
        const outcome = await perform({ identity, conditional, context, preconditions }, parsed.data)
        if (E.isLeft(outcome))
          return mayRead(people, dependencies.policy, call, id)
            ? outcome
            : E.left(withoutState(outcome.left, sent.json))
        return E.right(
          await (answer === undefined
            ? itemAnswer(dependencies, call, people, identity, outcome.right)
            : answer(call, id, outcome.right)),
        )
      },
    })
