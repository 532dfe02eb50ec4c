import type { Grant } from './access-table.ts'
import type { Roles } from './roles.ts'

/** Who asks, as the credentials say: a person with roles, or a node with the scopes of its token that it still holds. */
export type Principal =
  | { readonly kind: 'person'; readonly id: string; readonly roles: readonly string[] }
  | { readonly kind: 'node'; readonly id: string; readonly scopes: readonly string[] }

/** How far a grant reaches for somebody: to everything, only to what is about them, or nowhere. */
export type Reach = 'everything' | 'own' | 'nothing'

export interface Policy {
  readonly roleNames: readonly string[]
  /** Deny by default. A node that holds the scopes of a grant reaches everything. */
  readonly reach: (principal: Principal, grant: Grant | undefined) => Reach
  /** Whether the grant opens it to this principal. `subject` is whom the request is about. */
  readonly permits: (principal: Principal, grant: Grant | undefined, subject: string | undefined) => boolean
}

export const makePolicy = (roles: Roles): Policy => {
  /** Whether one of the roles lists the endpoint to read. */
  const readsToo = (names: readonly string[], endpoint: string | undefined): boolean =>
    endpoint === undefined || names.some(name => roles.get(name)?.endpoints.GET.includes(endpoint))

  const reachOfRoles = (names: readonly string[], { people }: Grant): Reach => {
    if (people === 'nobody') return 'nothing'
    if (people === 'everybody') return 'everything'
    let reach: Reach = people.ownIsEverybodys ? 'own' : 'nothing'
    for (const name of names) {
      const role = roles.get(name)
      if (!people.methods.some(method => role?.endpoints[method].includes(people.endpoint))) continue
      if (role?.global || (people.reach === 'anybody' && readsToo(names, people.reads))) return 'everything'
      if (people.reach === 'own') reach = 'own'
    }
    return reach
  }
  const reach: Policy['reach'] = (principal, grant) => {
    if (grant === undefined) return 'nothing'
    if (principal.kind === 'person') return reachOfRoles(principal.roles, grant)
    const holds = (scope: string) => principal.scopes.includes(scope)
    return grant.scopes?.every(holds) || grant.anyScope?.some(holds) ? 'everything' : 'nothing'
  }
  return {
    roleNames: [...roles.keys()],
    reach,
    permits: (principal, grant, subject) => {
      const reached = reach(principal, grant)
      return reached === 'everything' || (reached === 'own' && subject === principal.id)
    },
  }
}
