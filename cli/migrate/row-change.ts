import { randomUUID } from 'node:crypto'
import * as E from '#fp/Either'
import type { Failure } from '../../api/http/problem.ts'
import type { CommandContext, Outcome } from '../../commands/handle.ts'
import type { Core } from '../../core.ts'
import { type AccountCommand, accountDecider } from '../../domain/account-decider.ts'
import type { ItemState } from '../../domain/item.ts'
import { equalJson, type Json, member, withoutMembers } from '../../domain/json.ts'
import { people } from '../../domain/people.ts'
import type { ImportLine } from '../import-line.ts'
import { registrarOf } from '../operator.ts'

type Changing = Pick<Core, 'acceptItem' | 'people' | 'passwords' | 'policy' | 'writeItem'>
type Changed = E.Either<Failure, Outcome<ItemState>>

const contextFor = (by: CommandContext): CommandContext => ({ ...by, commandId: randomUUID() })

const textsIn = (value: Json | undefined): readonly string[] | undefined =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : undefined

/** What changes by commands of its own: of an item whose resource has a secret, roles, `active` and that. */
const accountChanges = async (
  core: Changing,
  { resource: { secretField }, identity, sent: { json } }: ImportLine,
  state: Extract<ItemState, { is: 'present' }>,
  by: CommandContext,
): Promise<E.Either<Failure, readonly (() => Promise<Changed>)[]>> => {
  if (secretField === undefined) return E.right([])
  const write = () => ({ identity, conditional: false, context: contextFor(by) })
  const changes: (() => Promise<Changed>)[] = []
  const [roles, active, hash] = [
    textsIn(member(json, 'roles')),
    member(json, 'active'),
    member(json, secretField),
  ]
  const { roleNames: knownRoles } = core.policy
  if (roles !== undefined && !equalJson([...new Set(roles)], member(state.item, 'roles') ?? null))
    changes.push(() =>
      core.people.changeAccess(write(), { _tag: 'AssignRoles', roles, knownRoles, preconditions: {} }),
    )
  if (typeof active === 'boolean' && active !== member(state.item, 'active'))
    changes.push(() => core.people.changeAccess(write(), { _tag: 'SetActive', active, preconditions: {} }))
  if (typeof hash !== 'string') return E.right(changes)
  const same =
    state.credential === undefined
      ? E.right(false)
      : await core.passwords.wasImportedFrom(identity.id, state.credential, hash)
  if (E.isLeft(same)) return same
  if (!same.right)
    changes.push(() =>
      core.writeItem<Failure, AccountCommand>({
        ...write(),
        resource: people,
        decider: accountDecider,
        prepare: async () =>
          E.map(
            (credential: string): AccountCommand => ({ _tag: 'SetPassword', credential, preconditions: {} }),
          )(await core.passwords.import(identity.id, hash)),
      }),
    )
  return E.right(changes)
}

/** Makes of an item what its row says now: the original changed it since it was brought over. */
export const changeItem = async (
  core: Changing,
  line: ImportLine,
  state: Extract<ItemState, { is: 'present' }>,
  by: CommandContext,
): Promise<E.Either<Failure, { readonly position: bigint | undefined }>> => {
  const { resource, identity, sent } = line
  const changes = await accountChanges(core, line, state, by)
  if (E.isLeft(changes)) return changes
  let { revision } = state
  for (const change of changes.right) {
    const changed = await change()
    if (E.isLeft(changed)) return changed
    revision = changed.right.revision
  }
  const { secretField } = resource
  const json =
    secretField === undefined ? sent.json : withoutMembers(sent.json, [secretField, 'roles', 'active'])
  const accepted = core.acceptItem(
    resource,
    identity,
    { _tag: 'Put', mayCreate: false, mayReplace: true, sent: { ...sent, json } },
    { ...registrarOf(core.policy), takesHashes: true },
  )
  return E.isLeft(accepted)
    ? accepted
    : accepted.right({ preconditions: { ifMatch: [revision] }, context: contextFor(by) })
}
