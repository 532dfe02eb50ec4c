import * as E from '#fp/Either'
import { type Decider, type Decision, reject } from './decider.ts'
import { isOfErasure } from './erasure.ts'
import type { DomainEvent } from './event.ts'
import {
  type Conditional,
  exceedsItemLimit,
  type ItemState,
  type Preconditions,
  type PresentItem,
} from './item.ts'
import { endsEarly } from './item-body.ts'
import { type JsonObject, member } from './json.ts'
import { invalid, type Rejection } from './rejection.ts'
import { evolveItem, type Resource } from './resource.ts'
import { isHidden, neverChanges, notYourself, subjectIn, subjectOf } from './subject.ts'

const matches = (tags: '*' | readonly number[], revision: number): boolean =>
  tags === '*' || tags.includes(revision)

/** Whether an item at this revision, or one that is not there, is not what the request asks for. */
export const stale = ({ ifMatch, ifNoneMatch }: Preconditions, revision?: number): boolean =>
  revision === undefined
    ? ifMatch !== undefined
    : (ifMatch !== undefined && !matches(ifMatch, revision)) ||
      (ifNoneMatch !== undefined && matches(ifNoneMatch, revision))

const isHeld = (state: ItemState, { type }: DomainEvent): boolean => {
  if (type === 'PersonHeld') return true
  return (
    type !== 'PersonHoldLifted' && (state.is === 'present' || state.is === 'removed') && state.held === true
  )
}

/** Of the events that can be read of an erased item, those of the erasure itself say something. */
const erasedBy = (
  { type, data, erased }: DomainEvent,
  state: ItemState,
  revision: number,
  known: string | undefined,
): ItemState => {
  const facts = isOfErasure(type) && erased !== true ? data : {}
  const [id, certificate] = [member(facts, 'id') ?? known, member(facts, 'certificate')]
  const before = state.is === 'erased' ? state.certificate : undefined
  const text = typeof certificate === 'string' ? certificate : before
  return {
    is: 'erased',
    revision,
    ...(typeof id === 'string' ? { subject: id } : {}),
    ...(text === undefined ? {} : { certificate: text }),
  }
}

/** How the events of an item are folded, whatever decides about it. */
export const foldingOf = (
  resource: Resource,
): Pick<Decider<never, ItemState>, 'initial' | 'evolve' | 'subject'> => ({
  initial: { is: 'absent' },

  evolve: (state, event) => {
    const revision = state.is === 'absent' ? 0 : state.revision + 1
    if (state.is === 'erased' || event.erased === true || event.type === resource.events.erased)
      return erasedBy(event, state, revision, subjectIn(resource, state))
    const item = evolveItem(resource, state.is === 'present' ? state.item : undefined, event)
    const held = isHeld(state, event) ? ({ held: true } as const) : {}
    if (item === undefined) {
      const subject = subjectIn(resource, state)
      return { is: 'removed', revision, ...(subject === undefined ? {} : { subject }), ...held }
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
      ...held,
    }
  },

  subject: state => subjectIn(resource, state),
})

/** The item that a command changes and cannot make: it must be there, as far as the caller sees. */
export const presentItem = (
  resource: Resource,
  { confinement }: Conditional,
  state: ItemState,
): E.Either<Rejection, PresentItem> => {
  const what = resource.noun
  if (state.is === 'absent' || isHidden(resource, confinement, state))
    return E.left({ _tag: 'NeverWas', what })
  if (state.is === 'present') return E.right(state)
  return E.left(state.is === 'removed' ? { _tag: 'Removed', what } : { _tag: 'Erased' })
}

/** What a change would make of an item keeps the rules that an item keeps as a whole. */
export const keepingRules = (
  resource: Resource,
  { confinement }: Conditional,
  state: PresentItem,
  decision: Decision,
): Decision => {
  if (E.isLeft(decision) || decision.right.length === 0) return decision
  const item = decision.right.reduce<JsonObject | undefined>(
    (before, event) => evolveItem(resource, before, event),
    state.item,
  )
  if (item === undefined) return decision
  if (exceedsItemLimit(item)) return reject({ _tag: 'ItemTooLarge' })
  if (subjectOf(resource, item) !== subjectOf(resource, state.item))
    return reject(confinement?.seeing === undefined ? neverChanges(resource) : notYourself(resource))
  const early = endsEarly(resource, item)
  return early.length > 0 ? reject(invalid(...early)) : decision
}
