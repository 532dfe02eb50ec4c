import { type Decider, type Decision, reject } from './decider.ts'
import type { ItemCommand, ItemState } from './item.ts'
import { usualRules } from './item-rules.ts'
import { foldingOf, keepingRules, stale } from './item-state.ts'
import type { Rejection } from './rejection.ts'
import type { Identity, Resource } from './resource.ts'
import { isHidden } from './subject.ts'

/** The rules of one item of a resource. */
export const itemDecider = (resource: Resource, identity: Identity): Decider<ItemCommand, ItemState> => {
  const what = resource.noun
  const usual = usualRules(resource, identity)
  const rules = resource.rules?.(resource, usual) ?? usual

  const decideAbsent = (command: ItemCommand, taken?: Rejection): Decision => {
    if (command._tag !== 'Create' && command._tag !== 'Put') return reject({ _tag: 'NeverWas', what })
    if (command._tag === 'Put' && !command.mayCreate) return reject({ _tag: 'NotAllowed' })
    if (stale(command.preconditions)) return reject({ _tag: 'StaleRevision' })
    return taken === undefined ? rules.create(command) : reject(taken)
  }

  return {
    ...foldingOf(resource),

    decide: (command, state) => {
      const { preconditions } = command
      const hidden = isHidden(resource, command.confinement, state)
      switch (state.is) {
        case 'removed':
        case 'erased': {
          const gone: Rejection = state.is === 'removed' ? { _tag: 'Removed', what } : { _tag: 'Erased' }
          return hidden ? decideAbsent(command, gone) : reject(gone)
        }
        case 'absent':
          return decideAbsent(command)
        case 'present':
          if (hidden) return decideAbsent(command, { _tag: 'ExistsWithOtherContent', what })
          if (command._tag === 'Put' && !command.mayReplace) return reject({ _tag: 'NotAllowed' })
          // A creation never says which revision it means: with any If-Match it is refused.
          return stale(preconditions, state.revision) ||
            (command._tag === 'Create' && preconditions.ifMatch !== undefined)
            ? reject({ _tag: 'StaleRevision', revision: state.revision })
            : keepingRules(resource, command, state, rules.change(command, state))
      }
    },
  }
}
