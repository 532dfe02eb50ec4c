import type { Either } from '#fp/Either'
import type { AuthUnavailable, SigningKey, StoredCredential } from './auth-store.ts'
import type { StoredKey } from './key-store.ts'

/**
 * A part of what auth's own store keeps, as another engine takes it over. Attempts and running processes stay behind: they
 * are of the moment.
 */
export interface AuthContents {
  /** `addedAt`, `until`, `at`: ms since the epoch. */
  readonly credentials: readonly (StoredCredential & {
    readonly addedAt: number
    /** Since when the sweep may look at it. */
    readonly candidateSince?: number
  })[]
  readonly secrets: readonly { readonly name: string; readonly secret: Buffer }[]
  readonly keys: readonly StoredKey[]
  readonly claims: readonly { readonly name: string; readonly value: string }[]
  readonly usedNames: readonly { readonly name: string; readonly until: number }[]
  readonly lastSeen: readonly { readonly clientId: string; readonly at: number }[]
  /** All of them or none, the one that signs first. */
  readonly signingKeys: readonly SigningKey[]
}

export interface AuthSource {
  /** All that is kept, in parts of 200 rows at most. What changes meanwhile may be given as before or after. Throws `AuthUnavailable`. */
  readonly contents: () => AsyncIterable<Partial<AuthContents>>
}

export interface AuthTarget {
  /** Whose store this is: that of the log it was claimed for, that of somebody unnamed who uses it, or nobody's. */
  readonly owner: () => Promise<
    Either<AuthUnavailable, { readonly logId: string; readonly isWhole: boolean } | 'somebody' | 'nobody'>
  >
  /** Makes a store that is nobody's that of this log, for ever. Whether it is that log's now. */
  readonly claimFor: (logId: string) => Promise<Either<AuthUnavailable, boolean>>
  /** Says that everything of this log has been taken over. */
  readonly isWholeFor: (logId: string) => Promise<Either<AuthUnavailable, void>>
  /** Keeps these rows, in the place of others with the same key. Gives how many were not there already as they are. */
  readonly takeOver: (contents: Partial<AuthContents>) => Promise<Either<AuthUnavailable, number>>
}
