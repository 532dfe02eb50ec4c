import * as E from '#fp/Either'
import type { ItemState } from '../../domain/item.ts'
import { isObject, type Json } from '../../domain/json.ts'
import { type Identity, keyOf, type Resource } from '../../domain/resource.ts'
import { subjectIn, subjectOf } from '../../domain/subject.ts'
import { modelOf } from '../../projections/items.ts'
import type { ApiDependencies } from '../dependencies.ts'
import type { Call } from '../http/call.ts'
import { itemParametersOf } from '../http/parameters.ts'
import type { Failure } from '../http/problem.ts'
import { goneItem, personIsThere, readable } from '../http/reading.ts'
import { confinedBy } from '../http/rights.ts'
import { identityIn, noSuch } from './item-identity.ts'

/** An item as the read side has it. */
export interface PresentItem {
  readonly identity: Identity
  readonly revision: number
  readonly text: string
}

/** Reads the item that the path names, as far as the caller may see it. */
export const itemReader = (
  resource: Resource,
  dependencies: ApiDependencies,
): ((call: Call) => Promise<E.Either<Failure, PresentItem>>) => {
  const { readModels, policy, readItem } = dependencies
  const model = modelOf(resource)
  const confinedTo = confinedBy(resource, policy)

  /** Whom an item is about; of a removed one its stream tells. */
  const subjectNow = async (
    identity: Identity,
    text: string | null,
  ): Promise<E.Either<Failure, string | undefined>> => {
    if (text === null)
      return E.map((state: ItemState) => subjectIn(resource, state))(await readItem(resource, identity))
    const item: Json = JSON.parse(text)
    return E.right(isObject(item) ? subjectOf(resource, item) : undefined)
  }

  return async call => {
    const parameters = itemParametersOf(call.request.url, [])
    if (E.isLeft(parameters)) return parameters
    const isReadable = await readable(dependencies, call, model)
    if (E.isLeft(isReadable)) return isReadable
    const identity = identityIn(resource, call)
    if (identity === undefined) return E.left(noSuch(resource))
    if (identity.owner !== undefined) {
      const owner = await personIsThere(dependencies, identity.owner)
      if (E.isLeft(owner)) return owner
    }
    const held = await readModels.get(model, keyOf(identity))
    if (E.isLeft(held)) return held
    if (held.right === undefined) return E.left(noSuch(resource))
    const { text, revision } = held.right
    const person = confinedTo(call, 'GET')
    if (person !== undefined) {
      const subject = await subjectNow(identity, text)
      if (E.isLeft(subject)) return subject
      if (subject.right !== person) return E.left(noSuch(resource))
    }
    return text === null ? goneItem(dependencies, resource, identity) : E.right({ identity, revision, text })
  }
}
