import * as E from '#fp/Either'
import type { TaskEither } from '#fp/TaskEither'
import type { ItemCommand, ItemState } from '../domain/item.ts'
import { itemDecider } from '../domain/item-decider.ts'
import type { LogFailure } from '../domain/log-failure.ts'
import { people } from '../domain/people.ts'
import { type Identity, type Resource, streamOf } from '../domain/resource.ts'
import type { EventLog } from './event-log.ts'
import type { CommandContext, CommandFailure, Handle, Outcome } from './handle.ts'

export type PrepareItemCommand<Failure = never> = (
  state: ItemState,
) => TaskEither<CommandFailure | Failure, ItemCommand>

export interface ItemWrite<Failure = never> {
  readonly resource: Resource
  readonly identity: Identity
  readonly prepare: PrepareItemCommand<Failure>
  /** The caller named the revision it means. */
  readonly conditional: boolean
  readonly context: CommandContext
}

export type WriteItem = <Failure = never>(
  write: ItemWrite<Failure>,
) => TaskEither<CommandFailure | Failure, Outcome<ItemState>>

/** The present state of an item, from its stream. */
export const readItem =
  (log: Pick<EventLog, 'read'>) =>
  (resource: Resource, identity: Identity): TaskEither<LogFailure, ItemState> =>
  async () => {
    const { initial, evolve } = itemDecider(resource, identity)
    const events = await log.read(streamOf(resource, identity))()
    return E.map((read: readonly { readonly event: Parameters<typeof evolve>[1] }[]) =>
      read.reduce((state, recorded) => evolve(state, recorded.event), initial),
    )(events)
  }

/** Writes an item of any resource. What is in a book needs its person: looked up in the person's own stream. */
export const itemWriter = (log: Pick<EventLog, 'read'>, handle: Handle): WriteItem => {
  const ownerIsThere =
    (owner: string | undefined): TaskEither<CommandFailure, void> =>
    async () => {
      if (owner === undefined) return E.right(undefined)
      const person = await readItem(log)(people, { id: owner })()
      if (E.isLeft(person)) return person
      switch (person.right.is) {
        case 'absent':
          return E.left({ _tag: 'NeverWas', what: people.noun })
        case 'removed':
          return E.left({ _tag: 'Removed', what: people.noun })
        case 'present':
          return E.right(undefined)
      }
    }

  return ({ resource, identity, prepare, conditional, context }) =>
    handle({
      stream: streamOf(resource, identity),
      decider: itemDecider(resource, identity),
      prepare: state => async () => {
        const owner = await ownerIsThere(identity.owner)()
        return E.isLeft(owner) ? owner : prepare(state)()
      },
      conditional,
      context,
    })
}
