import { parseAccount } from '../domain/identifiers.ts'
import { invalid, type Rejection } from '../domain/rejection.ts'
import type { Identity, Resource } from '../domain/resource.ts'
import { type Call, pathParameter } from './call.ts'
import type { Failure } from './problem.ts'

/** Items of this resource live in people's books. */
export const isOwned = (resource: Resource): boolean => resource.ownerField !== undefined

/** Whose book the path names: undefined where the resource has none, null where no account can be called so. */
export const ownerIn = (resource: Resource, call: Call): string | undefined | null =>
  isOwned(resource) ? (parseAccount(pathParameter(call, 'person')) ?? null) : undefined

export const identityIn = (resource: Resource, call: Call): Identity | undefined => {
  const owner = ownerIn(resource, call)
  const id = resource.parseId(pathParameter(call, 'id'))
  if (id === undefined || owner === null) return undefined
  return owner === undefined ? { id } : { owner, id }
}

export const noSuch = (resource: Resource): Failure => ({ _tag: 'NoSuchItem', what: resource.noun })

export const badId = (resource: Resource, pointer: string): Rejection =>
  invalid({ pointer, detail: `must be ${resource.idRule}` })

export const subjectIn = (resource: Resource, call: Call): string | undefined =>
  parseAccount(pathParameter(call, isOwned(resource) ? 'person' : 'id'))
