import { z } from 'zod'
import * as E from '#fp/Either'
import type { Superseded } from '../../projections/checkpoints.ts'
import type { ReadUnavailable } from '../../projections/read-unavailable.ts'
import type { DeliveryRecord, DeliveryStore } from '../../relay/delivery-store.ts'
import { attempted } from '../attempted.ts'
import type { Keyed, Mongo } from './client.ts'
import { insertNew, untilDone } from './insert-new.ts'
import { once } from './once.ts'

/** Who works on a subscription: its key is the subscription. */
interface Holder extends Keyed {
  readonly token: number
}

interface Stored extends Keyed {
  readonly subscription: string
  readonly kind: string
  readonly key: string
  readonly text: string
  /** Of the last holder that wrote it, or took it over: an earlier one leaves it as it is. */
  readonly token: number
}

const holderRow = z.object({ token: z.number() })
const recordRow = z.object({
  subscription: z.string(),
  kind: z.enum(['progress', 'failing', 'dead']),
  key: z.string(),
  text: z.string(),
})
const superseded: Superseded = { _tag: 'Superseded' }

const recordOf = (row: unknown): DeliveryRecord => {
  const { kind, key, text } = recordRow.parse(row)
  return { kind, key, text }
}
const idOf = (subscription: string, { kind, key }: Pick<DeliveryRecord, 'kind' | 'key'>) =>
  `${subscription} ${kind} ${key}`

/** How far subscriptions are, and what could not be delivered. Without transactions: each record has its holder's token. */
export const deliveryStoreIn = ({ auth: db, run }: Mongo): DeliveryStore => {
  const holders = db.collection<Holder>('delivery_holders')
  const records = db.collection<Stored>('deliveries')
  const ready = once(() => records.createIndex({ subscription: 1, kind: 1, key: 1 }))

  const attempt = <A>(work: () => Promise<A>): Promise<E.Either<ReadUnavailable, A>> =>
    attempted(
      () =>
        run(async () => {
          await ready()
          return work()
        }),
      cause => ({ _tag: 'ReadUnavailable', cause }),
    )
  const unlessSuperseded = async <A>(
    work: () => Promise<A | undefined>,
  ): Promise<E.Either<ReadUnavailable | Superseded, A>> => {
    const done = await attempt(work)
    if (E.isLeft(done)) return done
    return done.right === undefined ? E.left(superseded) : E.right(done.right)
  }

  /** Whether this token is the highest that has taken the subscription over. */
  const takeOver = (subscription: string, token: number): Promise<boolean> =>
    untilDone(async () => {
      if (await insertNew(holders, { _id: subscription, token })) return true
      const row = await holders.findOne({ _id: { $eq: subscription } })
      if (row === null) return undefined
      const before = holderRow.parse(row).token
      if (before > token) return false
      const { matchedCount } = await holders.updateOne(
        { _id: { $eq: subscription }, token: { $eq: before } },
        { $set: { token } },
      )
      return matchedCount === 1 ? true : undefined
    })

  /** False where a later holder has it. */
  const putOne = (subscription: string, token: number, record: DeliveryRecord): Promise<boolean> =>
    untilDone(async () => {
      const _id = idOf(subscription, record)
      const { matchedCount } = await records.updateOne(
        { _id: { $eq: _id }, token: { $lte: token } },
        { $set: { text: record.text, token } },
      )
      if (matchedCount === 1) return true
      if (await insertNew(records, { _id, subscription, ...record, token })) return true
      const row = await records.findOne({ _id: { $eq: _id } }, { projection: { token: 1 } })
      return row !== null && holderRow.parse(row).token > token ? false : undefined
    })

  return {
    claim: (subscription, token) =>
      unlessSuperseded(async () => {
        if (!(await takeOver(subscription, token))) return undefined
        const mine = { subscription: { $eq: subscription }, token: { $lt: token } }
        await records.updateMany(mine, { $set: { token } })
        const rows = await records
          .find({ subscription: { $eq: subscription }, kind: { $in: ['progress', 'failing'] } })
          .toArray()
        return rows.map(recordOf)
      }),

    save: async (subscription, token, { put, remove }) =>
      E.map(() => undefined)(
        await unlessSuperseded(async () => {
          const row = await holders.findOne({ _id: { $eq: subscription } })
          if (row === null || holderRow.parse(row).token !== token) return undefined
          // What comes after says that this is there: a progress without it would pass over events.
          for (const record of put) if (!(await putOne(subscription, token, record))) return undefined
          for (const record of remove)
            await records.deleteOne({ _id: { $eq: idOf(subscription, record) }, token: { $lte: token } })
          return true
        }),
      ),

    progressOf: subscriptions =>
      attempt(async () => {
        const found = await Promise.all(
          subscriptions.map(async id => {
            const row = await records.findOne({ _id: { $eq: idOf(id, { kind: 'progress', key: '' }) } })
            return row === null ? [] : [[id, recordOf(row).text] as const]
          }),
        )
        return new Map(found.flat())
      }),

    deadLetters: (subscription, after, most) =>
      attempt(async () => {
        const rows = await records
          .find({ subscription: { $eq: subscription }, kind: { $eq: 'dead' }, key: { $gt: after } })
          .sort({ key: 1 })
          .limit(most)
          .toArray()
        return rows.map(recordOf)
      }),

    countDeadLetters: subscriptions =>
      attempt(async () => {
        const counts = await Promise.all(
          subscriptions.map(async id => {
            const count = await records.countDocuments({ subscription: { $eq: id }, kind: { $eq: 'dead' } })
            return [id, count] as const
          }),
        )
        return new Map(counts)
      }),

    forget: subscription =>
      attempt(async () => {
        await records.deleteMany({ subscription: { $eq: subscription } })
        await holders.deleteOne({ _id: { $eq: subscription } })
      }),
  }
}
