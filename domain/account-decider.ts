import * as E from '#fp/Either'
import { accept, type Decider, type Decision, reject } from './decider.ts'
import type { Conditional, ItemState, PresentItem } from './item.ts'
import { foldingOf, keepingRules, presentItem, stale } from './item-state.ts'
import { equalJson, member } from './json.ts'
import { people } from './people.ts'
import { unknownRole } from './person-rules.ts'

/** The commands that people have beside those of all items: what they change, no body of a person does. */
export type AccountCommand =
  | ({
      readonly _tag: 'AssignRoles'
      readonly roles: readonly string[]
      readonly knownRoles: readonly string[]
    } & Conditional)
  | ({ readonly _tag: 'SetActive'; readonly active: boolean } & Conditional)
  | ({ readonly _tag: 'SetPassword'; readonly credential: string } & Conditional)

const change = (command: AccountCommand, { item }: PresentItem): Decision => {
  switch (command._tag) {
    case 'AssignRoles': {
      const roles = [...new Set(command.roles)]
      const unknown = unknownRole(roles, command.knownRoles)
      if (unknown !== undefined) return reject(unknown)
      return equalJson(roles, member(item, 'roles') ?? null)
        ? accept()
        : accept({ type: 'PersonRolesAssigned', data: { roles } })
    }
    case 'SetActive':
      if (member(item, 'active') === command.active) return accept()
      return accept({ type: command.active ? 'PersonReactivated' : 'PersonDeactivated', data: {} })
    case 'SetPassword':
      return accept({ type: 'PersonPasswordSet', data: {}, credential: command.credential })
  }
}

/** The rules of a person's account: roles, `active` and password. */
export const accountDecider: Decider<AccountCommand, ItemState> = {
  ...foldingOf(people),

  decide: (command, state) => {
    const present = presentItem(people, command, state)
    if (E.isLeft(present)) return present
    const { revision } = present.right
    return stale(command.preconditions, revision)
      ? reject({ _tag: 'StaleRevision', revision })
      : keepingRules(people, command, present.right, change(command, present.right))
  },
}
