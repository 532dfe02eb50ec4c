import * as E from '#fp/Either'
import { type Decider, type Decision, reject } from './decider.ts'
import {
  type Conditional,
  exceedsItemLimit,
  type ItemState,
  type Preconditions,
  type PresentItem,
} from './item.ts'
import { endsEarly } from './item-body.ts'
import type { JsonObject } from './json.ts'
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

/** How the events of an item are folded, whatever decides about it. */
export const foldingOf = (
  resource: Resource,
): Pick<Decider<never, ItemState>, 'initial' | 'evolve' | 'subject'> => ({
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
  return state.is === 'removed' ? E.left({ _tag: 'Removed', what }) : E.right(state)
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
