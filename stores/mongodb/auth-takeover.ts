import { isDeepStrictEqual } from 'node:util'
import type { Db } from 'mongodb'
import { z } from 'zod'
import type { AuthContents } from '../../auth/auth-contents.ts'
import type { Keyed } from './client.ts'
import { credentialDocument } from './credentials.ts'
import { insertAllNew, insertNew } from './insert-new.ts'
import { keyDocument } from './keys.ts'
import { signingKeysDocument } from './signing-keys.ts'

interface Kept extends Keyed {
  readonly [field: string]: unknown
}

const ownerRow = z.object({ log: z.string(), whole: z.boolean() })

/** How auth's store in MongoDB takes over what another engine kept. */
export const takeoverIn = (db: Db) => {
  const owners = db.collection<Keyed & z.infer<typeof ownerRow>>('owner')

  const replaceAll = async (name: string, documents: readonly Kept[] = []): Promise<number> => {
    if (documents.length === 0) return 0
    const collection = db.collection<Kept>(name)
    const rows = await collection.find({ _id: { $in: documents.map(({ _id }) => _id) } }).toArray()
    const existing = new Map(rows.map(document => [document._id, document]))
    const other = documents.filter(document => !isDeepStrictEqual(existing.get(document._id), document))
    const missing = other.filter(({ _id }) => !existing.has(_id))
    const taken = new Set(await insertAllNew(collection, missing))
    for (const document of other)
      if (existing.has(document._id) || taken.has(document))
        await collection.replaceOne({ _id: { $eq: document._id } }, document)
    return other.length
  }

  const isEmpty = async (): Promise<boolean> => {
    for (const name of ['credentials', 'secrets', 'subject_keys', 'claims', 'keys'])
      if ((await db.collection(name).findOne()) !== null) return false
    return true
  }

  return {
    owner: async () => {
      const stored = await owners.findOne({ _id: 'log' })
      if (stored !== null) {
        const { log, whole } = ownerRow.parse(stored)
        return { logId: log, isWhole: whole }
      }
      return (await isEmpty()) ? 'nobody' : 'somebody'
    },

    claimFor: async (logId: string): Promise<boolean> =>
      (await insertNew(owners, { _id: 'log', log: logId, whole: false })) ||
      ownerRow.parse(await owners.findOne({ _id: 'log' })).log === logId,

    isWholeFor: async (logId: string): Promise<void> => {
      await owners.updateOne({ _id: 'log', log: { $eq: logId } }, { $set: { whole: true } })
    },

    takeOver: async (contents: Partial<AuthContents>): Promise<number> => {
      const { credentials, secrets, keys, claims, usedNames, lastSeen, signingKeys = [] } = contents
      const byCollection: Readonly<Record<string, readonly Kept[] | undefined>> = {
        credentials: credentials?.map(({ addedAt, candidateSince, ...credential }) => ({
          ...credentialDocument(credential, addedAt, candidateSince ?? null),
        })),
        secrets: secrets?.map(({ name, secret }) => ({ _id: name, secret: secret.toString('base64url') })),
        subject_keys: keys?.map(key => ({ ...keyDocument(key) })),
        claims: claims?.map(({ name, value }) => ({ _id: name, value })),
        used_once: usedNames?.map(({ name, until }) => ({ _id: name, until })),
        seen: lastSeen?.map(({ clientId, at }) => ({ _id: clientId, at })),
        keys: signingKeys.length === 0 ? [] : [{ ...signingKeysDocument(signingKeys) }],
      }
      let changed = 0
      for (const [name, documents] of Object.entries(byCollection))
        changed += await replaceAll(name, documents)
      return changed
    },
  }
}
