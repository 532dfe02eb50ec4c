import * as E from '#fp/Either'
import type { Content } from '../domain/content.ts'
import { contentDecider, type StoreContent } from '../domain/content-decider.ts'
import type { ItemState } from '../domain/item.ts'
import { type Identity, type Resource, streamOf } from '../domain/resource.ts'
import { subjectIn } from '../domain/subject.ts'
import type {
  ContentCutShort,
  ContentErased,
  ContentName,
  ContentStore,
  ContentTooLarge,
  ContentUnavailable,
} from './content-store.ts'
import type { EventLog } from './event-log.ts'
import { foldStream, unread } from './fold-stream.ts'
import type { CommandContext, CommandFailure, Outcome } from './handle.ts'
import type { WriteItem } from './items.ts'

/** The command, but for the content itself. */
export type ContentCommand = Omit<StoreContent, 'content'>

/** What is known once the bytes are there: with them the command and its context. */
export interface ArrivedContent {
  readonly command: ContentCommand
  readonly context: CommandContext
}

export interface ContentWrite<Failure = never> {
  readonly resource: Resource
  readonly identity: Identity
  /** As it would be if the bytes were there already: with it is decided whether they are wanted. */
  readonly command: ContentCommand
  /** The caller named the revision it means. */
  readonly conditional: boolean
  readonly commandId: string
  readonly type: string
  /** Bytes at most. */
  readonly limit: number
  /** The bytes, asked for once it is known that they are wanted. */
  readonly bytes: () => AsyncIterable<Uint8Array>
  /** What is wrong with the bytes that arrived, or the command as it is now. */
  readonly arrived: (content: ContentName) => E.Either<Failure, ArrivedContent>
}

export type WriteContent = <Failure = never>(
  write: ContentWrite<Failure>,
) => Promise<
  E.Either<
    CommandFailure | ContentUnavailable | ContentErased | ContentTooLarge | ContentCutShort | Failure,
    Outcome<ItemState>
  >
>

const unknownYet: Content = { size: 0, type: '', sha256: '' }

/**
 * Gives an item its content. What would be refused as things are is refused before the bytes are read, unless a request
 * with this key was answered before: then they must be the same. The bytes are kept when an event is about to name them.
 */
export const contentWriter =
  (log: Pick<EventLog, 'read'>, writeItem: WriteItem, store: Pick<ContentStore, 'receive'>): WriteContent =>
  async <Failure>(write: ContentWrite<Failure>) => {
    const { resource, identity, conditional } = write
    const decider = contentDecider(resource)
    const folded = await foldStream(log, streamOf(resource, identity), decider, unread(decider))
    if (E.isLeft(folded)) return folded
    const { state, keyed } = folded.right
    if (!keyed.has(write.commandId)) {
      const decision = decider.decide({ ...write.command, content: unknownYet }, state)
      if (E.isLeft(decision)) return decision
    }
    return store.receive<CommandFailure | ContentUnavailable | Failure, Outcome<ItemState>>(
      write.bytes(),
      write.limit,
      async ({ size, sha256, keep }) => {
        const arrived = write.arrived({ size, sha256 })
        if (E.isLeft(arrived)) return arrived
        const { context } = arrived.right
        const command: StoreContent = {
          ...arrived.right.command,
          content: { size, type: write.type, sha256 },
        }
        return writeItem<ContentUnavailable, StoreContent>({
          resource,
          identity,
          decider,
          conditional,
          context,
          // Also what is there already is kept anew: where it was damaged, it is right again.
          prepare: async now => {
            if (E.isLeft(decider.decide(command, now))) return E.right(command)
            const kept = await keep()
            return E.isLeft(kept) ? kept : E.right(command)
          },
        })
      },
      subjectIn(resource, state),
    )
  }
