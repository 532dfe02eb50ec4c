import type { Either } from '#fp/Either'
import type { HubSecret } from './hub-secrets.ts'

/** The store of credentials and secrets cannot be reached or written now. */
export interface AuthUnavailable {
  readonly _tag: 'AuthUnavailable'
  readonly cause: unknown
}

export interface StoredCredential {
  readonly account: string
  /** Named by the event that makes it valid. */
  readonly version: string
  /** `$scrypt$ln=…,r=…,p=…$salt$hash` (base64), or a bcrypt hash that was imported. */
  readonly hash: string
  /** SHA-256 (hex) of the bcrypt hash it was imported as: recognises a repeat of the import. */
  readonly imported?: string
}

/** A key that signs access tokens. */
export interface SigningKey {
  /** Its thumbprint (RFC 7638). */
  readonly kid: string
  /** The private key as a JWK (RFC 8037), in JSON. */
  readonly jwk: string
  /** When it is published no longer, in ms since the epoch; undefined for the one that signs. */
  readonly retiresAt?: number
}

/** What counting an attempt found. */
export interface Attempts {
  /** Attempts in the window, this one included; one more than allowed when it was refused, and so not counted. */
  readonly count: number
  /** Milliseconds until the oldest of them leaves the window. */
  readonly untilFree: number
}

/**
 * What cannot be rebuilt from the log: hashes of passwords and secrets, and the hub's own keys. Never dropped by `rebuild`,
 * part of every backup. A row opens nothing by itself: an event must name its version.
 */
export interface AuthStore {
  /**
   * The sweep may look at it from now on: an event may never name it. So it may at the others of its account, which an
   * event that names it supersedes; where that was so already, it stays so since then.
   */
  readonly addCredential: (credential: StoredCredential) => Promise<Either<AuthUnavailable, void>>
  readonly credential: (
    account: string,
    version: string,
  ) => Promise<Either<AuthUnavailable, StoredCredential | undefined>>
  /** Whether it holds any credential. */
  readonly hasCredentials: () => Promise<Either<AuthUnavailable, boolean>>
  /** Replaces the hash of the same password, if it is still `before`. */
  readonly rehash: (credential: StoredCredential, hash: string) => Promise<Either<AuthUnavailable, void>>
  /** The highest cost of the bcrypt hashes stored; undefined when there are none. */
  readonly highestBcryptCost: () => Promise<Either<AuthUnavailable, number | undefined>>
  /** These versions of an account's credentials are candidates of the sweep since now, also where they were already. */
  readonly supersede: (account: string, versions: readonly string[]) => Promise<Either<AuthUnavailable, void>>
  /**
   * Looks at the credentials that have been candidates since before `before` (ms since the epoch), and at no others: those
   * that are live are candidates no longer, the rest is removed.
   */
  readonly sweepCredentials: (
    before: number,
    isLive: (account: string, version: string) => boolean,
  ) => Promise<Either<AuthUnavailable, void>>
  /** 32 random bytes, made on first use and the same ever after, for all processes. */
  readonly secret: (name: HubSecret) => Promise<Either<AuthUnavailable, Buffer>>
  /** Makes the secrets of these names anew. A process that has read the former one goes on with it. */
  readonly renewSecrets: (names: readonly HubSecret[]) => Promise<Either<AuthUnavailable, void>>
  /** Notes how far a running process knows the log; `undefined` when it ends. `process` is what `processName` gave. */
  readonly announce: (process: string, position: bigint | undefined) => Promise<Either<AuthUnavailable, void>>
  /** The positions of the processes that live: they announced themselves in the last ten seconds. */
  readonly announced: () => Promise<Either<AuthUnavailable, readonly bigint[]>>
  /** Counts an attempt under this key, unless `most` were counted in the last `milliseconds`. */
  readonly countAttempt: (
    key: string,
    most: number,
    milliseconds: number,
  ) => Promise<Either<AuthUnavailable, Attempts>>
  /** Takes the latest attempt under this key back. */
  readonly takeAttemptBack: (key: string) => Promise<Either<AuthUnavailable, void>>
  /** True for the first caller that uses this name; it is remembered until then (ms since the epoch) at least. */
  readonly useOnce: (name: string, until: number) => Promise<Either<AuthUnavailable, boolean>>
  /**
   * Keeps `value` under a name until it is released, if nothing is kept there yet, or what is kept is `instead`. Gives what is kept.
   */
  readonly claim: (name: string, value: string, instead?: string) => Promise<Either<AuthUnavailable, string>>
  /** What is kept under a name; undefined when nothing is. */
  readonly claimed: (name: string) => Promise<Either<AuthUnavailable, string | undefined>>
  /** Forgets what is kept under a name, if it is still this value. */
  readonly releaseClaim: (name: string, value: string) => Promise<Either<AuthUnavailable, void>>
  /** Notes when a node was last seen (ms since the epoch), unless that was noted less than a minute before. */
  readonly noteSeen: (clientId: string, at: number) => Promise<Either<AuthUnavailable, void>>
  readonly lastSeen: (
    clientIds: readonly string[],
  ) => Promise<Either<AuthUnavailable, ReadonlyMap<string, number>>>
  /** The keys that are still published, the one that signs first. */
  readonly signingKeys: () => Promise<Either<AuthUnavailable, readonly SigningKey[]>>
  /**
   * Adds a key that signs from now on; those before it are published until then, or until they were to retire where that is
   * earlier. With `first`, only if there is none.
   */
  readonly addSigningKey: (
    key: SigningKey,
    others: { readonly retireAt: number } | 'first',
  ) => Promise<Either<AuthUnavailable, void>>
  /** Forgets what has expired: attempts older than `milliseconds`, names used once, retired keys. */
  readonly sweepExpired: (milliseconds: number) => Promise<Either<AuthUnavailable, void>>
}
