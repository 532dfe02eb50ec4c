import { accessTable, type Grant, itemPath, type Method, type PathAccess } from '../../auth/access-table.ts'
import type { Policy } from '../../auth/policy.ts'
import { parseAccount } from '../../domain/identifiers.ts'
import type { Resource } from '../../domain/resource.ts'
import { type Call, pathParameter } from './call.ts'
import { queryIn } from './parameters.ts'

/** What opens a path to a request; a read of the past needs another right than one of the present. */
export const grantOf = (
  access: PathAccess | undefined,
  { request }: Pick<Call, 'request'>,
  method: Method,
): Grant | undefined =>
  method === 'GET' &&
  access?.asOf !== undefined &&
  queryIn(request.url).some(({ name, hasEqualsSign }) => name === 'asOf' && hasEqualsSign)
    ? access.asOf
    : access?.grants[method]

/**
 * Whether the caller may do this at a path, as far as the path says whom it is about. Where only the items say it, the
 * caller must reach some of them: which, `confinedBy` tells.
 */
export const isPermitted = (
  policy: Policy,
  access: PathAccess | undefined,
  call: Pick<Call, 'request' | 'principal'>,
  method: Method,
): boolean => {
  const grant = grantOf(access, call, method)
  const subject = access?.subject
  return subject === 'item'
    ? policy.reach(call.principal, grant) !== 'nothing'
    : policy.permits(call.principal, grant, subject && parseAccount(pathParameter(call, subject)))
}

/**
 * The person whose items are all that the caller reaches with a method; undefined where it reaches everybody's, or
 * where the path has already told whose they are.
 */
export const confinedBy = (
  resource: Resource,
  policy: Policy,
): ((call: Call, method: Method) => string | undefined) => {
  const access = accessTable.get(itemPath(resource))
  return access?.subject === 'item'
    ? (call, method) =>
        policy.reach(call.principal, grantOf(access, call, method)) === 'own' ? call.principal.id : undefined
    : () => undefined
}

/** The same for the history of a resource's items, which a right of its own opens. */
export const confinedInHistory = (
  resource: Resource,
  policy: Policy,
): ((call: Pick<Call, 'principal'>) => string | undefined) => {
  const access = accessTable.get(itemPath(resource))
  return ({ principal }) =>
    access?.subject === 'item' && policy.reach(principal, access.asOf) === 'own' ? principal.id : undefined
}

/** Whether the caller may read what is about this person: only then an answer to a write shows it. */
export const mayRead = (
  resource: Resource,
  policy: Policy,
  { principal }: Call,
  subject: string | undefined,
): boolean => policy.permits(principal, accessTable.get(itemPath(resource))?.grants.GET, subject)
