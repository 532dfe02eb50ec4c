import * as E from '#fp/Either'
import type { Decider } from './decider.ts'
import type { DomainEvent } from './event.ts'
import {
  type Creation,
  exceedsItemLimit,
  type ItemCommand,
  type ItemState,
  type Preconditions,
} from './item.ts'
import { effectivePatch, equalJson, type JsonObject, member, withMembers, withoutMembers } from './json.ts'
import { invalid, type Rejection } from './rejection.ts'
import { asSaid, evolveItem, type Identity, itemOf, patchOf, type Resource } from './resource.ts'

type Present = Extract<ItemState, { is: 'present' }>
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

  const create = (command: Creation): Decision => {
    const { body, password, rights, knownRoles } = command
    const item = distinct(itemOf(resource, identity, body))
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
    const kept = Object.fromEntries(
      resource.held.flatMap(field => {
        const value = member(state.item, field)
        return value === undefined ? [] : [[field, value] as const]
      }),
    )
    const item = withMembers(itemOf(resource, identity, body, kept), kept)
    if (equalJson(item, state.item)) return accept()
    return password.is === 'none'
      ? accept({ type: resource.events.replaced, data: item })
      : passwordRejection()
  }

  const patch = (body: JsonObject, state: Present): Decision => {
    if (resource.secretField !== undefined && Object.hasOwn(body, resource.secretField))
      return passwordRejection()
    const held = heldFieldThatDiffers(distinct(body), state.item, true)
    if (held !== undefined) return heldRejection(held)
    const effective = effectivePatch(
      state.item,
      withoutMembers(patchOf(resource, identity, body), resource.held),
    )
    if (Object.keys(effective).length === 0) return accept()
    return accept({ type: resource.events.changed, data: effective })
  }

  /** What a change would make of an item is bounded like the item of a request. */
  const withinLimit = (state: Present, decision: Decision): Decision => {
    if (E.isLeft(decision) || decision.right.length === 0) return decision
    const item = decision.right.reduce<JsonObject | undefined>(
      (before, event) => evolveItem(resource, before, event),
      state.item,
    )
    return item !== undefined && exceedsItemLimit(item) ? reject({ _tag: 'ItemTooLarge' }) : decision
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
        const why = resource.notRemovable(state.item)
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

  return {
    initial: { is: 'absent' },

    evolve: (state, event) => {
      const item = evolveItem(resource, state.is === 'present' ? state.item : undefined, event)
      const revision = state.is === 'absent' ? 0 : state.revision + 1
      if (item === undefined) return { is: 'removed', revision }
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
      switch (state.is) {
        case 'removed':
          return reject({ _tag: 'Removed', what })
        case 'absent':
          if (command._tag !== 'Create' && command._tag !== 'Put') return reject({ _tag: 'NeverWas', what })
          if (command._tag === 'Put' && !command.mayCreate) return reject({ _tag: 'NotAllowed' })
          return stale(preconditions) ? reject({ _tag: 'StaleRevision' }) : create(command)
        case 'present':
          if (command._tag === 'Put' && !command.mayReplace) return reject({ _tag: 'NotAllowed' })
          // A creation never says which revision it means: with any If-Match it is refused.
          return stale(preconditions, state.revision) ||
            (command._tag === 'Create' && preconditions.ifMatch !== undefined)
            ? reject({ _tag: 'StaleRevision', revision: state.revision })
            : withinLimit(state, decidePresent(command, state))
      }
    },

    subject: state => (state.is === 'present' ? resource.subject(state.item) : undefined),
  }
}
