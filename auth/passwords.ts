import { hash as digestOf, randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import bcrypt from 'bcrypt'
import * as E from '#fp/Either'
import type { AuthStore, AuthUnavailable, StoredCredential } from './auth-store.ts'
import { rehashingLane } from './lanes.ts'
import {
  fingerprintOfHash,
  hashOfNobody,
  hashPassword,
  isBcrypt,
  looksLikeBcrypt,
  matchesHash,
} from './password-hash.ts'
import type { Busy, Lane, SlowWork } from './slow-work.ts'

export type PasswordFailure = AuthUnavailable | Busy

export interface Passwords {
  /** Measures once what this machine's hashes take: `verify` waits for it, so whoever serves does it before. */
  readonly measure: () => Promise<unknown>
  /** Hashes and stores a new password; gives the version that an event must name to make it valid. */
  readonly add: (account: string, clear: string, lane: Lane) => Promise<E.Either<PasswordFailure, string>>
  /** Stores a bcrypt hash as it is; it is hashed anew in the background once the password was used. */
  readonly import: (account: string, hash: string) => Promise<E.Either<PasswordFailure, string>>
  /** Whether the pair was found right within the last ten minutes. */
  readonly isRemembered: (account: string, version: string | undefined, password: string) => boolean
  /**
   * Whether this is the account's password of that version. A pair found right is remembered for ten minutes. A wrong
   * one takes as long as the dearest hash stored would, whatever is wrong: also where there is no such account or
   * version.
   */
  readonly verify: (
    account: string,
    version: string | undefined,
    password: string,
    lane: Lane,
  ) => Promise<E.Either<PasswordFailure, boolean>>
  /** Whether the credential was imported from this very bcrypt hash. */
  readonly wasImportedFrom: (
    account: string,
    version: string,
    hash: string,
  ) => Promise<E.Either<PasswordFailure, boolean>>
}

const rememberMilliseconds = 600_000
const mostRemembered = 20_000
const calibrationCost = 8
// Bytes of a password and its final NUL that bcrypt looks at: of a longer one it cannot tell which it was.
const bcryptSees = 72
// More than a look at the store differs by, whether it holds the credential or not.
const lookStep = 20

/** What hashes take on this machine, in milliseconds: a new one, and a bcrypt hash of the calibration's cost. */
interface HashTimes {
  readonly scrypt: number
  readonly bcrypt: number
}

const took = async (work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now()
  await work()
  return performance.now() - start
}

const measureHashes = async (stranger: string): Promise<HashTimes> => {
  const scrypt = await took(() => matchesHash('a wrong password', stranger))
  // The least of three: what else the machine does meanwhile would be multiplied with it.
  let bcryptTakes = Number.POSITIVE_INFINITY
  for (let i = 0; i < 3; i += 1)
    bcryptTakes = Math.min(bcryptTakes, await took(() => bcrypt.hash('a wrong password', calibrationCost)))
  return { scrypt, bcrypt: bcryptTakes }
}

export const makePasswords = (store: AuthStore, slowly: SlowWork): Passwords => {
  const key = randomBytes(32).toString('hex')
  const remembered = new Map<string, number>()
  const checking = new Map<string, Promise<E.Either<PasswordFailure, boolean>>>()
  const stranger = hashOfNobody()
  let hashTimes: Promise<HashTimes> | undefined
  const measure = (): Promise<HashTimes> => {
    hashTimes ??= measureHashes(stranger)
    return hashTimes
  }

  // A key in front is enough of a keyed hash where nobody ever sees one: HMAC takes four times as long.
  const pairOf = (account: string, version: string | undefined, password: string): string =>
    digestOf('sha256', `${key}${account}\0${version ?? ''}\0${password}`, 'base64')

  const remember = (pair: string): void => {
    const oldest = remembered.keys().next().value
    if (remembered.size >= mostRemembered && oldest !== undefined) remembered.delete(oldest)
    remembered.set(pair, Date.now() + rememberMilliseconds)
  }

  const isKnown = (pair: string): boolean => {
    const until = remembered.get(pair)
    if (until === undefined) return false
    if (until > Date.now()) return true
    remembered.delete(pair)
    return false
  }

  /** The dearest hash stored, in milliseconds of this machine. */
  const floor = async (): Promise<E.Either<AuthUnavailable, number>> => {
    const times = await measure()
    const highest = await store.highestBcryptCost()
    if (E.isLeft(highest)) return highest
    const dearest = highest.right === undefined ? 0 : times.bcrypt * 2 ** (highest.right - calibrationCost)
    return E.right(Math.max(times.scrypt, dearest) * 1.2)
  }

  /** The old hash goes on working: one that could not be replaced now is replaced another time. */
  const rehash = async (credential: StoredCredential, password: string): Promise<void> => {
    const hash = await slowly(rehashingLane, () => hashPassword(password))
    if (E.isRight(hash)) await store.rehash(credential, hash.right)
  }

  /** A look at the store and one hash, also where there is no such account; a wrong one until the dearest would be done. */
  const compare = async (
    account: string,
    version: string | undefined,
    password: string,
    least: number,
  ): Promise<E.Either<AuthUnavailable, StoredCredential | undefined>> => {
    const start = performance.now()
    const credential = await store.credential(account, version ?? '')
    if (E.isLeft(credential)) return credential
    const looked = Math.ceil((performance.now() - start) / lookStep) * lookStep
    const { hash } = credential.right ?? { hash: stranger }
    if ((await matchesHash(password, hash)) && credential.right !== undefined) return credential
    await pause(Math.max(0, start + looked + least - performance.now()))
    return E.right(undefined)
  }

  const check = async (
    account: string,
    version: string | undefined,
    password: string,
    lane: Lane,
  ): Promise<E.Either<PasswordFailure, boolean>> => {
    const least = await floor()
    if (E.isLeft(least)) return least
    // A refusal keeps its place as long as the dearest hash would: else the queue behind it would tell them apart.
    const compared = await slowly(lane, () => compare(account, version, password, least.right))
    if (E.isLeft(compared)) return compared
    if (E.isLeft(compared.right)) return compared.right
    const credential = compared.right.right
    if (credential !== undefined && isBcrypt(credential.hash) && Buffer.byteLength(password) < bcryptSees)
      rehash(credential, password).catch(() => undefined)
    return E.right(credential !== undefined)
  }

  const stored = async (account: string, hash: string): Promise<E.Either<PasswordFailure, string>> => {
    const version = randomUUID()
    const imported = looksLikeBcrypt(hash) ? { imported: fingerprintOfHash(hash) } : {}
    const added = await store.addCredential({ account, version, hash, ...imported })
    return E.isLeft(added) ? added : E.right(version)
  }

  return {
    measure,
    add: async (account, clear, lane) => {
      const hash = await slowly(lane, () => hashPassword(clear))
      return E.isLeft(hash) ? hash : stored(account, hash.right)
    },
    import: stored,
    isRemembered: (account, version, password) => isKnown(pairOf(account, version, password)),
    verify: async (account, version, password, lane) => {
      const pair = pairOf(account, version, password)
      if (isKnown(pair)) return E.right(true)
      const underWay = checking.get(pair)
      if (underWay !== undefined) return underWay
      const checked = check(account, version, password, lane)
      checking.set(pair, checked)
      try {
        const result = await checked
        if (E.isRight(result) && result.right) remember(pair)
        return result
      } finally {
        checking.delete(pair)
      }
    },
    wasImportedFrom: async (account, version, hash) => {
      const credential = await store.credential(account, version)
      return E.isLeft(credential)
        ? credential
        : E.right(credential.right?.imported === fingerprintOfHash(hash))
    },
  }
}
