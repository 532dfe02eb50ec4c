import * as E from '#fp/Either'
import { type Decision, reject } from './decider.ts'
import type { CreateItem, ItemCommand, ItemRules, PresentItem, PutItem } from './item.ts'
import { membersOf } from './item-rules.ts'
import { equalJson, type JsonObject, member, withMembers, withoutMembers } from './json.ts'
import { invalid, type Rejection } from './rejection.ts'
import type { Resource } from './resource.ts'

/** What a body says about a password: nothing, one that is checked against the person's, or one that is new. */
export type BodyPassword =
  | { readonly is: 'none' }
  | { readonly is: 'present' }
  | { readonly is: 'other' }
  | { readonly is: 'new'; readonly credential: string }

/** Who registers people, as far as it counts for what a body may say. */
export interface Registrar {
  /** What else than the fields of everybody the registrar may set. */
  readonly rights: { readonly roles: boolean; readonly password: boolean }
  readonly knownRoles: readonly string[]
}

/** What a creation of a person has beside its body; without it there is no password, and nothing else may be set. */
export type Registration = Registrar & { readonly password: BodyPassword }

export type Registering<Command extends ItemCommand> = Command & Partial<Registration>

/** Fields that change by their own commands only: in PATCH and PUT equal values are ignored. */
const held = ['active', 'roles']

const fieldNotAllowed = (field: string, detail: string): Rejection => ({
  _tag: 'FieldNotAllowed',
  field,
  detail,
})

const passwordElsewhere = fieldNotAllowed('password', 'A password is set by POST /password/{id} only.')

/** A role that nobody defined, by its place in the list. */
export const unknownRole = (
  roles: readonly unknown[],
  roleNames: readonly string[],
): Rejection | undefined => {
  const unknown = roles.findIndex(role => typeof role !== 'string' || !roleNames.includes(role))
  return unknown < 0
    ? undefined
    : invalid({
        pointer: `/roles/${unknown}`,
        detail: `must be a role of this hub: ${roleNames.join(', ')}`,
      })
}

/** The body with each of its roles once. */
const distinct = (body: JsonObject): JsonObject => {
  const roles = member(body, 'roles')
  if (!Array.isArray(roles)) return body
  const each = [...new Set(roles)]
  return each.length === roles.length ? body : withMembers(body, { roles: each })
}

/** What a creating body says that its sender may not say. */
const refusedToRegistrar = (
  { defaults }: Resource,
  body: JsonObject,
  { rights, knownRoles, password }: Registration,
): Rejection | undefined => {
  const roles = member(body, 'roles')
  if (Array.isArray(roles)) {
    if (!rights.roles && !equalJson(roles, defaults.roles ?? null))
      return fieldNotAllowed('roles', 'You may not assign roles. Leave roles out.')
    const unknown = unknownRole(roles, knownRoles)
    if (unknown !== undefined) return unknown
  }
  return password.is !== 'none' && !rights.password
    ? fieldNotAllowed('password', 'You may not set passwords. Leave password out.')
    : undefined
}

/** A field that changes by its own request only, and that a body would change. */
const heldFieldThatDiffers = (
  body: JsonObject,
  item: JsonObject,
  isPatch: boolean,
): Rejection | undefined => {
  const field = held.find(name => {
    const value = member(body, name)
    if (value === undefined || (value === null && !isPatch)) return false
    const present = member(item, name)
    return present === undefined || !equalJson(value, present)
  })
  return field === undefined
    ? undefined
    : fieldNotAllowed(field, `${field} changes by its own request only: PUT …/${field}.`)
}

/** The rules of people: roles, `active` and a password are not for every body to set. */
export const personRules = (resource: Resource, usual: ItemRules): ItemRules => {
  const replace = (command: Registering<PutItem>, state: PresentItem): Decision => {
    const { password = { is: 'none' } } = command
    if (password.is !== 'none' && password.is !== 'present') return reject(passwordElsewhere)
    const body = distinct(command.body)
    const refused = heldFieldThatDiffers(body, state.item, false)
    if (refused !== undefined) return reject(refused)
    const kept = withMembers(body, membersOf(state.item, held))
    const decision = usual.change({ ...command, body: kept }, state)
    const isChanged = E.isRight(decision) && decision.right.length > 0
    return password.is === 'present' && isChanged ? reject(passwordElsewhere) : decision
  }

  const patch = (command: Extract<ItemCommand, { readonly _tag: 'Patch' }>, state: PresentItem): Decision => {
    if (resource.secretField !== undefined && Object.hasOwn(command.patch, resource.secretField))
      return reject(passwordElsewhere)
    const refused = heldFieldThatDiffers(distinct(command.patch), state.item, true)
    return refused === undefined
      ? usual.change({ ...command, patch: withoutMembers(command.patch, held) }, state)
      : reject(refused)
  }

  return {
    create: (command: Registering<CreateItem | PutItem>) => {
      const {
        password = { is: 'none' },
        rights = { roles: false, password: false },
        knownRoles = [],
      } = command
      const body = distinct(command.body)
      const refused = refusedToRegistrar(resource, body, { password, rights, knownRoles })
      if (refused !== undefined) return reject(refused)
      const decision = usual.create({ ...command, body })
      return E.isRight(decision) && password.is === 'new'
        ? E.right(decision.right.map(event => ({ ...event, credential: password.credential })))
        : decision
    },

    change: (command: Registering<ItemCommand>, state) => {
      switch (command._tag) {
        case 'Create': {
          const isAnother = command.password?.is === 'other' || command.password?.is === 'new'
          return isAnother
            ? reject({ _tag: 'ExistsWithOtherContent', what: resource.noun })
            : usual.change({ ...command, body: distinct(command.body) }, state)
        }
        case 'Put':
          return replace(command, state)
        case 'Patch':
          return patch(command, state)
        case 'Remove':
          return usual.change(command, state)
      }
    },
  }
}
