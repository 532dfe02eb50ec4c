import * as E from '#fp/Either'
import { assignRoles, setPassword } from '../auth/access-table.ts'
import { bcryptProblem, looksLikeBcrypt, passwordProblem } from '../auth/password-hash.ts'
import type { CreationPassword } from '../auth/people.ts'
import type { ItemCommand, SaidPassword } from '../domain/item.ts'
import { type Json, type JsonObject, member } from '../domain/json.ts'
import { people } from '../domain/people.ts'
import { type InvalidPart, invalid } from '../domain/rejection.ts'
import type { Answer } from './answer.ts'
import type { ApiDependencies } from './dependencies.ts'
import type { Write } from './item-writes.ts'
import type { Failure } from './problem.ts'
import { itemAnswer } from './writing.ts'

/** A password as a creating body says it; only root may bring a bcrypt hash instead of clear text. */
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

/** Creates a person, or puts one: what the creator may set beside the usual fields depends on the creator's rights. */
export const createPerson = async (
  dependencies: Pick<ApiDependencies, 'people' | 'policy' | 'progress' | 'logIdentity'>,
  write: Write,
  sent: JsonObject,
  which:
    | { readonly _tag: 'Create' }
    | { readonly _tag: 'Put'; readonly mayCreate: boolean; readonly mayReplace: boolean },
): Promise<E.Either<Failure, Answer>> => {
  const { policy } = dependencies
  const { call, identity, body, preconditions } = write
  const { principal } = call
  const password = passwordOf(
    member(sent, people.secretField ?? ''),
    principal.kind === 'person' && principal.roles.includes('root'),
  )
  if (E.isLeft(password)) return E.left(invalid(password.left))
  const creatorMay = {
    roles: policy.permits(principal, assignRoles, undefined),
    password: policy.permits(principal, setPassword, undefined),
  }
  const command = (words: SaidPassword): ItemCommand => ({
    ...which,
    body,
    password: words,
    rights: creatorMay,
    knownRoles: policy.roleNames,
    preconditions,
  })
  const outcome = await dependencies.people.create(write, command, password.right, creatorMay.password)()
  return E.isLeft(outcome)
    ? outcome
    : E.right(await itemAnswer(dependencies, call, people, identity, outcome.right))
}
