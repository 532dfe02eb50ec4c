import { type DomainEvent, isOneOf } from './event.ts'
import type { ItemState } from './item.ts'
import { member } from './json.ts'
import { people } from './people.ts'

export type PersonEvent = DomainEvent<(typeof people.eventTypes)[number]>
export const isPersonEvent = isOneOf(people.eventTypes)

/** What access depends on: whether a person may log in, with which credential, and in which roles. */
export interface Account {
  readonly active: boolean
  readonly roles: readonly string[]
  /** The version of the credential that opens the account; none: nobody can log in. */
  readonly credential?: string
}

const stringsOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter(role => typeof role === 'string') : []

/** The account of a person as they are now. */
export const accountOf = (state: ItemState): Account | undefined =>
  state.is !== 'present'
    ? undefined
    : {
        active: member(state.item, 'active') === true,
        roles: stringsOf(member(state.item, 'roles')),
        ...(state.credential === undefined ? {} : { credential: state.credential }),
      }

/** The account after a fact about a person; undefined once the person is removed or erased. */
export const evolveAccount = (account: Account | undefined, event: PersonEvent): Account | undefined => {
  if (event.erased === true) return undefined
  const credential = event.credential ?? account?.credential
  const opened = credential === undefined ? {} : { credential }
  switch (event.type) {
    case 'PersonRegistered':
      return {
        active: member(event.data, 'active') === true,
        roles: stringsOf(member(event.data, 'roles')),
        ...opened,
      }
    case 'PersonRemoved':
    case 'PersonErased':
    case 'PersonErasureCertified':
      return undefined
    case 'PersonRolesAssigned':
      return account && { ...account, roles: stringsOf(member(event.data, 'roles')) }
    case 'PersonDeactivated':
      return account && { ...account, active: false }
    case 'PersonReactivated':
      return account && { ...account, active: true }
    case 'PersonPasswordSet':
      return account && { ...account, ...opened }
    case 'PersonChanged':
    case 'PersonReplaced':
    case 'PersonHeld':
    case 'PersonHoldLifted':
      return account
  }
}
