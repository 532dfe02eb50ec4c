import { z } from 'zod'
import * as E from '#fp/Either'
import type { TaskEither } from '#fp/TaskEither'
import { passwordProblem } from '../auth/password-hash.ts'
import type { Outcome } from '../commands/handle.ts'
import { boundedList } from '../domain/fields.ts'
import { parseAccount } from '../domain/identifiers.ts'
import type { ItemState } from '../domain/item.ts'
import { people } from '../domain/people.ts'
import { invalid } from '../domain/rejection.ts'
import { invalidPartsOf } from '../domain/resource.ts'
import type { Answer } from './answer.ts'
import { type Body, readBody } from './body.ts'
import { type Call, type Handle, pathParameter, type Route } from './call.ts'
import { preconditionsOf } from './conditional.ts'
import type { ApiDependencies } from './dependencies.ts'
import { changes, json, settles } from './operation.ts'
import { parametersOf } from './parameters.ts'
import type { Failure } from './problem.ts'
import { itemShapes, shapeOf } from './shapes.ts'
import { contextOf, itemAnswer } from './writing.ts'

const rolesShape = z.strictObject({
  roles: boundedList(z.string().max(200), 1_000, 'must be a list of names of roles'),
})
const activeShape = z.strictObject({ active: z.boolean({ error: 'must be true or false' }) })
const passwordShape = z.strictObject({
  password: z
    .string({ error: 'must be a text' })
    .superRefine((clear, { addIssue }) => {
      const problem = passwordProblem(clear)
      if (problem !== undefined) addIssue({ code: 'custom', message: problem.detail })
    })
    .meta({ minLength: 6, maxLength: 64, writeOnly: true }),
})

/** `/login`, and the routes that change a person's password, roles or `active`. */
export const peopleRoutes = (dependencies: ApiDependencies): readonly Route[] => {
  const { people: useCases, policy } = dependencies

  type Parts = Parameters<typeof useCases.setPassword>[0] & {
    readonly preconditions: ReturnType<typeof preconditionsOf>
  }

  const change = <Said>(
    route: string,
    shows: 'item' | 'nothing',
    shape: z.ZodType<Said>,
    run: (parts: Parts, said: Said) => TaskEither<Failure, Outcome<ItemState>>,
  ): Handle => {
    const work = async (call: Call, { bytes, json }: Body): Promise<E.Either<Failure, Answer>> => {
      const id = parseAccount(pathParameter(call, 'id'))
      const badIds = id === undefined ? [{ pointer: '/id', detail: `must be ${people.idRule}` }] : []
      const said = shape.safeParse(json)
      if (id === undefined || !said.success) return E.left(invalid(...badIds, ...invalidPartsOf(shape, json)))
      const context = contextOf(dependencies, call, route.replace(':id', id), { bytes, json })
      if (E.isLeft(context)) return context
      const preconditions = preconditionsOf(call.request.headers)
      const identity = { id }
      const conditional = Object.keys(preconditions).length > 0
      const parts = { identity, conditional, context: context.right, preconditions }
      const outcome = await run(parts, said.data)()
      return E.isLeft(outcome)
        ? outcome
        : E.right(await itemAnswer(dependencies, call, people, identity, outcome.right, shows))
    }
    return call => async () => {
      const body = await readBody(call)
      return E.isLeft(body) ? body : work(call, body.right)
    }
  }

  const { shown } = itemShapes(people)
  const parameters = { id: { rule: people.idRule, example: people.examples.item.id } }

  return [
    {
      path: '/login',
      operations: {
        GET: {
          handle: call => async () =>
            E.map(() => ({ status: 200, body: 'true' }))(parametersOf(call.request.url, [])),
          summary: 'Try credentials',
          query: {},
          answers: { 200: { shape: shapeOf('LoggedIn', z.literal(true), true) } },
        },
      },
    },
    {
      path: '/people/:id/roles',
      parameters,
      operations: {
        PUT: {
          handle: change('/people/:id/roles', 'item', rolesShape, ({ preconditions, ...write }, { roles }) =>
            useCases.changeAccess(write, {
              _tag: 'AssignRoles',
              roles,
              knownRoles: policy.roleNames,
              preconditions,
            }),
          ),
          summary: 'Assign roles to a person',
          body: json(shapeOf('Roles', rolesShape, { roles: ['end_user', 'health_professional'] })),
          ...changes(shown),
          refuses: [404, 409, 410],
        },
      },
    },
    {
      path: '/people/:id/active',
      parameters,
      operations: {
        PUT: {
          handle: change(
            '/people/:id/active',
            'item',
            activeShape,
            ({ preconditions, ...write }, { active }) =>
              useCases.changeAccess(write, { _tag: 'SetActive', active, preconditions }),
          ),
          summary: 'Deactivate or reactivate a person',
          body: json(shapeOf('Active', activeShape, { active: false })),
          ...changes(shown),
          refuses: [404, 409, 410],
        },
      },
    },
    {
      path: '/password/:id',
      parameters,
      operations: {
        POST: {
          handle: change(
            '/password/:id',
            'nothing',
            passwordShape,
            ({ preconditions, ...write }, { password }) =>
              useCases.setPassword(write, password, preconditions),
          ),
          summary: 'Set a password',
          description: 'Six characters to 64 bytes. The old one opens nothing from then on.',
          body: json(shapeOf('Password', passwordShape, { password: 'gnusolidario' })),
          ...settles,
          refuses: [404, 410],
        },
      },
    },
  ]
}
