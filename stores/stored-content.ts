import type { ByteRange } from '../commands/content-store.ts'

/** An upload as an engine takes it in. */
export interface Incoming {
  readonly write: (chunk: Uint8Array) => Promise<void>
  /** Makes what was written, all of it on the disk, what this hash stands for. */
  readonly keep: (sha256: string) => Promise<void>
  /** Removes what was not kept. */
  readonly discard: () => Promise<void>
}

/** What an engine has under a hash. */
export interface ContentSource {
  /** Another one whenever other bytes may be there. */
  readonly identity: string
  readonly size: number
  /** The bytes of this very thing; throws where it has become another one. */
  readonly read: (range: ByteRange) => AsyncIterable<Uint8Array>
}

/** What an engine must do; `stores/content.ts` makes the port of commands of it. Failures are thrown. */
export interface StoredContent {
  readonly begin: () => Promise<Incoming>
  readonly find: (sha256: string) => Promise<ContentSource | undefined>
  readonly isEmpty: () => Promise<boolean>
  /** Removes what uploads have left whose process has ended, or that are older than an hour. */
  readonly sweep: () => Promise<void>
}

export const forgottenMilliseconds = 3_600_000
