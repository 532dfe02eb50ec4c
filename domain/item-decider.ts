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
import { contentFields, mayStore, storeContent, withoutContent } from './item-content.ts'
import {
  effectivePatch,
  equalJson,
  hasMembers,
  type JsonObject,
  member,
  withMembers,
  withoutMembers,
} from './json.ts'
import { moveOf, withoutRemoval } from './lifecycle.ts'
import {
  distinct,
  heldFieldThatDiffers,
  passwordElsewhere,
  refusedToCreator,
  unknownRole,
} from './privileged-fields.ts'
import { invalid, type Rejection } from './rejection.ts'
import { evolveItem, type Identity, type Resource } from './resource.ts'
import { isHidden, neverChanges, notYourself, subjectIn, subjectOf } from './subject.ts'

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

const membersOf = (item: JsonObject, fields: readonly string[]): JsonObject =>
  Object.fromEntries(
    fields.flatMap(field => {
      const value = member(item, field)
      return value === undefined ? [] : [[field, value] as const]
    }),
  )

/** The rules of one item of a resource: they are the same for all, but for what the declaration says. */
export const itemDecider = (resource: Resource, identity: Identity): Decider<ItemCommand, ItemState> => {
  const what = resource.noun

  const isSame = (body: JsonObject, item: JsonObject): boolean =>
    equalJson(
      asSaid(resource, identity, body, distinct(resource, itemOf(resource, identity, body))),
      asSaid(resource, identity, body, item),
    )

  const create = (command: Creation & Confined): Decision => {
    const { body, password, confinement } = command
    const item = distinct(resource, itemOf(resource, identity, body))
    if (confinement?.creating !== undefined && subjectOf(resource, item) !== confinement.creating)
      return reject(notYourself(resource))
    const refused = refusedToCreator(resource, command, item)
    if (refused !== undefined) return reject(refused)
    const fact = { type: resource.events.created, data: item }
    return accept(password.is === 'new' ? { ...fact, credential: password.credential } : fact)
  }

  const replace = (command: Creation, state: Present): Decision => {
    const { body, password } = command
    if (password.is !== 'none' && password.is !== 'present') return reject(passwordElsewhere)
    const held = heldFieldThatDiffers(resource, distinct(resource, body), state.item, false)
    if (held !== undefined) return reject(held)
    const kept = membersOf(state.item, [...resource.held, ...contentFields(resource)])
    const lasting = membersOf(state.item, resource.lifecycle === undefined ? [] : [resource.lifecycle.field])
    const said = itemOf(resource, identity, body, { ...kept, ...lasting })
    const move = moveOf(resource, state.item, said)
    if (move.is === 'refused') return reject(move.rejection)
    const item = withMembers(said, { ...kept, ...lasting })
    const moved = move.is === 'made' ? [{ type: move.fact, data: membersOf(said, Object.keys(lasting)) }] : []
    if (equalJson(item, state.item)) return accept(...moved)
    return password.is === 'none'
      ? accept({ type: resource.events.replaced, data: item }, ...moved)
      : reject(passwordElsewhere)
  }

  const patch = (body: JsonObject, state: Present): Decision => {
    if (resource.secretField !== undefined && Object.hasOwn(body, resource.secretField))
      return reject(passwordElsewhere)
    const held = heldFieldThatDiffers(resource, distinct(resource, body), state.item, true)
    if (held !== undefined) return reject(held)
    const effective = effectivePatch(
      state.item,
      withoutRemoval(resource, withoutMembers(patchOf(resource, identity, body), resource.held)),
    )
    if (!hasMembers(effective)) return accept()
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
      return reject(
        command.confinement?.seeing === undefined ? neverChanges(resource) : notYourself(resource),
      )
    const early = endsEarly(resource, item)
    return early.length > 0 ? reject(invalid(...early)) : decision
  }

  const decidePresent = (said: ItemCommand, state: Present): Decision => {
    const silent = withoutContent(resource, said, state.item)
    if (E.isLeft(silent)) return silent
    const command = silent.right
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
        const unknown = unknownRole(roles, command.knownRoles)
        if (unknown !== undefined) return reject(unknown)
        return equalJson(roles, member(state.item, 'roles') ?? null)
          ? accept()
          : accept({ type: 'PersonRolesAssigned', data: { roles } })
      }
      case 'SetActive':
        if (member(state.item, 'active') === command.active) return accept()
        return accept({ type: command.active ? 'PersonReactivated' : 'PersonDeactivated', data: {} })
      case 'SetPassword':
        return accept({ type: 'PersonPasswordSet', data: {}, credential: command.credential })
      case 'StoreContent':
        return storeContent(resource, command, state.item)
    }
  }

  const decideAbsent = (command: ItemCommand, taken?: Rejection): Decision => {
    if (command._tag !== 'Create' && command._tag !== 'Put') return reject({ _tag: 'NeverWas', what })
    if (command._tag === 'Put' && !command.mayCreate) return reject({ _tag: 'NotAllowed' })
    if (stale(command.preconditions)) return reject({ _tag: 'StaleRevision' })
    if (taken !== undefined) return reject(taken)
    return E.flatMap(create)(withoutContent(resource, command, {}))
  }

  return {
    initial: { is: 'absent' },

    evolve: (state, event) => {
      const item = evolveItem(resource, state.is === 'present' ? state.item : undefined, event)
      const revision = state.is === 'absent' ? 0 : state.revision + 1
      if (item === undefined) {
        const subject = subjectIn(resource, state)
        return { is: 'removed', revision, ...(subject === undefined ? {} : { subject }) }
      }
      const before = state.is === 'present' ? state.contentSince : undefined
      const contentSince = before ?? (event.type === resource.contentFact ? revision : undefined)
      const credential = event.credential ?? (state.is === 'present' ? state.credential : undefined)
      return {
        is: 'present',
        item,
        created: state.is === 'present' ? state.created : item,
        revision,
        ...(credential === undefined ? {} : { credential }),
        ...(contentSince === undefined ? {} : { contentSince }),
      }
    },

    decide: (command, state) => {
      const { preconditions } = command
      const hidden = isHidden(resource, command.confinement, state)
      switch (state.is) {
        case 'removed':
          return hidden ? decideAbsent(command, { _tag: 'Removed', what }) : reject({ _tag: 'Removed', what })
        case 'absent':
          return decideAbsent(command)
        case 'present':
          if (hidden) return decideAbsent(command, { _tag: 'ExistsWithOtherContent', what })
          if (command._tag === 'Put' && !command.mayReplace) return reject({ _tag: 'NotAllowed' })
          if (command._tag === 'StoreContent' && !mayStore(command, state.item))
            return reject({ _tag: 'NotAllowed' })
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
