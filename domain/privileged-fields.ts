import type { Creation } from './item.ts'
import { equalJson, type JsonObject, member, withMembers } from './json.ts'
import { invalid, type Rejection } from './rejection.ts'
import type { Resource } from './resource.ts'

const fieldNotAllowed = (field: string, detail: string): Rejection => ({
  _tag: 'FieldNotAllowed',
  field,
  detail,
})

/** A role that nobody defined, by its place in the list. */
export const unknownRole = (roles: readonly unknown[], known: readonly string[]): Rejection | undefined => {
  const unknown = roles.findIndex(role => typeof role !== 'string' || !known.includes(role))
  return unknown < 0
    ? undefined
    : invalid({
        pointer: `/roles/${unknown}`,
        detail: `must be a role of this hub: ${known.join(', ')}`,
      })
}

/** The item with each of its roles once; elsewhere `roles` is a field like any other. */
export const distinct = ({ held }: Resource, item: JsonObject): JsonObject => {
  const roles = held.includes('roles') ? member(item, 'roles') : undefined
  return Array.isArray(roles) ? withMembers(item, { roles: [...new Set(roles)] }) : item
}

/** What a creating body says that its sender may not say. */
export const refusedToCreator = (
  resource: Resource,
  { body, password, rights, knownRoles }: Creation,
  item: JsonObject,
): Rejection | undefined => {
  const roles = member(item, 'roles')
  const usual = resource.defaults.roles
  if (Array.isArray(roles) && usual !== undefined && Array.isArray(member(body, 'roles'))) {
    if (!rights.roles && !equalJson(roles, usual))
      return fieldNotAllowed('roles', 'You may not assign roles. Leave roles out.')
    const unknown = unknownRole(roles, knownRoles)
    if (unknown !== undefined) return unknown
  }
  return password.is !== 'none' && !rights.password
    ? fieldNotAllowed('password', 'You may not set passwords. Leave password out.')
    : undefined
}

/** A field that changes by its own request only, and that a body would change. */
export const heldFieldThatDiffers = (
  resource: Resource,
  body: JsonObject,
  item: JsonObject,
  isPatch: boolean,
): Rejection | undefined => {
  const held = resource.held.find(field => {
    const said = member(body, field)
    if (said === undefined || (said === null && !isPatch)) return false
    const known = member(item, field)
    return known === undefined || !equalJson(said, known)
  })
  return held === undefined
    ? undefined
    : fieldNotAllowed(held, `${held} changes by its own request only: PUT …/${held}.`)
}

export const passwordElsewhere = fieldNotAllowed('password', 'A password is set by POST /password/{id} only.')
