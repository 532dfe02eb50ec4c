import type { Db, Filter } from 'mongodb'
import { z } from 'zod'
import type { Checkpoint, Checkpoints } from '../../projections/checkpoints.ts'
import type { Attempt, Keyed } from './client.ts'
import { insertNew } from './insert-new.ts'
import { unlessSuperseded, valueUnlessSuperseded } from './superseded.ts'

const checkpointRow = z.object({ token: z.number(), position: z.bigint(), eventId: z.string() })

const startOfLog: Checkpoint = { position: 0n, eventId: '' }

interface Stored extends Keyed, z.infer<typeof checkpointRow> {}

/** Checkpoints of followers without a read model, a document each. */
export const checkpointsIn = (db: Db, attempt: Attempt): Checkpoints => {
  const collection = db.collection<Stored>('checkpoints')

  const claim = async (name: string, token: number): Promise<Checkpoint | undefined> => {
    const claimed = { _id: { $eq: name }, token: { $lte: token } }
    const isThere = (await collection.updateOne(claimed, { $set: { token } })).matchedCount === 1
    if (!isThere) await insertNew(collection, { _id: name, token, ...startOfLog })
    // Read after the claim: whoever had the lease before may have moved it until then.
    const row = checkpointRow.parse(await collection.findOne({ _id: { $eq: name } }))
    return row.token === token ? { position: row.position, eventId: row.eventId } : undefined
  }

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
