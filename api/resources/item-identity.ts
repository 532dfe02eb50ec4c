import { parseAccount } from '../../domain/identifiers.ts'
import { invalid, type Rejection } from '../../domain/rejection.ts'
import type { Identity, Resource } from '../../domain/resource.ts'
import { type Call, pathParameter } from '../http/call.ts'
import type { Failure } from '../http/problem.ts'

/** Whose book the path names: undefined where the resource has none, null where no account can be called so. */
export const ownerIn = (resource: Resource, call: Call): string | undefined | null =>
  resource.ownerField === undefined ? undefined : (parseAccount(pathParameter(call, 'person')) ?? null)

export const identityIn = (resource: Resource, call: Call): Identity | undefined => {
  const owner = ownerIn(resource, call)
  const id = resource.parseId(pathParameter(call, 'id'))
  if (id === undefined || owner === null) return undefined
  return owner === undefined ? { id } : { owner, id }
}

export const noSuch = (resource: Resource): Failure => ({ _tag: 'NoSuchItem', what: resource.noun })

export const badId = (resource: Resource, pointer: string): Rejection =>
  invalid({ pointer, detail: `must be ${resource.idRule}` })
