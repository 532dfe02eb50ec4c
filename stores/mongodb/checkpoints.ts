import type { Db, Filter } from 'mongodb'
import { z } from 'zod'
import type { Checkpoint, Checkpoints } from '../../projections/checkpoints.ts'
import type { Attempt, Keyed } from './client.ts'
import { insertNew, untilDone } from './insert-new.ts'
import { unlessSuperseded, valueUnlessSuperseded } from './superseded.ts'

const checkpointRow = z.object({ token: z.number(), position: z.bigint(), eventId: z.string() })

const startOfLog: Checkpoint = { position: 0n, eventId: '' }

interface Stored extends Keyed, z.infer<typeof checkpointRow> {}

/** Checkpoints of followers without a read model, a document each. */
export const checkpointsIn = (db: Db, attempt: Attempt): Checkpoints => {
  const collection = db.collection<Stored>('checkpoints')

  const claim = (name: string, token: number): Promise<Checkpoint | undefined> =>
    untilDone<{ readonly checkpoint: Checkpoint | undefined }>(async () => {
      const earlier = { _id: { $eq: name }, token: { $lt: token } }
      await collection.updateOne(earlier, { $set: { token } })
      // Read after the claim: whoever had the lease before may have moved it until then.
      const row = await collection.findOne({ _id: { $eq: name } })
      if (row === null) {
        const isNew = await insertNew(collection, { _id: name, token, ...startOfLog })
        return isNew ? { checkpoint: startOfLog } : undefined
      }
      const stored = checkpointRow.parse(row)
      if (stored.token < token) return undefined
      const { position, eventId } = stored
      return { checkpoint: stored.token === token ? { position, eventId } : undefined }
    }).then(({ checkpoint }) => checkpoint)

  const set = async (
    name: string,
    token: number,
    { position, eventId }: Checkpoint,
    where: Filter<Stored>,
  ): Promise<boolean> => {
    const { matchedCount } = await collection.updateOne(
      { _id: { $eq: name }, token: { $eq: token }, ...where },
      { $set: { position, eventId } },
    )
    return matchedCount === 1
  }

  return {
    claim: (name, token) => valueUnlessSuperseded(attempt(() => claim(name, token))),
    move: (name, token, to) =>
      unlessSuperseded(attempt(() => set(name, token, to, { position: { $lte: to.position } }))),
    restart: (name, token) => unlessSuperseded(attempt(() => set(name, token, startOfLog, {}))),
  }
}
