import * as E from '#fp/Either'
import type { Decider } from './decider.ts'
import type { DomainEvent } from './event.ts'
import {
  type Confinement,
  type Creation,
  exceedsItemLimit,
  type ItemCommand,
  type ItemState,
  type Preconditions,
} from './item.ts'
import { asSaid, endsEarly, itemOf, patchOf } from './item-body.ts'
import { effectivePatch, equalJson, type JsonObject, member, withMembers, withoutMembers } from './json.ts'
import { moveOf, withoutRemoval } from './lifecycle.ts'
import { invalid, type Rejection } from './rejection.ts'
import { evolveItem, type Identity, type Resource, subjectOf } from './resource.ts'

type Present = Extract<ItemState, { is: 'present' }>
type Confined = { readonly confinement?: Confinement }
type Decision = E.Either<Rejection, readonly DomainEvent[]>

const matches = (tags: '*' | readonly number[], revision: number): boolean =>
  tags === '*' || tags.includes(revision)

/** Whether an item at this revision, or one that is not there, is not what the request asks for. */
export const stale = ({ ifMatch, ifNoneMatch }: Preconditions, revision?: number): boolean =>
  revision === undefined
    ? ifMatch !== undefined
    : (ifMatch !== undefined && !matches(ifMatch, revision)) ||
      (ifNoneMatch !== undefined && matches(ifNoneMatch, revision))

const reject = (rejection: Rejection): Decision => E.left(rejection)
const accept = (...events: readonly DomainEvent[]): Decision => E.right(events)

const unknownRoles = (
  pointer: string,
  roles: readonly unknown[],
  known: readonly string[],
): Decision | undefined => {
  const unknown = roles.findIndex(role => typeof role !== 'string' || !known.includes(role))
  return unknown < 0
    ? undefined
    : reject(
        invalid({
          pointer: `${pointer}/${unknown}`,
          detail: `must be a role of this hub: ${known.join(', ')}`,
        }),
      )
}

const subjectRejection = (field: string, confined: boolean): Rejection =>
  confined
    ? { _tag: 'FieldNotAllowed', field, detail: `${field} must be yourself: your roles reach no further.` }
    : invalid({ pointer: `/${field}`, detail: 'never changes: leave it out' })

/** The person that an item is about, or was. */
export const subjectIn = (resource: Resource, state: ItemState): string | undefined => {
  switch (state.is) {
    case 'absent':
      return undefined
    case 'present':
      return subjectOf(resource, state.item)
    case 'removed':
      return state.subject
  }
}

const membersOf = (item: JsonObject, fields: readonly string[]): JsonObject =>
  Object.fromEntries(
    fields.flatMap(field => {
      const value = member(item, field)
      return value === undefined ? [] : [[field, value] as const]
    }),
  )

const distinct = (item: JsonObject): JsonObject => {
  const roles = member(item, 'roles')
  return Array.isArray(roles) ? withMembers(item, { roles: [...new Set(roles)] }) : item
}

