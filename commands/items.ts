import * as E from '#fp/Either'
import type { Decider } from '../domain/decider.ts'
import { isOfErasure, isOfHold } from '../domain/erasure.ts'
import type { ItemCommand, ItemState } from '../domain/item.ts'
import { foldingOf } from '../domain/item-state.ts'
import { member } from '../domain/json.ts'
import type { LogFailure } from '../domain/log-failure.ts'
import { people } from '../domain/people.ts'
import { type InvalidPart, invalid } from '../domain/rejection.ts'
import { type Identity, type Resource, streamOf } from '../domain/resource.ts'
import type { EventLog } from './event-log.ts'
import { type Folded, foldStream, unread } from './fold-stream.ts'
import type { CommandContext, CommandFailure, Handle, Outcome } from './handle.ts'

export type PrepareItemCommand<Failure = never, Command = ItemCommand> = (
  state: ItemState,
) => Promise<E.Either<CommandFailure | Failure, Command>>

export interface ItemWrite<Failure = never, Command = ItemCommand> {
  readonly resource: Resource
  readonly identity: Identity
  /** Of these commands. Every decider of a stream folds it alike. */
  readonly decider: Decider<Command, ItemState>
  readonly prepare: PrepareItemCommand<Failure, Command>
  /** The caller named the revision it means. */
  readonly conditional: boolean
  readonly context: CommandContext
  /** Asked right before events are appended: whether this request has its `Idempotency-Key`. */
  readonly claim?: (() => Promise<E.Either<CommandFailure | Failure, void>>) | undefined
}

export type WriteItem = <Failure = never, Command = ItemCommand>(
  write: ItemWrite<Failure, Command>,
) => Promise<E.Either<CommandFailure | Failure, Outcome<ItemState>>>

/** The present state of an item, from its stream. */
export const readItem =
  (log: Pick<EventLog, 'read'>) =>
  async (resource: Resource, identity: Identity): Promise<E.Either<LogFailure, ItemState>> => {
    const decider = foldingOf(resource)
    const folded = await foldStream(log, streamOf(resource, identity), decider, unread(decider))
    return E.map(({ state }: Folded<ItemState>) => state)(folded)
  }

const keysOnly = { initial: undefined, evolve: () => undefined }

/** Whether a command with an `Idempotency-Key` added events to this stream. */
export const wasHandled =
  (log: Pick<EventLog, 'read'>) =>
  async (stream: string, commandId: string): Promise<E.Either<LogFailure, boolean>> => {
    const folded = await foldStream(log, stream, keysOnly, unread(keysOnly))
    return E.map(({ keyed }: Folded<undefined>) => keyed.has(commandId))(folded)
  }

/** Told of an item as this process left it. */
export type ItemAppended = (
  resource: Resource,
  identity: Identity,
  after: ItemState,
  revision: number,
  before: ItemState,
) => Promise<void>

/** Writes an item of any resource. What is in a book needs its person: looked up in the person's own stream. */
export const itemWriter = (
  log: Pick<EventLog, 'lastType' | 'read'>,
  handle: Handle,
  appended: ItemAppended = async () => {},
): WriteItem => {
  /** The last fact of a stream says whether its thing is there: nothing but a hold follows a removal. */
  const presence = async (
    resource: Resource,
    identity: Identity,
  ): Promise<E.Either<LogFailure, ItemState['is']>> => {
    const last = await log.lastType(streamOf(resource, identity))
    if (E.isLeft(last)) return last
    if (last.right === undefined) return E.right('absent')
    const { type, isErased } = last.right
    if (isErased || isOfErasure(type)) return E.right('erased')
    if (!isOfHold(type)) return E.right(type === resource.events.removed ? 'removed' : 'present')
    return E.map(({ is }: ItemState) => is)(await readItem(log)(resource, identity))
  }

  const ownerIsThere = async (owner: string | undefined): Promise<E.Either<CommandFailure, void>> => {
    if (owner === undefined) return E.right(undefined)
    const person = await presence(people, { id: owner })
    if (E.isLeft(person)) return person
    if (person.right === 'present') return E.right(undefined)
    if (person.right === 'erased') return E.left({ _tag: 'Erased' })
    return E.left({ _tag: person.right === 'absent' ? 'NeverWas' : 'Removed', what: people.noun })
  }

  /** What an item names anew is there; what it named before may be gone. */
  const refersToWhatIs =
    ({ references }: Resource) =>
    async (after: ItemState, before: ItemState): Promise<E.Either<CommandFailure, void>> => {
      if (after.is !== 'present') return E.right(undefined)
      const errors: InvalidPart[] = []
      for (const [field, resource] of Object.entries(references)) {
        const id = member(after.item, field)
        if (typeof id !== 'string' || (before.is === 'present' && member(before.item, field) === id)) continue
        const named = await presence(resource, { id })
        if (E.isLeft(named)) return named
        if (named.right !== 'present')
          errors.push({ pointer: `/${field}`, detail: `names no ${resource.noun} that this hub knows` })
      }
      return errors.length === 0 ? E.right(undefined) : E.left(invalid(...errors))
    }

  return <Failure, Command>(write: ItemWrite<Failure, Command>) => {
    const { resource, identity, decider, prepare, conditional, context, claim } = write
    const refers = refersToWhatIs(resource)
    return handle<Command, ItemState, Failure>({
      stream: streamOf(resource, identity),
      decider,
      prepare: async state => {
        const owner = await ownerIsThere(identity.owner)
        return E.isLeft(owner) ? owner : prepare(state)
      },
      confirm: async (after, before) => {
        const referred = await refers(after, before)
        return E.isLeft(referred) || claim === undefined ? referred : claim()
      },
      conditional,
      context,
      appended: (after, revision, before) => appended(resource, identity, after, revision, before),
    })
  }
}
