import type { ByteRange } from '../commands/content-store.ts'

/** Where an engine keeps bytes: names that tell nothing of them, and whose they are. */
export interface ContentPlace {
  /** 64 hex digits. */
  readonly name: string
  /** Names all that is kept of one person: 64 hex digits. */
  readonly owner?: string
}

/** An upload as an engine takes it in. */
export interface Incoming {
  readonly write: (chunk: Uint8Array) => Promise<void>
  /** Keeps what was written, all of it on the disk, at this place. */
  readonly keep: (place: ContentPlace) => Promise<void>
  /** Removes what was not kept. */
  readonly discard: () => Promise<void>
}

/** What an engine has at a place. */
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
  readonly find: (place: ContentPlace) => Promise<ContentSource | undefined>
  /** Removes all that is kept of an owner. */
  readonly removeAllOf: (owner: string) => Promise<void>
  readonly isEmpty: () => Promise<boolean>
  /** Removes what uploads have left whose process has ended, or that are older than an hour. */
  readonly sweep: () => Promise<void>
}

export const forgottenMilliseconds = 3_600_000
