import * as E from '#fp/Either'
import type { TaskEither } from '#fp/TaskEither'
import { collectionPath, itemPath } from '../auth/access-table.ts'
import { people } from '../domain/people.ts'
import { keyOf, type Resource } from '../domain/resource.ts'
import { modelOf } from '../projections/items.ts'
import { type Answer, jsonAnswer } from './answer.ts'
import type { Call, Route } from './call.ts'
import { etagOf, isCurrent } from './conditional.ts'
import type { ApiDependencies } from './dependencies.ts'
import { identityIn, noSuch, ownerIn } from './item-identity.ts'
import { itemWrites } from './item-writes.ts'
import { listItems } from './lists.ts'
import { parametersOf } from './parameters.ts'
import type { Failure } from './problem.ts'
import { readable } from './reading.ts'

/** The routes of a resource: its collection and its items. */
export const itemRoutes = (resource: Resource, dependencies: ApiDependencies): readonly Route[] => {
  const { readModels } = dependencies
  const model = modelOf(resource)
  const peopleModel = modelOf(people)
  const writes = itemWrites(resource, dependencies)

  const getOne =
    (call: Call): TaskEither<Failure, Answer> =>
    async () => {
      const parameters = parametersOf(call.request.url, [])
      if (E.isLeft(parameters)) return parameters
      const may = await readable(dependencies, call, model)
      if (E.isLeft(may)) return may
      const identity = identityIn(resource, call)
      if (identity === undefined) return E.left(noSuch(resource))
      const owner = await ownerIsThere(identity.owner)
      if (E.isLeft(owner)) return owner
      const found = await readModels.get(model, keyOf(identity))()
      if (E.isLeft(found)) return found
      if (found.right === undefined) return E.left(noSuch(resource))
      const { text, revision } = found.right
      if (text === null) return E.left({ _tag: 'Removed', what: resource.noun })
      const headers = { ETag: etagOf(revision) }
      return E.right(
        isCurrent(call.request.headers['if-none-match'], revision)
          ? { status: 304, headers }
          : jsonAnswer(200, text, headers),
      )
    }

  const ownerIsThere = async (owner: string | undefined): Promise<E.Either<Failure, void>> => {
    if (owner === undefined) return E.right(undefined)
    const person = await readModels.get(peopleModel, owner)()
    if (E.isLeft(person)) return person
    if (person.right === undefined) return E.left(noSuch(people))
    return person.right.text === null ? E.left({ _tag: 'Removed', what: people.noun }) : E.right(undefined)
  }

  const list =
    (call: Call): TaskEither<Failure, Answer> =>
    async () => {
      const owner = ownerIn(resource, call)
      if (owner === undefined) return listItems(dependencies, call, resource, model, undefined)()
      // The request's own mistakes come before what it asks for.
      const page = await listItems(dependencies, call, resource, model, owner ?? '')()
      if (E.isLeft(page)) return page
      if (owner === null) return E.left(noSuch(people))
      const there = await ownerIsThere(owner)
      return E.isLeft(there) ? there : page
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