/** The rules of one item of a resource: they are the same for all, but for what the declaration says. */
export const itemDecider = (resource: Resource, identity: Identity): Decider<ItemCommand, ItemState> => {
  const what = resource.noun

  const isSame = (body: JsonObject, item: JsonObject): boolean =>
    equalJson(
      asSaid(resource, identity, body, distinct(itemOf(resource, identity, body))),
      asSaid(resource, identity, body, item),
    )

  const create = (command: Creation & Confined): Decision => {
    const { body, password, rights, knownRoles, confinement } = command
    const item = distinct(itemOf(resource, identity, body))
    if (confinement?.creating !== undefined && subjectOf(resource, item) !== confinement.creating)
      return reject(subjectRejection(resource.subjectField ?? '', true))
    const roles = member(item, 'roles')
    const usual = resource.defaults.roles
    if (Array.isArray(roles) && usual !== undefined && Array.isArray(member(body, 'roles'))) {
      if (!rights.roles && !equalJson(roles, usual))
        return reject({
          _tag: 'FieldNotAllowed',
          field: 'roles',
          detail: 'You may not assign roles. Leave roles out.',
        })
      const unknown = unknownRoles('/roles', roles, knownRoles)
      if (unknown !== undefined) return unknown
    }
    if (password.is !== 'none' && !rights.password)
      return reject({
        _tag: 'FieldNotAllowed',
        field: 'password',
        detail: 'You may not set passwords. Leave password out.',
      })
    const fact = { type: resource.events.created, data: item }
    return accept(password.is === 'new' ? { ...fact, credential: password.credential } : fact)
  }

  const heldFieldThatDiffers = (body: JsonObject, item: JsonObject, isPatch: boolean): string | undefined =>
    resource.held.find(field => {
      const said = member(body, field)
      if (said === undefined || (said === null && !isPatch)) return false
      const known = member(item, field)
      return known === undefined || !equalJson(said, known)
    })

  const heldRejection = (field: string): Decision =>
    reject({
      _tag: 'FieldNotAllowed',
      field,
      detail: `${field} changes by its own request only: PUT …/${field}.`,
    })

  const passwordRejection = (): Decision =>
    reject({
      _tag: 'FieldNotAllowed',
      field: 'password',
      detail: 'A password is set by POST /password/{id} only.',
    })

  const replace = (command: Creation, state: Present): Decision => {
    const { body, password } = command
    if (password.is !== 'none' && password.is !== 'present') return passwordRejection()
    const held = heldFieldThatDiffers(distinct(body), state.item, false)
    if (held !== undefined) return heldRejection(held)
    const kept = membersOf(state.item, resource.held)
    const lasting = membersOf(state.item, resource.lifecycle === undefined ? [] : [resource.lifecycle.field])
    const said = itemOf(resource, identity, body, { ...kept, ...lasting })
    const move = moveOf(resource, state.item, said)
    if (move.is === 'refused') return reject(move.rejection)
    const item = withMembers(said, { ...kept, ...lasting })
    const moved = move.is === 'made' ? [{ type: move.fact, data: membersOf(said, Object.keys(lasting)) }] : []
    if (equalJson(item, state.item)) return accept(...moved)
    return password.is === 'none'
      ? accept({ type: resource.events.replaced, data: item }, ...moved)
      : passwordRejection()
  }

  const patch = (body: JsonObject, state: Present): Decision => {
    if (resource.secretField !== undefined && Object.hasOwn(body, resource.secretField))
      return passwordRejection()
    const held = heldFieldThatDiffers(distinct(body), state.item, true)
    if (held !== undefined) return heldRejection(held)
    const effective = effectivePatch(
      state.item,
      withoutRemoval(resource, withoutMembers(patchOf(resource, identity, body), resource.held)),
    )
    if (Object.keys(effective).length === 0) return accept()
    const move = moveOf(resource, state.item, effective)
    if (move.is === 'refused') return reject(move.rejection)
    return accept({ type: move.is === 'made' ? move.fact : resource.events.changed, data: effective })
  }

  /** What a change would make of an item keeps the rules that an item keeps as a whole. */
  const keepingRules = (command: ItemCommand, state: Present, decision: Decision): Decision => {
    if (E.isLeft(decision) || decision.right.length === 0) return decision
    const item = decision.right.reduce<JsonObject | undefined>(
      (before, event) => evolveItem(resource, before, event),
      state.item,
    )
    if (item === undefined) return decision
    if (exceedsItemLimit(item)) return reject({ _tag: 'ItemTooLarge' })
    if (subjectOf(resource, item) !== subjectOf(resource, state.item))
      return reject(subjectRejection(resource.subjectField ?? '', command.confinement?.seeing !== undefined))
    const early = endsEarly(resource, item)
    return early.length > 0 ? reject(invalid(...early)) : decision
  }

  const decidePresent = (command: ItemCommand, state: Present): Decision => {
    switch (command._tag) {
      case 'Create':
        return command.password.is !== 'other' &&
          command.password.is !== 'new' &&
          (isSame(command.body, state.item) || isSame(command.body, state.created))
          ? accept()
          : reject({ _tag: 'ExistsWithOtherContent', what })
      case 'Put':
        return replace(command, state)
      case 'Patch':
        return patch(command.patch, state)
      case 'Remove': {
        const why = resource.notRemovable?.(state.item)
        return why === undefined
          ? accept({ type: resource.events.removed, data: {} })
          : reject({ _tag: 'WrongState', detail: why })
      }
      case 'AssignRoles': {
        const roles = [...new Set(command.roles)]
        return (
          unknownRoles('/roles', roles, command.knownRoles) ??
          (equalJson(roles, member(state.item, 'roles') ?? null)
            ? accept()
            : accept({ type: 'PersonRolesAssigned', data: { roles } }))
        )
      }
      case 'SetActive':
        if (member(state.item, 'active') === command.active) return accept()
        return accept({ type: command.active ? 'PersonReactivated' : 'PersonDeactivated', data: {} })
      case 'SetPassword':
        return accept({ type: 'PersonPasswordSet', data: {}, credential: command.credential })
    }
  }

  const decideAbsent = (command: ItemCommand, taken?: Rejection): Decision => {
    if (command._tag !== 'Create' && command._tag !== 'Put') return reject({ _tag: 'NeverWas', what })
    if (command._tag === 'Put' && !command.mayCreate) return reject({ _tag: 'NotAllowed' })
    if (stale(command.preconditions)) return reject({ _tag: 'StaleRevision' })
    return taken === undefined ? create(command) : reject(taken)
  }

  /** Whether the caller is confined to the things of somebody else: to it this one never was, though its id is taken. */
  const isHidden = ({ confinement }: Confined, state: ItemState): boolean =>
    confinement?.seeing !== undefined &&
    state.is !== 'absent' &&
    subjectIn(resource, state) !== confinement.seeing

  return {
    initial: { is: 'absent' },

    evolve: (state, event) => {
      const item = evolveItem(resource, state.is === 'present' ? state.item : undefined, event)
      const revision = state.is === 'absent' ? 0 : state.revision + 1
      if (item === undefined) {
        const subject = subjectIn(resource, state)
        return { is: 'removed', revision, ...(subject === undefined ? {} : { subject }) }
      }
      const credential = event.credential ?? (state.is === 'present' ? state.credential : undefined)
      return {
        is: 'present',
        item,
        created: state.is === 'present' ? state.created : item,
        revision,
        ...(credential === undefined ? {} : { credential }),
      }
    },

    decide: (command, state) => {
      const { preconditions } = command
      const hidden = isHidden(command, state)
      switch (state.is) {
        case 'removed':
          return hidden ? decideAbsent(command, { _tag: 'Removed', what }) : reject({ _tag: 'Removed', what })
        case 'absent':
          return decideAbsent(command)
        case 'present':
          if (hidden) return decideAbsent(command, { _tag: 'ExistsWithOtherContent', what })
          if (command._tag === 'Put' && !command.mayReplace) return reject({ _tag: 'NotAllowed' })
          // A creation never says which revision it means: with any If-Match it is refused.
          return stale(preconditions, state.revision) ||
            (command._tag === 'Create' && preconditions.ifMatch !== undefined)
            ? reject({ _tag: 'StaleRevision', revision: state.revision })
            : keepingRules(command, state, decidePresent(command, state))
      }
    },

    subject: state => subjectIn(resource, state),
  }
}
