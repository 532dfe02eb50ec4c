import { Binary } from 'mongodb'
import { z } from 'zod'
import type { MessageBodies } from '../../commands/message-bodies.ts'
import { type MovableBodies, messageBodies, type StoredBody } from '../message-bodies.ts'
import type { Keyed, Mongo } from './client.ts'
import { insertNew } from './insert-new.ts'
import { once } from './once.ts'

interface Body extends Keyed {
  readonly message: string
  readonly dueAt: number
}

/** Its key is the body's id and the number of the piece. */
interface Piece extends Keyed {
  readonly bytes: Binary
}

const bodyRow = z.object({ _id: z.string(), message: z.string(), dueAt: z.number() })
const pieceRow = z.object({ bytes: z.instanceof(Binary) })

const storedOf = (row: unknown): StoredBody => {
  const { _id: id, ...body } = bodyRow.parse(row)
  return { id, ...body }
}

const keyOf = (id: string, n: number): string => `${id}/${n}`

/** Bodies of messages: on the disks of a majority when they are kept. */
export const messageBodiesIn = ({ auth: db, run }: Mongo): MessageBodies & MovableBodies => {
  const bodies = db.collection<Body>('message_bodies')
  const pieces = db.collection<Piece>('message_pieces')
  const ready = once(() => bodies.createIndex({ dueAt: 1 }))
  return messageBodies({
    write: ({ id, message, dueAt }, n, piece) =>
      run(async () => {
        await ready()
        if (n === 0) await insertNew(bodies, { _id: id, message, dueAt })
        await insertNew(pieces, { _id: keyOf(id, n), bytes: new Binary(piece) })
      }),
    find: id =>
      run(async () => {
        const row = await bodies.findOne({ _id: { $eq: id } })
        return row === null ? undefined : storedOf(row)
      }),
    pieces: async function* (id) {
      for (let n = 0; ; n += 1) {
        const row = await run(() => pieces.findOne({ _id: { $eq: keyOf(id, n) } }))
        if (row === null) return
        yield pieceRow.parse(row).bytes.value()
      }
    },
    due: (before, most) =>
      run(async () => {
        await ready()
        const rows = await bodies
          .find({ dueAt: { $lt: before } })
          .sort({ dueAt: 1 })
          .limit(most)
          .toArray()
        return rows.map(row => {
          const { id, message } = storedOf(row)
          return { id, message }
        })
      }),
    postpone: (id, dueAt) =>
      run(async () => {
        await bodies.updateOne({ _id: { $eq: id } }, { $set: { dueAt } })
      }),
    remove: id =>
      run(async () => {
        // Whichever a removal that was broken off has left. No id holds a slash, and after that comes a zero.
        await pieces.deleteMany({ _id: { $gte: `${id}/`, $lt: `${id}0` } })
        // Last: what is still there is due again.
        await bodies.deleteOne({ _id: { $eq: id } })
      }),
  })
}
