import type { Either } from '#fp/Either'
import type { AuthUnavailable } from './auth-store.ts'

/** A person's key as it is kept: encrypted under a master key of the hub. */
export interface WrappedKey {
  readonly account: string
  /** Names the master key that wraps it. */
  readonly master: string
  readonly wrapped: Buffer
}

/** A person whose key was destroyed: nobody ever gets another one under this account. */
export interface DestroyedKey {
  readonly account: string
  readonly master?: never
}

export type StoredKey = WrappedKey | DestroyedKey

export const isDestroyed = (key: StoredKey): key is DestroyedKey => key.master === undefined

/**
 * The keys of people, one for each account, in auth's own store. Every write is on disk when it answers; what is destroyed is
 * overwritten.
 */
export interface KeyStore {
  /** Keeps these keys. Where the account has one already, or had one, that stays. */
  readonly addKeys: (keys: readonly WrappedKey[]) => Promise<Either<AuthUnavailable, void>>
  /** What is kept for these accounts, in any order; nothing for one that never had a key. */
  readonly keysOf: (accounts: readonly string[]) => Promise<Either<AuthUnavailable, readonly StoredKey[]>>
  /** Destroys the key of an account for good, also of one that has none yet. Repeatable. */
  readonly destroyKey: (account: string) => Promise<Either<AuthUnavailable, void>>
  /** The accounts whose keys were destroyed. */
  readonly destroyedKeys: () => Promise<Either<AuthUnavailable, readonly string[]>>
  /** At most `most` keys that another master key wraps than this one. */
  readonly keysOfOtherMasters: (
    master: string,
    most: number,
  ) => Promise<Either<AuthUnavailable, readonly WrappedKey[]>>
  /** Keeps these in the place of what wrapped the same keys before. One destroyed meanwhile stays destroyed. */
  readonly rewrapKeys: (keys: readonly WrappedKey[]) => Promise<Either<AuthUnavailable, void>>
}
