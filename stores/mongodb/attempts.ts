import type { Db } from 'mongodb'
import { z } from 'zod'
import type { Attempts } from '../../auth/auth-store.ts'
import type { Keyed } from './client.ts'
import { insertNew, untilDone } from './insert-new.ts'

interface Stored extends Keyed {
  /** In ms since the epoch; never more than are allowed. */
  readonly times: readonly number[]
  readonly newest: number
}

const row = z.object({ times: z.array(z.number()) })

/** Attempts of the guessing limits: one document a key, which holds their times. */
export const attemptsIn = (db: Db) => {
  const collection = db.collection<Stored>('attempts')

  const countOnce = async (
    key: string,
    most: number,
    milliseconds: number,
  ): Promise<Attempts | undefined> => {
    const now = Date.now()
    const since = now - milliseconds
    const attemptsOf = (times: readonly number[], count: number): Attempts => ({
      count,
      untilFree: Math.min(...times, now) + milliseconds - now,
    })
    // One update both looks whether there is room and takes it: two callers never take the same.
    const counted = await collection.findOneAndUpdate(
      { _id: { $eq: key }, [`times.${most - 1}`]: { $exists: false } },
      { $push: { times: now }, $max: { newest: now } },
      { returnDocument: 'after' },
    )
    if (counted !== null) {
      const times = row.parse(counted).times.filter(at => at > since)
      return attemptsOf(times, times.length)
    }
    const full = await collection.findOne({ _id: { $eq: key } })
    if (full === null) {
      const isFirst = await insertNew(collection, { _id: key, times: [now], newest: now })
      return isFirst ? attemptsOf([now], 1) : undefined
    }
    const { times } = row.parse(full)
    if (times.length >= most && times.every(at => at > since)) return attemptsOf(times, times.length + 1)
    await collection.updateOne(
      { _id: { $eq: key } },
      { $pullAll: { times: times.filter(at => at <= since) } },
    )
    return undefined
  }

  return {
    index: () => collection.createIndex({ newest: 1 }),
    count: (key: string, most: number, milliseconds: number) =>
      untilDone(() => countOnce(key, most, milliseconds)),
    takeBack: async (key: string) => {
      await collection.updateOne({ _id: { $eq: key } }, { $pop: { times: 1 } })
    },
    sweep: async (until: number) => {
      await collection.deleteMany({ newest: { $lte: until } })
    },
  }
}
