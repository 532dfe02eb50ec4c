import * as E from '#fp/Either'
import type { TaskEither } from '#fp/TaskEither'
import type { CommandFailure, Outcome } from '../commands/handle.ts'
import type { ItemWrite, PrepareItemCommand, WriteItem } from '../commands/items.ts'
import type { Turns } from '../commands/turns.ts'
import type { ItemCommand, ItemState, Preconditions, SaidPassword } from '../domain/item.ts'
import { stale } from '../domain/item-decider.ts'
import { member } from '../domain/json.ts'
import type { LogFailure } from '../domain/log-failure.ts'
import { people } from '../domain/people.ts'
import type { Identity, Resource } from '../domain/resource.ts'
import { settingLane } from './lanes.ts'
import type { PasswordFailure, Passwords } from './passwords.ts'
import type { Lane } from './slow-work.ts'
import type { Standing } from './standing.ts'

export type PersonFailure = CommandFailure | PasswordFailure

/** What a creation says of a password: clear text, or a bcrypt hash taken over as it is. */
export type CreationPassword =
  | { readonly kind: 'clear'; readonly text: string }
  | { readonly kind: 'bcrypt'; readonly text: string }

type PersonWrite = Omit<ItemWrite<PasswordFailure>, 'prepare' | 'resource'>
type AccessChange = Extract<ItemCommand, { _tag: 'AssignRoles' | 'SetActive' }>

/** The uses of a person that touch secrets, or who may administer the hub. */
export interface PeopleUseCases {
  /** Creates, or recognises a repeat of the creation: the password must then be the person's present one. */
  readonly create: (
    write: PersonWrite,
    command: (password: SaidPassword) => ItemCommand,
    password: CreationPassword | undefined,
    maySetPassword: boolean,
  ) => TaskEither<PersonFailure, Outcome<ItemState>>
  readonly setPassword: (
    write: PersonWrite,
    clear: string,
    preconditions: Preconditions,
  ) => TaskEither<PersonFailure, Outcome<ItemState>>
  /** Roles and `active`. Somebody must remain who is root, active and able to log in. */
  readonly changeAccess: (
    write: PersonWrite,
    change: AccessChange,
  ) => TaskEither<PersonFailure, Outcome<ItemState>>
}

export interface PeopleDependencies {
  readonly writeItem: WriteItem
  readonly readItem: (resource: Resource, identity: Identity) => TaskEither<LogFailure, ItemState>
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

export const peopleUseCases = (dependencies: PeopleDependencies): PeopleUseCases => {
  const { writeItem, readItem, passwords, standing, turns } = dependencies

  const matches = (
    account: string,
    credential: string | undefined,
    password: CreationPassword,
    lane: Lane,
  ): TaskEither<PasswordFailure, boolean> =>
    credential === undefined
      ? async () => E.right(false)
      : password.kind === 'bcrypt'
        ? passwords.wasImportedFrom(account, credential, password.text)
        : passwords.verify(account, credential, password.text, lane)

  const said =
    (
      { identity, context }: PersonWrite,
      state: ItemState,
      password: CreationPassword | undefined,
      maySet: boolean,
    ): TaskEither<PasswordFailure, SaidPassword> =>
    async () => {
      if (password === undefined || state.is === 'removed') return E.right({ is: 'none' })
      // Whoever may not set passwords must not be able to try them either.
      if (!maySet) return E.right({ is: 'other' })
      if (state.is === 'present') {
        const same = await matches(identity.id, state.credential, password, settingLane(context.actor))()
        return E.map((right: boolean): SaidPassword => ({ is: right ? 'present' : 'other' }))(same)
      }
      const { kind, text } = password
      const added = await (kind === 'clear'
        ? passwords.add(identity.id, text, settingLane(context.actor))
        : passwords.import(identity.id, text))()
      return E.map((credential: string): SaidPassword => ({ is: 'new', credential }))(added)
    }

  const anotherRootRemains =
    (account: string): TaskEither<CommandFailure, void> =>
    async () => {
      for (const id of standing.roots()) {
        if (id === account) continue
        const other = await readItem(people, { id })()
        if (E.isLeft(other)) return other
        if (isRoot(other.right)) return E.right(undefined)
      }
      return E.left({
        _tag: 'WrongState',
        detail: 'This is the last active root who can log in. Give the role root to somebody else first.',
      })
    }

  return {
    create: (write, command, password, maySetPassword) => {
      const prepare: PrepareItemCommand<PasswordFailure> = state => async () =>
        E.map(command)(await said(write, state, password, maySetPassword)())
      return writeItem({ ...write, resource: people, prepare })
    },

    setPassword: (write, clear, preconditions) => {
      const prepare: PrepareItemCommand<PasswordFailure> = state => async () => {
        if (state.is !== 'present') return E.right({ _tag: 'SetPassword', credential: '', preconditions })
        const added = await passwords.add(write.identity.id, clear, settingLane(write.context.actor))()
        return E.map(
          (credential: string): ItemCommand => ({ _tag: 'SetPassword', credential, preconditions }),
        )(added)
      }
      return writeItem({ ...write, resource: people, prepare })
    },

    changeAccess: (write, change) => async () => {
      const prepare: PrepareItemCommand = state => async () => {
        if (!isRoot(state) || staysRoot(change) || isStale(state, change)) return E.right(change)
        return E.map(() => change)(await anotherRootRemains(write.identity.id)())
      }
      // One at a time: two roots must not deactivate each other at once.
      const turn = turns.take('roots', writeItem<PasswordFailure>({ ...write, resource: people, prepare }))
      return turn ?? E.left({ _tag: 'Busy' })
    },
  }
}
