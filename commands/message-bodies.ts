import type { Either } from '#fp/Either'
import type { KeptBody } from '../domain/message-shapes.ts'
import type { ContentCutShort, ContentTooLarge, ContentUnavailable } from './content-store.ts'

/** A body that is to be looked at: whether a message names it, and whether it is still wanted. */
export interface DueBody {
  readonly id: string
  /** The id of the message that it was kept for; no event may ever have named it. */
  readonly message: string
}

/**
 * The bytes of messages, each body by itself. They are kept before the event that names them, and removed some time after
 * nobody waits for the message any more. Cannot be rebuilt: part of every backup.
 */
export interface MessageBodies {
  /**
   * Takes the bytes of a message in as they come, holding no more of them than a piece or two. On the disk when it answers; then an
   * event may name it. What fails leaves nothing that `due` does not give later. It is due at `dueAt` (ms since the epoch).
   */
  readonly keep: (
    message: string,
    bytes: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    limit: number,
    dueAt: number,
  ) => Promise<Either<ContentUnavailable | ContentTooLarge | ContentCutShort, KeptBody>>
  /**
   * The bytes of a body, in pieces; undefined where it was removed. They throw, at the latest instead of the last piece,
   * where they are not those that were kept.
   */
  readonly read: (
    body: KeptBody,
  ) => Promise<Either<ContentUnavailable, AsyncIterable<Uint8Array> | undefined>>
  /** Bodies that were to be looked at before this time (ms since the epoch), the longest due first. */
  readonly due: (before: number, most: number) => Promise<Either<ContentUnavailable, readonly DueBody[]>>
  /** It is due again at this time (ms since the epoch). */
  readonly postpone: (id: string, dueAt: number) => Promise<Either<ContentUnavailable, void>>
  /** Removing what is not there succeeds. */
  readonly remove: (id: string) => Promise<Either<ContentUnavailable, void>>
}
