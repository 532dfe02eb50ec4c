import type { MessageBodies } from '../../commands/message-bodies.ts'
import { type MovableBodies, messageBodies } from '../message-bodies.ts'

/** For tests: nothing outlives the process. */
export const memoryMessageBodies = (): MessageBodies & MovableBodies => {
  const bodies = new Map<string, { message: string; dueAt: number; pieces: Uint8Array[] }>()
  return messageBodies({
    write: async ({ id, message, dueAt }, n, piece) => {
      const body = bodies.get(id) ?? { message, dueAt, pieces: [] }
      body.pieces[n] ??= Uint8Array.from(piece)
      bodies.set(id, body)
    },
    find: async id => {
      const body = bodies.get(id)
      return body === undefined ? undefined : { id, message: body.message, dueAt: body.dueAt }
    },
    pieces: async function* (id) {
      yield* bodies.get(id)?.pieces ?? []
    },
    due: async (before, most) =>
      [...bodies]
        .filter(([, { dueAt }]) => dueAt < before)
        .toSorted(([, a], [, b]) => a.dueAt - b.dueAt)
        .slice(0, most)
        .map(([id, { message }]) => ({ id, message })),
    postpone: async (id, dueAt) => {
      const body = bodies.get(id)
      if (body !== undefined) body.dueAt = dueAt
    },
    remove: async id => {
      bodies.delete(id)
    },
  })
}
