import * as E from '#fp/Either'
import { bcryptProblem, looksLikeBcrypt, passwordProblem } from '../../auth/password-hash.ts'
import type { CreationPassword } from '../../auth/people.ts'
import {
  type CreationRights,
  exceedsItemLimit,
  type ItemCommand,
  type Preconditions,
  type SaidPassword,
} from '../../domain/item.ts'
import { invalidParts, itemOf } from '../../domain/item-body.ts'
import { type Json, type JsonObject, member } from '../../domain/json.ts'
import { type InvalidPart, invalid } from '../../domain/rejection.ts'
import type { Identity, Resource } from '../../domain/resource.ts'
import type { Body } from '../http/body.ts'
import type { Failure } from '../http/problem.ts'

/** Bytes of a body that no spelling of numbers makes an item of more than 900 KiB from. */
const neverTooLarge = 100 * 1024

/** Who creates, as far as it counts for what a body may say. */
export interface Creator {
  readonly rights: CreationRights
  readonly knownRoles: readonly string[]
  /** A bcrypt hash is taken as a password. */
  readonly takesHashes: boolean
}

/** What a creating body asks for. */
export interface Creation {
  readonly command: (password: SaidPassword) => ItemCommand
  readonly password: CreationPassword | undefined
}

/** Whether only a new item will do, or one that is there may be replaced. */
export type Creating =
  | { readonly _tag: 'Create' }
  | { readonly _tag: 'Put'; readonly mayCreate: boolean; readonly mayReplace: boolean }

/** The secret is no part of the item: it goes its own way. */
const withoutSecret = ({ secretField }: Resource, body: JsonObject): JsonObject =>
  secretField === undefined
    ? body
    : Object.fromEntries(Object.entries(body).filter(([key]) => key !== secretField))

const passwordOf = (
  said: Json | undefined,
  takesHashes: boolean,
): E.Either<InvalidPart, CreationPassword | undefined> => {
  if (said === undefined || said === null) return E.right(undefined)
  const isHash = takesHashes && typeof said === 'string' && looksLikeBcrypt(said)
  const problem = isHash ? bcryptProblem(said) : passwordProblem(said)
  if (problem !== undefined) return E.left(problem)
  return E.right({ kind: isHash ? 'bcrypt' : 'clear', text: String(said) })
}

/** What a creating body asks for, unless something is wrong with the body by itself. */
export const creationOf = (
  resource: Resource,
  identity: Identity,
  { bytes, json }: Body,
  { rights, knownRoles, takesHashes }: Creator,
  creating: Creating,
  preconditions: Preconditions,
): E.Either<Failure, Creation> => {
  const errors = invalidParts(resource, identity, json, false)
  if (errors.length > 0) return E.left(invalid(...errors))
  const body = withoutSecret(resource, json)
  if (bytes.length > neverTooLarge && exceedsItemLimit(itemOf(resource, identity, body)))
    return E.left({ _tag: 'ItemTooLarge' })
  const { secretField } = resource
  const password = passwordOf(secretField === undefined ? undefined : member(json, secretField), takesHashes)
  if (E.isLeft(password)) return E.left(invalid(password.left))
  return E.right({
    command: said => ({ ...creating, body, password: said, rights, knownRoles, preconditions }),
    password: password.right,
  })
}
