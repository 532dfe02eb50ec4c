import * as E from '#fp/Either'
import { accept, type Decider, type Decision, reject } from './decider.ts'
import type { ItemState } from './item.ts'
import { foldingOf } from './item-state.ts'
import { member } from './json.ts'
import { people } from './people.ts'
import type { Rejection } from './rejection.ts'

export type ErasureCommand =
  /** The reason is kept for ever: it must not tell anything about the person. */
  | { readonly _tag: 'Erase'; readonly id: string; readonly reason: string }
  /** The same of somebody who was forgotten before, on a log that has lost it: whatever they are there. */
  | { readonly _tag: 'EraseAgain'; readonly id: string; readonly reason: string }
  | { readonly _tag: 'Certify'; readonly id: string; readonly certificate: string }
  | { readonly _tag: 'Hold'; readonly reason: string }
  | { readonly _tag: 'LiftHold' }

const wrongState = (detail: string): Rejection => ({ _tag: 'WrongState', detail })

/** Why a person cannot be forgotten as they are; undefined when they can. */
const notErasable = (state: ItemState): Rejection | undefined => {
  if (state.is === 'absent') return { _tag: 'NeverWas', what: people.noun }
  if (state.is === 'erased') return undefined
  if (state.held) return wrongState('The person is under a hold. Lift it first: DELETE …/hold.')
  if (state.is === 'removed') return undefined
  const roles = member(state.item, 'roles')
  if (member(state.item, 'active') === true)
    return wrongState('The person is active. Deactivate the person first: PUT …/active {"active": false}.')
  return Array.isArray(roles) && roles.includes('root')
    ? wrongState('The person has the role root. Take it away first: PUT …/roles.')
    : undefined
}

const erase = (state: ItemState, id: string, reason: string): Decision =>
  state.is === 'erased' ? accept() : accept({ type: 'PersonErased', data: { id, reason } })

/** The rules by which a person is forgotten, and kept from being forgotten. */
export const erasureDecider: Decider<ErasureCommand, ItemState> = {
  ...foldingOf(people),

  decide: (command, state) => {
    switch (command._tag) {
      case 'Erase': {
        const refused = notErasable(state)
        return refused === undefined ? erase(state, command.id, command.reason) : reject(refused)
      }
      case 'EraseAgain':
        return erase(state, command.id, command.reason)
      case 'Certify': {
        const { id, certificate } = command
        if (state.is !== 'erased') return reject(wrongState('The person is not forgotten.'))
        return state.certificate === undefined
          ? accept({ type: 'PersonErasureCertified', data: { id, certificate } })
          : accept()
      }
      case 'Hold':
      case 'LiftHold': {
        if (state.is === 'absent') return reject({ _tag: 'NeverWas', what: people.noun })
        if (state.is === 'erased') return reject({ _tag: 'Erased' })
        if (command._tag === 'LiftHold')
          return state.held ? accept({ type: 'PersonHoldLifted', data: {} }) : accept()
        return state.held ? accept() : accept({ type: 'PersonHeld', data: { reason: command.reason } })
      }
    }
  },
}

/** Whether a command would be refused, before what else it needs is looked up. */
export const erasureRefusal = (command: ErasureCommand, state: ItemState): Rejection | undefined => {
  const decision = erasureDecider.decide(command, state)
  return E.isLeft(decision) ? decision.left : undefined
}
