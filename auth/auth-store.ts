import type { TaskEither } from '#fp/TaskEither'

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

/**
 * What cannot be rebuilt from the log: hashes of passwords, and the hub's own secrets. Never dropped by `rebuild`,
 * part of every backup. A row opens nothing by itself: an event must name its version.
 */
export interface AuthStore {
  readonly addCredential: (credential: StoredCredential) => TaskEither<AuthUnavailable, void>
  readonly credential: (
    account: string,
    version: string,
  ) => TaskEither<AuthUnavailable, StoredCredential | undefined>
  /** Replaces the hash of the same password, if it is still `before`. */
  readonly rehash: (credential: StoredCredential, hash: string) => TaskEither<AuthUnavailable, void>
  /** The highest cost of the bcrypt hashes stored; undefined when there are none. */
  readonly highestBcryptCost: TaskEither<AuthUnavailable, number | undefined>
  /** Removes credentials older than `before` (ms since the epoch) that are not live. */
  readonly sweepCredentials: (
    before: number,
    isLive: (account: string, version: string) => boolean,
  ) => TaskEither<AuthUnavailable, void>
  /** 32 random bytes, made on first use and the same ever after, for all processes. */
  readonly secret: (name: string) => TaskEither<AuthUnavailable, Buffer>
  /** Notes how far a running process knows the log; `undefined` when it ends. */
  readonly announce: (process: string, position: bigint | undefined) => TaskEither<AuthUnavailable, void>
  /** The positions of the processes that announced themselves in the last ten seconds. */
  readonly announced: TaskEither<AuthUnavailable, readonly bigint[]>
}
