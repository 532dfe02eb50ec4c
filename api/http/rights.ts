import { accessTable, itemPath, type Method, type PathAccess } from '../../auth/access-table.ts'
import type { Policy } from '../../auth/policy.ts'
import { parseAccount } from '../../domain/identifiers.ts'
import type { Resource } from '../../domain/resource.ts'
import { type Call, pathParameter } from './call.ts'

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
  const grant = access?.grants[method]
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
    ? ({ principal }, method) =>
        policy.reach(principal, access.grants[method]) === 'own' ? principal.id : undefined
    : () => undefined
}

/** Whether the caller may read what is about this person: only then an answer to a write shows it. */
export const mayRead = (
  resource: Resource,
  policy: Policy,
  { principal }: Call,
  subject: string | undefined,
): boolean => policy.permits(principal, accessTable.get(itemPath(resource))?.grants.GET, subject)
