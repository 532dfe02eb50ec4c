import * as E from '#fp/Either'
import type { CommandFailure, Outcome } from '../commands/handle.ts'
import type { ItemAppended, ItemWrite, PrepareItemCommand, WriteItem } from '../commands/items.ts'
import type { Turns } from '../commands/turns.ts'
import { accountOf } from '../domain/account.ts'
import { type AccountCommand, accountDecider } from '../domain/account-decider.ts'
import type { ItemState, Preconditions } from '../domain/item.ts'
import { stale } from '../domain/item-state.ts'
import { member } from '../domain/json.ts'
import type { LogFailure } from '../domain/log-failure.ts'
import { people } from '../domain/people.ts'
import type { Identity, Resource } from '../domain/resource.ts'
import { settingLane } from './lanes.ts'
import type { PasswordFailure, Passwords } from './passwords.ts'
import type { Standing } from './standing.ts'
import type { Supersede } from './supersede.ts'

export type PersonFailure = CommandFailure | PasswordFailure

type PersonWrite = Omit<ItemWrite<PasswordFailure>, 'prepare' | 'resource' | 'decider'>
type AccessChange = Extract<AccountCommand, { _tag: 'AssignRoles' | 'SetActive' }>
type Prepare = PrepareItemCommand<PasswordFailure, AccountCommand>

/** The changes of a person's account: they touch secrets, or who may administer the hub. */
export interface PeopleUseCases {
  readonly setPassword: (
    write: PersonWrite,
    clear: string,
    preconditions: Preconditions,
  ) => Promise<E.Either<PersonFailure, Outcome<ItemState>>>
  /** Roles and `active`. Somebody must remain who is root, active and able to log in. */
  readonly changeAccess: (
    write: PersonWrite,
    change: AccessChange,
  ) => Promise<E.Either<PersonFailure, Outcome<ItemState>>>
}

export interface PeopleDependencies {
  readonly writeItem: WriteItem
  readonly readItem: (resource: Resource, identity: Identity) => Promise<E.Either<LogFailure, ItemState>>
  readonly passwords: Passwords
  readonly standing: Pick<Standing, 'roots'>
  readonly turns: Turns
}

const isRoot = (state: ItemState): boolean => {
  if (state.is !== 'present' || state.credential === undefined) return false
  const roles = member(state.item, 'roles')
  return member(state.item, 'active') === true && Array.isArray(roles) && roles.includes('root')
}

/** A stale request is refused as such, before it is asked who remains. */
const isStale = (state: ItemState, { preconditions }: AccessChange): boolean =>
  state.is === 'present' && stale(preconditions, state.revision)

const staysRoot = (change: AccessChange): boolean =>
  change._tag === 'SetActive' ? change.active : change.roles.includes('root')

const credentialsOf = (state: ItemState): readonly string[] => {
  const credential = accountOf(state)?.credential
  return credential === undefined ? [] : [credential]
}

/** Tells standing of every person as this process left them, and the store which credential that superseded. */
export const standingFollows =
  (standing: Pick<Standing, 'personIs'>, supersede: Supersede): ItemAppended =>
  async (resource, { id }, after, revision, before) => {
    if (resource !== people) return
    standing.personIs(id, after, revision)
    await supersede(id, credentialsOf(before), credentialsOf(after))
  }

export const peopleUseCases = (dependencies: PeopleDependencies): PeopleUseCases => {
  const { writeItem, readItem, passwords, standing, turns } = dependencies

  const run = (write: PersonWrite, prepare: Prepare): Promise<E.Either<PersonFailure, Outcome<ItemState>>> =>
    writeItem({ ...write, resource: people, decider: accountDecider, prepare })

  const anotherRootRemains = async (account: string): Promise<E.Either<CommandFailure, void>> => {
    for (const id of standing.roots()) {
      if (id === account) continue
      const other = await readItem(people, { id })
      if (E.isLeft(other)) return other
      if (isRoot(other.right)) return E.right(undefined)
    }
    return E.left({
      _tag: 'WrongState',
      detail: 'This is the last active root who can log in. Give the role root to somebody else first.',
    })
  }

  return {
    setPassword: (write, clear, preconditions) => {
      const prepare: Prepare = async state => {
        if (state.is !== 'present') return E.right({ _tag: 'SetPassword', credential: '', preconditions })
        const added = await passwords.add(write.identity.id, clear, settingLane(write.context.actor))
        return E.map(
          (credential: string): AccountCommand => ({ _tag: 'SetPassword', credential, preconditions }),
        )(added)
      }
      return run(write, prepare)
    },

    changeAccess: async (write, change) => {
      const prepare: Prepare = async state => {
        if (!isRoot(state) || staysRoot(change) || isStale(state, change)) return E.right(change)
        return E.map(() => change)(await anotherRootRemains(write.identity.id))
      }
      // One at a time: two roots must not deactivate each other at once.
      const turn = turns.take('roots', () => run(write, prepare))
      return turn ?? E.left({ _tag: 'Busy' })
    },
  }
}
