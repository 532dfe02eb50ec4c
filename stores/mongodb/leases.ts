import type { Db } from 'mongodb'
import { z } from 'zod'
import type { Leases } from '../../projections/leases.ts'
import { hasEnded } from '../process-name.ts'
import type { Attempt, Keyed } from './client.ts'
import { insertNew, untilDone } from './insert-new.ts'

const leaseRow = z.object({ holder: z.string(), token: z.number(), until: z.number() })

interface Stored extends Keyed, z.infer<typeof leaseRow> {}

/** Leases, a document each, changed only from what was read of it. */
export const leasesIn = (db: Db, attempt: Attempt): Leases => {
  const collection = db.collection<Stored>('leases')

  const take = (name: string, holder: string, milliseconds: number): Promise<number | undefined> =>
    untilDone<{ readonly token: number | undefined }>(async () => {
      const now = Date.now()
      const row = await collection.findOne({ _id: { $eq: name } })
      if (row === null) {
        await insertNew(collection, { _id: name, holder: '', token: 0, until: 0 })
        return undefined
      }
      const before = leaseRow.parse(row)
      const isOwn = before.holder === holder
      if (!isOwn && before.until > now && !hasEnded(before.holder)) return { token: undefined }
      const token = isOwn ? before.token : before.token + 1
      const { matchedCount } = await collection.updateOne(
        {
          _id: { $eq: name },
          holder: { $eq: before.holder },
          token: { $eq: before.token },
          until: { $eq: before.until },
        },
        { $set: { holder, token, until: now + milliseconds } },
      )
      return matchedCount === 1 ? { token } : undefined
    }).then(({ token }) => token)

  return {
    take: (names, holder, milliseconds) =>
      attempt(() => Promise.all(names.map(name => take(name, holder, milliseconds)))),
    drop: (names, holder) =>
      attempt(async () => {
        await collection.updateMany(
          { _id: { $in: [...names] }, holder: { $eq: holder } },
          { $set: { until: 0 } },
        )
      }),
  }
}
