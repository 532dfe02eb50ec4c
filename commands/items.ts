import * as E from '#fp/Either'
import type { TaskEither } from '#fp/TaskEither'
import type { ItemCommand, ItemState } from '../domain/item.ts'
import { itemDecider } from '../domain/item-decider.ts'
import type { LogFailure } from '../domain/log-failure.ts'
import { people } from '../domain/people.ts'
import { type Identity, type Resource, streamOf } from '../domain/resource.ts'
import type { EventLog } from './event-log.ts'
import { type Folded, foldStream, unread } from './fold-stream.ts'
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
    const decider = itemDecider(resource, identity)
    const folded = await foldStream(log, streamOf(resource, identity), decider, unread(decider))
    return E.map(({ state }: Folded<ItemState>) => state)(folded)
  }

const keysOnly = { initial: undefined, evolve: () => undefined }

/** Whether a command with an `Idempotency-Key` added events to this stream. */
export const wasHandled =
  (log: Pick<EventLog, 'read'>) =>
  (stream: string, commandId: string): TaskEither<LogFailure, boolean> =>
  async () => {
    const folded = await foldStream(log, stream, keysOnly, unread(keysOnly))
    return E.map(({ keyed }: Folded<undefined>) => keyed.has(commandId))(folded)
  }

/** Told of an item as this process left it. */
export type ItemAppended = (
  resource: Resource,
  identity: Identity,
  state: ItemState,
  revision: number,
) => void

/** Writes an item of any resource. What is in a book needs its person: looked up in the person's own stream. */
export const itemWriter = (
  log: Pick<EventLog, 'last'>,
  handle: Handle,
  appended: ItemAppended = () => {},
): WriteItem => {
  /** The last fact of a stream says whether its thing is there: nothing follows a removal. */
  const ownerIsThere =
    (owner: string | undefined): TaskEither<CommandFailure, void> =>
    async () => {
      if (owner === undefined) return E.right(undefined)
      const last = await log.last(streamOf(people, { id: owner }))()
      if (E.isLeft(last)) return last
      if (last.right === undefined) return E.left({ _tag: 'NeverWas', what: people.noun })
      return last.right.event.type === people.events.removed
        ? E.left({ _tag: 'Removed', what: people.noun })
        : E.right(undefined)
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
      appended: (state, revision) => appended(resource, identity, state, revision),
    })
}
