import type { RoleMethod, Roles } from './roles.ts'

/** Who asks, as the credentials say. */
export interface Principal {
  readonly kind: 'person'
  readonly id: string
  readonly roles: readonly string[]
}

/**
 * What a request needs. `endpoint` is what role files call it; `subject` is the person it is about: a role that is
 * not global reaches only what is about its holder. Without an endpoint it is every active person's.
 */
export interface Access {
  readonly endpoint?: string
  readonly method: RoleMethod
  readonly subject?: string
}

/** The rights that are not a resource's read, write and delete: the endpoint and method a role file grants them by. */
export const rights = {
  assignRoles: { endpoint: 'roles', method: 'PATCH' },
  setActive: { endpoint: 'active', method: 'PATCH' },
  setPassword: { endpoint: 'password', method: 'POST' },
} as const satisfies Record<string, Access>

export interface Policy {
  readonly roleNames: readonly string[]
  /** Deny by default: true only if one of the caller's roles grants it. */
  readonly permits: (principal: Principal, access: Access) => boolean
  /** As `permits`, by a global role: for what one may not even do to oneself. */
  readonly permitsGlobally: (principal: Principal, access: Access) => boolean
}

export const makePolicy = (roles: Roles): Policy => {
  const granting = (principal: Principal, { endpoint, method }: Access) =>
    principal.roles.flatMap(name => {
      const role = roles.get(name)
      return endpoint !== undefined && role?.endpoints[method].includes(endpoint) ? [role] : []
    })
  return {
    roleNames: [...roles.keys()],
    permits: (principal, access) =>
      access.endpoint === undefined ||
      granting(principal, access).some(role => role.global || access.subject === principal.id),
    permitsGlobally: (principal, access) => granting(principal, access).some(role => role.global),
  }
}
