import * as E from '#fp/Either'
import type { TaskEither } from '#fp/TaskEither'
import { collectionPath, itemPath } from '../auth/access-table.ts'
import { parseAccount } from '../domain/identifiers.ts'
import { folded, type Resource } from '../domain/resource.ts'
import { modelOf, ownerField } from '../projections/items.ts'
import { type Answer, jsonAnswer } from './answer.ts'
import type { Call, Route } from './call.ts'
import { etagOf, isCurrent } from './conditional.ts'
import type { ApiDependencies } from './dependencies.ts'
import { ownerIn } from './item-identity.ts'
import { itemWrites } from './item-writes.ts'
import { listItems, listOfPerson } from './lists.ts'
import { queryIn } from './parameters.ts'
import { itemReader } from './present-item.ts'
import type { Failure } from './problem.ts'
import { confinedBy } from './rights.ts'

/** The routes of a resource: its collection and its items. */
export const itemRoutes = (resource: Resource, dependencies: ApiDependencies): readonly Route[] => {
  const { policy } = dependencies
  const model = modelOf(resource)
  const confinedTo = confinedBy(resource, policy)
  const read = itemReader(resource, dependencies)
  const writes = itemWrites(resource, dependencies)

  const getOne =
    (call: Call): TaskEither<Failure, Answer> =>
    async () => {
      const found = await read(call)
      if (E.isLeft(found)) return found
      const { text, revision } = found.right
      const headers = { ETag: etagOf(revision) }
      return E.right(
        isCurrent(call.request.headers['if-none-match'], revision)
          ? { status: 304, headers }
          : jsonAnswer(200, text, headers),
      )
    }

  const list = (call: Call): TaskEither<Failure, Answer> => {
    const owner = ownerIn(resource, call)
    if (owner !== undefined) {
      const within = { path: `/${resource.name}/${owner ?? ''}`, equals: { [ownerField]: owner ?? '' } }
      return listOfPerson(dependencies, call, resource, model, within, owner ?? undefined)
    }
    const path = `/${resource.name}`
    const person = confinedTo(call, 'GET')
    if (person === undefined) return listItems(dependencies, call, resource, model, { path, equals: {} })
    const asked = queryIn(call.request.url).getAll('person')
    if (asked.some(text => parseAccount(text) !== person)) return async () => E.left({ _tag: 'NotAllowed' })
    return listItems(dependencies, call, resource, model, { path, equals: { person: folded(person) } })
  }

  return [
    { path: collectionPath(resource), operations: { GET: list, POST: writes.createIn } },
    {
      path: itemPath(resource),
      operations: {
        GET: getOne,
        POST: writes.create,
        PUT: writes.put,
        PATCH: writes.patch,
        DELETE: writes.remove,
      },
    },
  ]
}
