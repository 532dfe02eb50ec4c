import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { Either } from '#fp/Either'
import type { AuthTarget } from '../../auth/auth-contents.ts'
import type { AuthStore, AuthUnavailable } from '../../auth/auth-store.ts'
import type { KeyStore } from '../../auth/key-store.ts'
import { attempted } from '../attempted.ts'
import { hasEnded } from '../process-name.ts'
import { attemptsIn } from './attempts.ts'
import { takeoverIn } from './auth-takeover.ts'
import { type Keyed, openMongo } from './client.ts'
import { credentialsIn } from './credentials.ts'
import { insertNew, untilDone } from './insert-new.ts'
import { keysIn } from './keys.ts'
import { once } from './once.ts'
import { signingKeysIn } from './signing-keys.ts'

const newSecret = (): string => randomBytes(32).toString('base64url')

const liveMilliseconds = 10_000
const forgetMilliseconds = 3_600_000

const secretRow = z.object({ secret: z.base64url() })
const processRow = z.object({ _id: z.string(), position: z.bigint() })
const claimRow = z.object({ value: z.string() })
const seenRow = z.object({ _id: z.string(), at: z.number() })

export interface MongoAuthStore extends AuthStore, KeyStore, AuthTarget {
  readonly close: () => Promise<void>
}

/**
 * Auth's own store in the MongoDB database that the URL names, and `_auth`. Every write is on the disks of a majority
 * when it answers; what has expired is removed by `sweepExpired`, never by the server.
 */
export const mongoAuthStore = (url: string): MongoAuthStore => {
  const mongo = openMongo(url)
  const db = mongo.auth
  const attempt = <A>(work: () => Promise<A>): Promise<Either<AuthUnavailable, A>> =>
    attempted(
      () => mongo.run(work),
      cause => ({ _tag: 'AuthUnavailable', cause }),
    )
  const credentials = credentialsIn(db)
  const attempts = attemptsIn(db)
  const signing = signingKeysIn(db)
  const takeover = takeoverIn(db)
  const keys = keysIn(db)
  const secrets = db.collection<Keyed & { readonly secret: string }>('secrets')
  const processes = db.collection<Keyed & { readonly position: bigint; readonly seenAt: number }>('processes')
  const usedOnce = db.collection<Keyed & { readonly until: number }>('used_once')
  const claims = db.collection<Keyed & { readonly value: string }>('claims')
  const seen = db.collection<Keyed & { readonly at: number }>('seen')

  /** Makes the indexes of what is found otherwise than by its key. */
  const indexed = once(() =>
    Promise.all([
      credentials.index(),
      attempts.index(),
      usedOnce.createIndex({ until: 1 }),
      processes.createIndex({ seenAt: 1 }),
      keys.index(),
    ]),
  )

  return {
    addKeys: added => attempt(() => keys.add(added)),
    keysOf: accounts => attempt(() => keys.of(accounts)),
    destroyKey: account => attempt(() => keys.destroy(account)),
    destroyedKeys: () =>
      attempt(async () => {
        await indexed()
        return keys.destroyed()
      }),
    keysOfOtherMasters: (master, most) =>
      attempt(async () => {
        await indexed()
        return keys.ofOtherMasters(master, most)
      }),
    rewrapKeys: rewrapped => attempt(() => keys.rewrap(rewrapped)),

    addCredential: credential => attempt(() => credentials.add(credential)),
    credential: (account, version) => attempt(() => credentials.get(account, version)),
    hasCredentials: () => attempt(() => credentials.hasAny()),
    rehash: (before, hash) => attempt(() => credentials.rehash(before, hash)),
    highestBcryptCost: () =>
      attempt(async () => {
        await indexed()
        return credentials.highestBcryptCost()
      }),
    supersede: (account, versions) => attempt(() => credentials.supersede(account, versions)),
    sweepCredentials: (before, isLive) =>
      attempt(async () => {
        await indexed()
        await credentials.sweep(before, isLive)
      }),

    secret: name =>
      attempt(() =>
        untilDone(async () => {
          const stored = await secrets.findOne({ _id: { $eq: name } })
          if (stored !== null) return Buffer.from(secretRow.parse(stored).secret, 'base64url')
          await insertNew(secrets, { _id: name, secret: newSecret() })
          return undefined
        }),
      ),

    renewSecrets: names =>
      attempt(async () => {
        for (const name of names)
          await secrets.updateOne({ _id: { $eq: name } }, { $set: { secret: newSecret() } }, { upsert: true })
      }),

    announce: (id, position) =>
      attempt(async () => {
        if (position === undefined) await processes.deleteOne({ _id: { $eq: id } })
        else
          await processes.updateOne(
            { _id: { $eq: id } },
            { $set: { position, seenAt: Date.now() } },
            { upsert: true },
          )
      }),
    announced: () =>
      attempt(async () => {
        const live = await processes.find({ seenAt: { $gt: Date.now() - liveMilliseconds } }).toArray()
        return live
          .map(row => processRow.parse(row))
          .filter(({ _id }) => !hasEnded(_id))
          .map(({ position }) => position)
      }),

    countAttempt: (key, most, milliseconds) => attempt(() => attempts.count(key, most, milliseconds)),
    takeAttemptBack: key => attempt(() => attempts.takeBack(key)),

    useOnce: (name, until) => attempt(() => insertNew(usedOnce, { _id: name, until })),

    claim: (name, value, instead) =>
      attempt(() =>
        untilDone(async () => {
          if (await insertNew(claims, { _id: name, value })) return value
          if (instead !== undefined)
            await claims.updateOne({ _id: { $eq: name }, value: { $eq: instead } }, { $set: { value } })
          const kept = await claims.findOne({ _id: { $eq: name } })
          return kept === null ? undefined : claimRow.parse(kept).value
        }),
      ),

    claimed: name =>
      attempt(async () => {
        const kept = await claims.findOne({ _id: { $eq: name } })
        return kept === null ? undefined : claimRow.parse(kept).value
      }),
    releaseClaim: (name, value) =>
      attempt(async () => {
        await claims.deleteOne({ _id: { $eq: name }, value: { $eq: value } })
      }),

    noteSeen: (clientId, at) =>
      attempt(async () => {
        if (await insertNew(seen, { _id: clientId, at })) return
        await seen.updateOne({ _id: { $eq: clientId }, at: { $lte: at - 60_000 } }, { $set: { at } })
      }),
    lastSeen: clientIds =>
      attempt(async () => {
        const rows = await seen.find({ _id: { $in: [...clientIds] } }).toArray()
        return new Map(rows.map(row => seenRow.parse(row)).map(({ _id, at }) => [_id, at]))
      }),

    signingKeys: () => attempt(() => signing.published(Date.now())),
    addSigningKey: (key, others) =>
      attempt(async () => {
        if (others === 'first') await signing.addFirst(key)
        else await signing.rotate(key, others.retireAt)
      }),

    sweepExpired: milliseconds =>
      attempt(async () => {
        await indexed()
        const now = Date.now()
        await attempts.sweep(now - milliseconds)
        await usedOnce.deleteMany({ until: { $lte: now } })
        await processes.deleteMany({ seenAt: { $lt: now - forgetMilliseconds } })
        await signing.sweep(now)
      }),

    owner: () => attempt(() => takeover.owner()),
    claimFor: logId => attempt(() => takeover.claimFor(logId)),
    isWholeFor: logId => attempt(() => takeover.isWholeFor(logId)),
    takeOver: contents => attempt(() => takeover.takeOver(contents)),

    close: () => mongo.close(),
  }
}
