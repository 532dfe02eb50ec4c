import type { Db } from 'mongodb'
import { z } from 'zod'
import type { StoredKey, WrappedKey } from '../../auth/key-store.ts'
import type { Keyed } from './client.ts'
import { insertAllNew, insertNew } from './insert-new.ts'

export interface KeyDocument extends Keyed {
  /** Null once the key was destroyed, as `wrapped` is. */
  readonly master: string | null
  /** Base64. */
  readonly wrapped: string | null
}

const wrappedRow = z.object({ _id: z.string(), master: z.string(), wrapped: z.base64() }).transform(
  ({ _id, master, wrapped }): WrappedKey => ({
    account: _id,
    master,
    wrapped: Buffer.from(wrapped, 'base64'),
  }),
)

const keyRow: z.ZodType<StoredKey> = z.union([
  wrappedRow,
  z.object({ _id: z.string(), master: z.null() }).transform(({ _id }): StoredKey => ({ account: _id })),
])

export const keyDocument = (key: StoredKey): KeyDocument =>
  key.master === undefined
    ? { _id: key.account, master: null, wrapped: null }
    : { _id: key.account, master: key.master, wrapped: key.wrapped.toString('base64') }

const mostTogether = 200

/** The keys of people in auth's database. */
export const keysIn = (db: Db) => {
  const collection = db.collection<KeyDocument>('subject_keys')
  return {
    index: () => collection.createIndex({ master: 1 }),

    add: async (keys: readonly WrappedKey[]): Promise<void> => {
      await insertAllNew(collection, keys.map(keyDocument))
    },

    of: async (accounts: readonly string[]): Promise<readonly StoredKey[]> => {
      const keys: StoredKey[] = []
      for (let from = 0; from < accounts.length; from += mostTogether) {
        const some = accounts.slice(from, from + mostTogether)
        const rows = await collection.find({ _id: { $in: some } }).toArray()
        keys.push(...rows.map(row => keyRow.parse(row)))
      }
      return keys
    },

    destroy: async (account: string): Promise<void> => {
      if (await insertNew(collection, keyDocument({ account }))) return
      await collection.updateOne({ _id: { $eq: account } }, { $set: { master: null, wrapped: null } })
    },

    destroyed: async (): Promise<readonly string[]> => {
      const rows = await collection.find({ master: null }, { projection: { _id: 1 } }).toArray()
      return rows.map(({ _id }) => _id)
    },

    ofOtherMasters: async (master: string, most: number): Promise<readonly WrappedKey[]> => {
      const rows = await collection
        .find({ $or: [{ master: { $lt: master } }, { master: { $gt: master } }] })
        .limit(most)
        .toArray()
      return rows.map(row => wrappedRow.parse(row))
    },

    rewrap: async (keys: readonly WrappedKey[]): Promise<void> => {
      for (const { account, master, wrapped } of keys)
        await collection.updateOne(
          { _id: { $eq: account }, master: { $gt: '' } },
          { $set: { master, wrapped: wrapped.toString('base64') } },
        )
    },
  }
}
