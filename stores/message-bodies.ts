import { randomUUID } from 'node:crypto'
import * as E from '#fp/Either'
import type { ContentUnavailable } from '../commands/content-store.ts'
import type { DueBody, MessageBodies } from '../commands/message-bodies.ts'
import { attempted } from './attempted.ts'
import { checked, takeIn } from './content.ts'

/** A body is kept in pieces of about so many bytes: so many are held at once. */
const pieceBytes = 256 * 1024

/** What an engine must do. What fails is thrown. */
export interface StoredBodies {
  /** Keeps a piece of a body, from 0 on; with the first one the body begins to be there. On the disk when it settles. */
  readonly write: (body: DueBody & { readonly dueAt: number }, n: number, piece: Uint8Array) => Promise<void>
  readonly has: (id: string) => Promise<boolean>
  readonly pieces: (id: string) => AsyncIterable<Uint8Array>
  readonly due: (before: number, most: number) => Promise<readonly DueBody[]>
  readonly postpone: (id: string, dueAt: number) => Promise<void>
  readonly remove: (id: string) => Promise<void>
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

/** The port of commands on an engine. */
export const messageBodies = (stored: StoredBodies): MessageBodies => ({
  keep: async (message, bytes, limit, dueAt) => {
    const body = { id: randomUUID(), message, dueAt }
    let n = 0
    const taken = await takeIn(inPieces(bytes), limit, {
      write: async piece => {
        await stored.write(body, n, piece)
        n += 1
      },
    })
    if (E.isRight(taken)) return E.right({ id: body.id, ...taken.right })
    // What cannot be removed now is due later.
    if (n > 0) await stored.remove(body.id).catch(() => undefined)
    return taken
  },
  read: ({ id, sha256 }) =>
    attempt(async () => ((await stored.has(id)) ? checked(stored.pieces(id), sha256) : undefined)),
  due: (before, most) => attempt(() => stored.due(before, most)),
  postpone: (id, dueAt) => attempt(() => stored.postpone(id, dueAt)),
  remove: id => attempt(() => stored.remove(id)),
})
