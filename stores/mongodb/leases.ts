import type { Db } from 'mongodb'
import { z } from 'zod'
import type { ModelShape } from '../../projections/read-store.ts'
import { hasEnded } from '../process-name.ts'
import type { Keyed } from './client.ts'
import { versionName } from './generations.ts'
import { insertNew, untilDone } from './insert-new.ts'

const leaseRow = z.object({ holder: z.string(), token: z.number(), until: z.number() })

interface Stored extends Keyed, z.infer<typeof leaseRow> {}

/** Who feeds which read model, a document each, changed only from what was read of it. */
export const leasesIn = (db: Db) => {
  const collection = db.collection<Stored>('leases')

  const take = (model: ModelShape, holder: string, milliseconds: number): Promise<number | undefined> =>
    untilDone<{ readonly token: number | undefined }>(async () => {
      const now = Date.now()
      const _id = versionName(model)
      const row = await collection.findOne({ _id })
      if (row === null) {
        await insertNew(collection, { _id, holder: '', token: 0, until: 0 })
        return undefined
      }
      const known = leaseRow.parse(row)
      const isOwn = known.holder === holder
      if (!isOwn && known.until > now && !hasEnded(known.holder)) return { token: undefined }
      const token = isOwn ? known.token : known.token + 1
      const { matchedCount } = await collection.updateOne(
        { _id, holder: { $eq: known.holder }, token: { $eq: known.token }, until: { $eq: known.until } },
        { $set: { holder, token, until: now + milliseconds } },
      )
      return matchedCount === 1 ? { token } : undefined
    }).then(({ token }) => token)

  return {
    take,
    drop: async (holder: string): Promise<void> => {
      await collection.updateMany({ holder: { $eq: holder } }, { $set: { until: 0 } })
    },
  }
}
