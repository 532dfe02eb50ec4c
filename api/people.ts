import { z } from 'zod'
import * as E from '#fp/Either'
import type { TaskEither } from '#fp/TaskEither'
import { passwordProblem } from '../auth/password-hash.ts'
import type { Outcome } from '../commands/handle.ts'
import { boundedList } from '../domain/fields.ts'
import { parseAccount } from '../domain/identifiers.ts'
import type { ItemState } from '../domain/item.ts'
import { type JsonObject, member } from '../domain/json.ts'
import { people } from '../domain/people.ts'
import { type InvalidPart, invalid } from '../domain/rejection.ts'
import { pointerOf } from '../domain/resource.ts'
import type { Answer } from './answer.ts'
import { type Body, readBody } from './body.ts'
import { type Call, type Handle, pathParameter, type Route } from './call.ts'
import { preconditionsOf } from './conditional.ts'
import type { ApiDependencies } from './dependencies.ts'
import { parametersOf } from './parameters.ts'
import type { Failure } from './problem.ts'
import { contextOf, itemAnswer } from './writing.ts'

const rolesShape = boundedList(z.string().max(200), 1_000, 'must be a list of texts')

/** The members of a body that this request does not take: a misspelt one must not pass unnoticed. */
const strangers = (body: JsonObject, known: string): readonly InvalidPart[] =>
  Object.keys(body)
    .filter(key => key !== known)
    .slice(0, 100)
    .map(key => ({ pointer: pointerOf([key]), detail: `is unknown: send {"${known}": …}` }))

/** `/login`, and the routes that change a person's password, roles or `active`. */
export const peopleRoutes = (dependencies: ApiDependencies): readonly Route[] => {
  const { people: useCases, policy } = dependencies

  type Parts = Parameters<typeof useCases.setPassword>[0] & {
    readonly body: JsonObject
    readonly preconditions: ReturnType<typeof preconditionsOf>
  }

  const change = (
    route: string,
    shows: 'item' | 'nothing',
    problems: (body: JsonObject) => readonly InvalidPart[],
    run: (parts: Parts) => TaskEither<Failure, Outcome<ItemState>>,
  ): Handle => {
    const work = async (call: Call, { bytes, json }: Body): Promise<E.Either<Failure, Answer>> => {
      const id = parseAccount(pathParameter(call, 'id'))
      const badIds = id === undefined ? [{ pointer: '/id', detail: `must be ${people.idRule}` }] : []
      const errors = [...badIds, ...problems(json)]
      if (id === undefined || errors.length > 0) return E.left(invalid(...errors))
      const context = contextOf(dependencies, call, route.replace(':id', id), { bytes, json })
      if (E.isLeft(context)) return context
      const preconditions = preconditionsOf(call.request.headers)
      const identity = { id }
      const conditional = Object.keys(preconditions).length > 0
      const outcome = await run({
        identity,
        conditional,
        context: context.right,
        body: json,
        preconditions,
      })()
      return E.isLeft(outcome)
        ? outcome
        : E.right(await itemAnswer(dependencies, call, people, identity, outcome.right, shows))
    }
    return call => async () => {
      const body = await readBody(call.request, call.response)
      return E.isLeft(body) ? body : work(call, body.right)
    }
  }

  const rolesOf = (body: JsonObject) => rolesShape.safeParse(member(body, 'roles'))

  return [
    {
      path: '/login',
      operations: {
        GET: call => async () =>
          E.map(() => ({ status: 200, body: 'true' }))(parametersOf(call.request.url, [])),
      },
    },
    {
      path: '/people/:id/roles',
      operations: {
        PUT: change(
          '/people/:id/roles',
          'item',
          body => [
            ...strangers(body, 'roles'),
            ...(rolesOf(body).success
              ? []
              : [{ pointer: '/roles', detail: 'must be a list of names of roles' }]),
          ],
          ({ body, preconditions, ...write }) =>
            useCases.changeAccess(write, {
              _tag: 'AssignRoles',
              roles: rolesOf(body).data ?? [],
              knownRoles: policy.roleNames,
              preconditions,
            }),
        ),
      },
    },
    {
      path: '/people/:id/active',
      operations: {
        PUT: change(
          '/people/:id/active',
          'item',
          body => [
            ...strangers(body, 'active'),
            ...(typeof member(body, 'active') === 'boolean'
              ? []
              : [{ pointer: '/active', detail: 'must be true or false' }]),
          ],
          ({ body, preconditions, ...write }) =>
            useCases.changeAccess(write, {
              _tag: 'SetActive',
              active: member(body, 'active') === true,
              preconditions,
            }),
        ),
      },
    },
    {
      path: '/password/:id',
      operations: {
        POST: change(
          '/password/:id',
          'nothing',
          body => {
            const problem = passwordProblem(member(body, 'password'))
            return [...strangers(body, 'password'), ...(problem === undefined ? [] : [problem])]
          },
          ({ body, preconditions, ...write }) =>
            useCases.setPassword(write, String(member(body, 'password')), preconditions),
        ),
      },
    },
  ]
}
