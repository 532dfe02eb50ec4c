import { z } from 'zod'
import * as E from '#fp/Either'
import { boundedList } from '../../domain/fields.ts'
import { people } from '../../domain/people.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { changes, json } from '../description/operation.ts'
import { itemShapes, shapeOf } from '../description/shapes.ts'
import { parametersOf } from '../http/parameters.ts'
import type { Route } from '../http/route.ts'
import { erasureRoutes } from './erasure.ts'
import { passwordRoute } from './password.ts'
import { personChange } from './person-change.ts'

const rolesShape = z.strictObject({
  roles: boundedList(z.string().max(200), 1_000, 'must be a list of names of roles'),
})
const activeShape = z.strictObject({ active: z.boolean({ error: 'must be true or false' }) })

/** `/login`, and the routes that change a person's password, roles or `active`. */
export const peopleRoutes = (dependencies: ApiDependencies): readonly Route[] => {
  const { people: useCases, policy } = dependencies
  const change = personChange(dependencies)

  const { shown } = itemShapes(people)
  const parameters = { id: { rule: people.idRule, example: people.examples.item.id } }

  return [
    {
      path: '/login',
      operations: {
        GET: {
          handle: async call =>
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
          handle: change({
            route: '/people/:id/roles',
            shape: rolesShape,
            perform: ({ preconditions, ...write }, { roles }) =>
              useCases.changeAccess(write, {
                _tag: 'AssignRoles',
                roles,
                knownRoles: policy.roleNames,
                preconditions,
              }),
          }),
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
          handle: change({
            route: '/people/:id/active',
            shape: activeShape,
            perform: ({ preconditions, ...write }, { active }) =>
              useCases.changeAccess(write, { _tag: 'SetActive', active, preconditions }),
          }),
          summary: 'Deactivate or reactivate a person',
          body: json(shapeOf('Active', activeShape, { active: false })),
          ...changes(shown),
          refuses: [404, 409, 410],
        },
      },
    },
    passwordRoute(dependencies),
    ...erasureRoutes(dependencies),
  ]
}
