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
import { type Identity, invalidPartsOf } from '../domain/resource.ts'
import type { Answer } from './answer.ts'
import { type Handle, pathParameter, type Route } from './call.ts'
import type { ApiDependencies } from './dependencies.ts'
import { changes, json, settles } from './operation.ts'
import { parametersOf } from './parameters.ts'
import type { Failure } from './problem.ts'
import { mayRead } from './rights.ts'
import { itemShapes, shapeOf } from './shapes.ts'
import { itemAnswer, withoutState, writeAnswer } from './write-answers.ts'
import { type WriteRequest, writes } from './write-request.ts'

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

  type Parts = Parameters<typeof useCases.setPassword>[0] & Pick<WriteRequest, 'preconditions'>

  const change = <Said>(
    route: string,
    shape: z.ZodType<Said>,
    perform: (parts: Parts, said: Said) => TaskEither<Failure, Outcome<ItemState>>,
    answer: (request: WriteRequest, identity: Identity, outcome: Outcome<ItemState>) => Promise<Answer> = (
      { call },
      identity,
      outcome,
    ) => itemAnswer(dependencies, call, people, identity, outcome),
  ): Handle =>
    writes(dependencies, {
      body: 'json',
      keyPath: call => route.replace(':id', parseAccount(pathParameter(call, 'id')) ?? ''),
      run: async request => {
        const { call, sent, context, preconditions, conditional } = request
        const id = parseAccount(pathParameter(call, 'id'))
        const badIds = id === undefined ? [{ pointer: '/id', detail: `must be ${people.idRule}` }] : []
        const said = shape.safeParse(sent.json)
        if (id === undefined || !said.success)
          return E.left(invalid(...badIds, ...invalidPartsOf(shape, sent.json)))
        const identity = { id }
        const outcome = await perform({ identity, conditional, context, preconditions }, said.data)()
        if (E.isRight(outcome)) return E.right(await answer(request, identity, outcome.right))
        return E.left(
          mayRead(people, policy, call, id) ? outcome.left : withoutState(outcome.left, sent.json),
        )
      },
    })

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
          handle: change('/people/:id/roles', rolesShape, ({ preconditions, ...write }, { roles }) =>
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
          handle: change('/people/:id/active', activeShape, ({ preconditions, ...write }, { active }) =>
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
            passwordShape,
            ({ preconditions, ...write }, { password }) =>
              useCases.setPassword(write, password, preconditions),
            ({ call }, { id }, outcome) =>
              writeAnswer(dependencies, call, outcome, {
                model: people.name,
                path: `/people/${id}`,
                shows: 'nothing',
              }),
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
