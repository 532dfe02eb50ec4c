import { createHash, createSecretKey, type KeyObject } from 'node:crypto'
import type { Either } from '#fp/Either'

/** A key that wraps the keys of people. It is kept apart from all that it wraps. */
export interface MasterKey {
  /** Names it in what it wraps: 16 hex digits of a hash. */
  readonly id: string
  /** 256 bits. */
  readonly key: KeyObject
}

/** The file of master keys cannot be used: it is not there, cannot be read, or is none. */
export interface MasterKeyUnusable {
  readonly _tag: 'MasterKeyUnusable'
  readonly file: string
  readonly reason: 'missing' | 'unreadable' | 'not a key' | 'another key'
}

/** The hub's master keys: the first wraps what is new, all of them open. While a master key is being changed there are two. */
export interface MasterKeys {
  readonly file: string
  readonly read: () => Promise<Either<MasterKeyUnusable, readonly MasterKey[]>>
  /** Makes the file with a new key, unless it is there. */
  readonly make: () => Promise<Either<MasterKeyUnusable, void>>
  /** Keeps these and no others, in one step. */
  readonly replace: (keys: readonly MasterKey[]) => Promise<Either<MasterKeyUnusable, void>>
}

export const masterKeyOf = (key: Buffer): MasterKey => ({
  id: createHash('sha256').update('thalamus master key').update(key).digest('hex').slice(0, 16),
  key: createSecretKey(key),
})
