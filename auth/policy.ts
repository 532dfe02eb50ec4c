import type { Grant } from './access-table.ts'
import type { Roles } from './roles.ts'

/** Who asks, as the credentials say: a person with roles, or a node with the scopes of its token that it still holds. */
export type Principal =
  | { readonly kind: 'person'; readonly id: string; readonly roles: readonly string[] }
  | { readonly kind: 'node'; readonly id: string; readonly scopes: readonly string[] }

export interface Policy {
  readonly roleNames: readonly string[]
  /** Deny by default: true only if the grant opens it to this principal. `subject` is whom the request is about. */
  readonly permits: (principal: Principal, grant: Grant, subject: string | undefined) => boolean
}

export const makePolicy = (roles: Roles): Policy => {
  const permitsPerson = (
    id: string,
    names: readonly string[],
    { people }: Grant,
    subject?: string,
  ): boolean => {
    if (people === 'nobody') return false
    if (people === 'everybody') return true
    const isOwn = subject === id
    if (people.ownIsEverybodys && isOwn) return true
    return names.some(name => {
      const role = roles.get(name)
      return (
        role !== undefined &&
        people.methods.some(method => role.endpoints[method].includes(people.endpoint)) &&
        (role.global || people.reach === 'anybody' || (people.reach === 'own' && isOwn))
      )
    })
  }
  return {
    roleNames: [...roles.keys()],
    permits: (principal, grant, subject) =>
      principal.kind === 'person'
        ? permitsPerson(principal.id, principal.roles, grant, subject)
        : grant.scope !== undefined && principal.scopes.includes(grant.scope),
  }
}
