import type { Db } from 'mongodb'
import { z } from 'zod'
import type { SigningKey } from '../../auth/auth-store.ts'
import type { Keyed } from './client.ts'
import { insertNew, untilDone } from './insert-new.ts'

interface Stored extends Keyed {
  /** The keys in JSON, the one that signs first. */
  readonly keys: string
  /** Raised with every change. */
  readonly revision: number
}

const row = z.object({ keys: z.string(), revision: z.number() })
const keysShape: z.ZodType<readonly SigningKey[]> = z.array(
  z.object({ kid: z.string(), jwk: z.string(), retiresAt: z.number().exactOptional() }),
)

const id = 'signing'

/** The keys of a store that had none. */
export const signingKeysDocument = (keys: readonly SigningKey[]): Stored => ({
  _id: id,
  keys: JSON.stringify(keys),
  revision: 0,
})

/** The hub's signing keys: one document, so that processes that start at once, or rotate, end with the same keys. */
export const signingKeysIn = (db: Db) => {
  const collection = db.collection<Stored>('keys')

  const read = async () => {
    const stored = await collection.findOne({ _id: id })
    if (stored === null) return undefined
    const { keys, revision } = row.parse(stored)
    return { keys: keysShape.parse(JSON.parse(keys)), revision }
  }

  const replaceAt = async (revision: number, keys: readonly SigningKey[]): Promise<true | undefined> => {
    const { matchedCount } = await collection.updateOne(
      { _id: id, revision: { $eq: revision } },
      { $set: { keys: JSON.stringify(keys), revision: revision + 1 } },
    )
    return matchedCount === 1 ? true : undefined
  }

  const addFirst = (key: SigningKey) => insertNew(collection, signingKeysDocument([key]))

  return {
    published: async (now: number): Promise<readonly SigningKey[]> =>
      ((await read())?.keys ?? []).filter(({ retiresAt }) => retiresAt === undefined || retiresAt > now),
    addFirst,
    rotate: (key: SigningKey, retireAt: number) =>
      untilDone(async () => {
        const stored = await read()
        if (stored === undefined) return (await addFirst(key)) ? true : undefined
        const others = stored.keys.map(old => ({
          ...old,
          retiresAt: Math.min(old.retiresAt ?? retireAt, retireAt),
        }))
        return replaceAt(stored.revision, [key, ...others])
      }),
    sweep: (now: number) =>
      untilDone(async () => {
        const stored = await read()
        const kept = stored?.keys.filter(({ retiresAt }) => retiresAt === undefined || retiresAt > now)
        if (stored === undefined || kept === undefined || kept.length === stored.keys.length) return true
        return replaceAt(stored.revision, kept)
      }),
  }
}
