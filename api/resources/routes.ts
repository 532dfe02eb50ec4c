import * as E from '#fp/Either'
import { accessTable, collectionPath, itemPath } from '../../auth/access-table.ts'
import { folded } from '../../domain/filter.ts'
import { parseAccount } from '../../domain/identifiers.ts'
import { people } from '../../domain/people.ts'
import type { Resource } from '../../domain/resource.ts'
import { modelOf, ownerField } from '../../projections/items.ts'
import type { ApiDependencies } from '../dependencies.ts'
import {
  changes,
  creates,
  json,
  lists,
  mergePatch,
  reads,
  settles,
  withPast,
} from '../description/operation.ts'
import { itemShapes } from '../description/shapes.ts'
import { asOfIn, pastItem } from '../history/past-item.ts'
import { type Answer, jsonAnswer } from '../http/answer.ts'
import type { Call } from '../http/call.ts'
import { etagOf, isCurrent } from '../http/conditional.ts'
import { queryIn } from '../http/parameters.ts'
import type { Failure } from '../http/problem.ts'
import { confinedBy } from '../http/rights.ts'
import type { Route } from '../http/route.ts'
import { ownerIn } from './item-identity.ts'
import { itemWrites } from './item-writes.ts'
import { asOfQuery, listedWithPast } from './listed.ts'
import { listItems } from './lists.ts'
import { itemReader } from './present-item.ts'

/** The routes of a resource: its collection and its items. */
export const itemRoutes = (resource: Resource, dependencies: ApiDependencies): readonly Route[] => {
  const { policy } = dependencies
  const model = modelOf(resource)
  const listed = listedWithPast(resource, dependencies)
  const confinedTo = confinedBy(resource, policy)
  const read = itemReader(resource, dependencies)
  const readPast = pastItem(resource, dependencies)
  const writes = itemWrites(resource, dependencies)

  const getOne = async (call: Call): Promise<E.Either<Failure, Answer>> => {
    const asOf = asOfIn(call)
    if (E.isLeft(asOf)) return asOf
    if (asOf.right !== undefined) return readPast(call, asOf.right)
    const item = await read(call)
    if (E.isLeft(item)) return item
    const { text, revision } = item.right
    const headers = { ETag: etagOf(revision) }
    return E.right(
      isCurrent(call.request.headers['if-none-match'], revision)
        ? { status: 304, headers }
        : jsonAnswer(200, text, headers),
    )
  }

  const list = async (call: Call): Promise<E.Either<Failure, Answer>> => {
    const owner = ownerIn(resource, call)
    if (owner !== undefined) {
      const path = `/${resource.name}/${owner ?? ''}`
      const equals = { [ownerField]: owner ?? '' }
      return listItems(dependencies, call, listed, model, { path, person: owner, equals })
    }
    const path = `/${resource.name}`
    const person = confinedTo(call, 'GET')
    if (person === undefined) return listItems(dependencies, call, listed, model, { path, equals: {} })
    const others = queryIn(call.request.url).filter(
      ({ name, value }) => name === 'person' && parseAccount(value ?? '') !== person,
    )
    if (others.length > 0) return E.left({ _tag: 'NotAllowed' })
    return listItems(dependencies, call, listed, model, { path, equals: { person: folded(person) } })
  }

  const { noun, makesIds, lifecycle, notRemovable } = resource
  const one = `${/^[aeio]/.test(noun) ? 'an' : 'a'} ${noun}`
  const { shown, made, patch } = itemShapes(resource)
  const isBook = resource.ownerField !== undefined
  // A book is its person's: there must be such a person.
  const inBook = isBook ? [404, 410] : []
  const takenByOthers = accessTable.get(itemPath(resource))?.subject === 'item'
  const person = { person: { rule: people.idRule, example: people.examples.item.id } }
  const ofOwner = isBook ? person : {}
  const id = { rule: resource.idRule, example: resource.examples.item.id }

  return [
    {
      path: collectionPath(resource),
      parameters: ofOwner,
      operations: {
        GET: {
          handle: list,
          summary: `List ${listed.name}`,
          query: listed.query,
          ...withPast(lists(shown, listed.many)),
          refuses: inBook,
        },
        POST: {
          handle: writes.createIn,
          summary: `Create ${one}`,
          description: makesIds ? 'The hub makes an id where the body brings none.' : 'The body says the id.',
          body: json(made, makesIds ? [] : ['id']),
          ...creates(shown),
          refuses: [...inBook, 409, 410],
        },
      },
    },
    {
      path: itemPath(resource),
      parameters: { ...ofOwner, id },
      operations: {
        GET: {
          handle: getOne,
          summary: `Read ${one}`,
          query: asOfQuery,
          ...withPast(reads(shown)),
          refuses: [404, 410],
        },
        POST: {
          handle: writes.create,
          summary: `Create ${one} under this id`,
          description: 'The same content again is answered 200, and adds nothing.',
          body: json(made),
          ...creates(shown),
          refuses: [...inBook, 409, 410],
        },
        PUT: {
          handle: writes.put,
          summary: `Make or replace ${one}`,
          body: json(made),
          ...creates(shown),
          refuses: [...inBook, ...(lifecycle !== undefined || takenByOthers ? [409] : []), 410],
        },
        PATCH: {
          handle: writes.patch,
          summary: `Change ${one}`,
          description: 'JSON Merge Patch (RFC 7396): null removes a member.',
          body: mergePatch(patch),
          ...changes(shown),
          refuses: [404, ...(lifecycle === undefined ? [] : [409]), 410],
        },
        DELETE: {
          handle: writes.remove,
          summary: `Remove ${one}`,
          description: 'Its history stays; its id is not used again.',
          ...settles,
          refuses: [404, ...(notRemovable === undefined ? [] : [409]), 410],
        },
      },
    },
  ]
}
