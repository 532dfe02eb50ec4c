import type { Db } from 'mongodb'
import { z } from 'zod'
import type { StoredCredential } from '../../auth/auth-store.ts'
import type { Keyed } from './client.ts'

interface Stored extends Keyed {
  readonly account: string
  readonly version: string
  readonly hash: string
  readonly imported: string | null
  readonly bcryptCost: number | null
  readonly addedAt: number
  /** Since when the sweep may look at it; null while it is live. */
  readonly candidateSince: number | null
}

const row = z.object({
  account: z.string(),
  version: z.string(),
  hash: z.string(),
  imported: z.string().nullable(),
})
const nameRow = row.pick({ account: true, version: true }).extend({ _id: z.string() })
const costRow = z.object({ bcryptCost: z.number() })

const mostAtOnce = 1_000

const keyOf = (account: string, version: string): string => JSON.stringify([account, version])

const bcryptCostOf = (hash: string): number | null => {
  const cost = /^\$2[aby]\$(\d\d)\$/.exec(hash)?.[1]
  return cost === undefined ? null : Number(cost)
}

export const credentialDocument = (
  { account, version, hash, imported }: StoredCredential,
  addedAt: number,
  candidateSince: number | null,
): Stored => ({
  _id: keyOf(account, version),
  account,
  version,
  hash,
  imported: imported ?? null,
  bcryptCost: bcryptCostOf(hash),
  addedAt,
  candidateSince,
})

/** Hashes of passwords and secrets, by account and version. */
export const credentialsIn = (db: Db) => {
  const collection = db.collection<Stored>('credentials')
  return {
    // One by one: ferretdb drops the connection where a command makes several that are there already.
    index: async () => {
      await collection.createIndex({ bcryptCost: 1 }, { name: 'by_cost' })
      await collection.createIndex({ candidateSince: 1 }, { name: 'by_candidate' })
      // What an earlier release has written: all its credentials are candidates, once.
      await collection.updateMany(
        { candidateSince: { $exists: false } },
        { $set: { candidateSince: Date.now() } },
      )
    },

    add: async (credential: StoredCredential) => {
      const { account } = credential
      // The keys of an account's credentials follow each other.
      const ofAccount = JSON.stringify([account, '']).slice(0, -2)
      const now = Date.now()
      await collection.updateMany(
        {
          _id: { $gte: ofAccount, $lt: `${ofAccount}\uffff` },
          account: { $eq: account },
          candidateSince: { $eq: null },
        },
        { $set: { candidateSince: now } },
      )
      await collection.insertOne(credentialDocument(credential, now, now))
    },

    supersede: async (account: string, versions: readonly string[]) => {
      await collection.updateMany(
        { _id: { $in: versions.map(version => keyOf(account, version)) } },
        { $set: { candidateSince: Date.now() } },
      )
    },

    get: async (account: string, version: string): Promise<StoredCredential | undefined> => {
      const stored = await collection.findOne({ _id: keyOf(account, version) })
      if (stored === null) return undefined
      const { imported, ...credential } = row.parse(stored)
      return imported === null ? credential : { ...credential, imported }
    },

    hasAny: async () => (await collection.findOne({}, { projection: { _id: 1 } })) !== null,

    rehash: async (before: StoredCredential, hash: string) => {
      await collection.updateOne(
        { _id: keyOf(before.account, before.version), hash: { $eq: before.hash } },
        { $set: { hash, bcryptCost: bcryptCostOf(hash) } },
      )
    },

    highestBcryptCost: async () => {
      const [dearest] = await collection
        .find({ bcryptCost: { $gt: 0 } }, { projection: { bcryptCost: 1 } })
        .sort({ bcryptCost: -1 })
        .limit(1)
        .toArray()
      return dearest === undefined ? undefined : costRow.parse(dearest).bcryptCost
    },

    sweep: async (before: number, isLive: (account: string, version: string) => boolean) => {
      for (let more = true; more; ) {
        // Asked of each row again when it is changed: another process may have superseded it meanwhile.
        const isCandidate = { candidateSince: { $lt: before } }
        const rows = await collection
          .find(isCandidate, { projection: { account: 1, version: 1 } })
          .limit(mostAtOnce)
          .toArray()
        const [live, dead]: [string[], string[]] = [[], []]
        for (const stored of rows) {
          const { _id, account, version } = nameRow.parse(stored)
          const list = isLive(account, version) ? live : dead
          list.push(_id)
        }
        if (live.length > 0)
          await collection.updateMany(
            { _id: { $in: live }, ...isCandidate },
            { $set: { candidateSince: null } },
          )
        if (dead.length > 0) await collection.deleteMany({ _id: { $in: dead }, ...isCandidate })
        more = rows.length === mostAtOnce
      }
    },
  }
}
