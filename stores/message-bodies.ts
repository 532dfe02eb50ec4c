import { createHash, randomUUID } from 'node:crypto'
import * as E from '#fp/Either'
import type { ContentCutShort, ContentTooLarge, ContentUnavailable } from '../commands/content-store.ts'
import type { DueBody, MessageBodies } from '../commands/message-bodies.ts'
import type { KeptBody } from '../domain/message-shapes.ts'
import { attempted } from './attempted.ts'
import { checked, takeIn } from './content.ts'

/** A body is kept in pieces of about so many bytes: so many are held at once. */
const pieceBytes = 256 * 1024

/** What is kept beside the bytes of a body. */
export interface StoredBody extends DueBody {
  /** Ms since the epoch. */
  readonly dueAt: number
}

/** What an engine must do. What fails is thrown. */
export interface StoredBodies {
  /**
   * Keeps a piece of a body, from 0 on; with the first one the body begins to be there. On the disk when it settles. What is
   * there already stays as it is.
   */
  readonly write: (body: StoredBody, n: number, piece: Uint8Array) => Promise<void>
  readonly find: (id: string) => Promise<StoredBody | undefined>
  readonly pieces: (id: string) => AsyncIterable<Uint8Array>
  readonly due: (before: number, most: number) => Promise<readonly DueBody[]>
  readonly postpone: (id: string, dueAt: number) => Promise<void>
  readonly remove: (id: string) => Promise<void>
}

/** How bodies go from one engine to another. */
export interface MovableBodies {
  /** Undefined where it was removed. */
  readonly find: (id: string) => Promise<E.Either<ContentUnavailable, StoredBody | undefined>>
  /** Whether all bytes are there, as they were kept; they are read for it. */
  readonly isWhole: (body: KeptBody) => Promise<E.Either<ContentUnavailable, boolean>>
  readonly read: MessageBodies['read']
  /**
   * Keeps a body that another engine kept, under its id, and due when it was there. Pieces that an earlier call left stay as
   * they are. On the disk when it answers.
   */
  readonly takeOver: (
    body: StoredBody,
    bytes: AsyncIterable<Uint8Array>,
  ) => Promise<E.Either<ContentUnavailable | ContentCutShort | ContentTooLarge, void>>
}

const attempt = <A>(work: () => Promise<A>): Promise<E.Either<ContentUnavailable, A>> =>
  attempted(work, cause => ({ _tag: 'ContentUnavailable', cause }))

/** The bytes in pieces of an even size, one at least. They are copied: many small ones would each hold more than they are. */
async function* inPieces(
  bytes: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let piece = Buffer.alloc(0)
  let size = 0
  let isFirst = true
  for await (const sent of bytes) {
    for (let at = 0; at < sent.length; ) {
      const part = sent.subarray(at, at + pieceBytes - size)
      if (size + part.length > piece.length) {
        const room = Math.min(pieceBytes, Math.max(2 * piece.length, size + part.length))
        piece = Buffer.concat([piece.subarray(0, size)], room)
      }
      piece.set(part, size)
      size += part.length
      at += part.length
      if (size < pieceBytes) continue
      yield piece
      isFirst = false
      piece = Buffer.alloc(0)
      size = 0
    }
  }
  if (size > 0 || isFirst) yield piece.subarray(0, size)
}

/** Those of one time are neighbours (as UUID 7, RFC 9562): the index of a million bodies is written in one place. */
const bodyId = (now: number): string => {
  const time = now.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`
}

/** The port of commands on an engine, and what a move needs. */
export const messageBodies = (stored: StoredBodies): MessageBodies & MovableBodies => {
  const read: MessageBodies['read'] = ({ id, sha256 }) =>
    attempt(async () =>
      (await stored.find(id)) === undefined ? undefined : checked(stored.pieces(id), sha256),
    )

  const writeAll = (
    body: StoredBody,
    bytes: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    limit: number,
  ) => {
    let n = 0
    return takeIn(inPieces(bytes), limit, {
      write: async piece => {
        await stored.write(body, n, piece)
        n += 1
      },
    })
  }

  return {
    keep: async (message, bytes, limit, dueAt) => {
      const id = bodyId(Date.now())
      const taken = await writeAll({ id, message, dueAt }, bytes, limit)
      if (E.isRight(taken)) return E.right({ id, ...taken.right })
      // What cannot be removed now is due later.
      await stored.remove(id).catch(() => undefined)
      return taken
    },
    read,
    due: (before, most) => attempt(() => stored.due(before, most)),
    postpone: (id, dueAt) => attempt(() => stored.postpone(id, dueAt)),
    remove: id => attempt(() => stored.remove(id)),

    find: id => attempt(() => stored.find(id)),
    isWhole: ({ id, sha256 }) =>
      attempt(async () => {
        const hash = createHash('sha256')
        for await (const piece of stored.pieces(id)) hash.update(piece)
        return hash.digest('hex') === sha256 && (await stored.find(id)) !== undefined
      }),
    takeOver: async (body, bytes) => {
      const taken = await writeAll(body, bytes, Number.POSITIVE_INFINITY)
      return E.isRight(taken) ? E.right(undefined) : taken
    },
  }
}
