import type { Either } from '#fp/Either'
import type { Content } from '../domain/content.ts'

/** Bytes by what they are, and whom they are about: the same are kept once for each person, and once for what is nobody's. */
export interface ContentName extends Pick<Content, 'size' | 'sha256'> {
  /** The person under whose key they are encrypted; without one it is a key of the hub. */
  readonly subject?: string
}

/** The bytes from `first` to `last`, both included, counted from 0. */
export interface ByteRange {
  readonly first: number
  readonly last: number
}

/** The person that they were about is forgotten. */
export interface ContentErased {
  readonly _tag: 'ContentErased'
}

/** The store of contents cannot be reached or written now. */
export interface ContentUnavailable {
  readonly _tag: 'ContentUnavailable'
  readonly cause: unknown
}

/** What is kept under this name is gone, or other bytes. */
export interface ContentDamaged {
  readonly _tag: 'ContentDamaged'
}

export interface ContentTooLarge {
  readonly _tag: 'ContentTooLarge'
  /** Bytes a content may have. */
  readonly limit: number
}

/** The bytes ended with an error instead of an end. */
export interface ContentCutShort {
  readonly _tag: 'ContentCutShort'
  readonly cause: unknown
}

/** Bytes that arrived whole, and are not kept yet. */
export interface ReceivedContent extends ContentName {
  /** On the disk under their name when it answers, in place of what was there: an event may name them from then on. Repeatable. */
  readonly keep: () => Promise<Either<ContentUnavailable, void>>
}

/**
 * The contents that events name, each encrypted under the key of the person it is about. One is written before the event that
 * names it, and removed only with all of its person's: the history of its document goes on naming it.
 */
export interface ContentStore {
  /**
   * Takes bytes in as they come, holding no more of them in memory than one piece, and gives `work` what arrived. What
   * `work` did not keep is removed when it has ended; what a killed process leaves, by `sweep`. With a `subject` they are that
   * person's.
   */
  readonly receive: <Failure, A>(
    bytes: AsyncIterable<Uint8Array>,
    limit: number,
    work: (received: ReceivedContent) => Promise<Either<Failure, A>>,
    subject?: string,
  ) => Promise<Either<Failure | ContentUnavailable | ContentErased | ContentTooLarge | ContentCutShort, A>>
  /** Whether a content is there, and its bytes are those that were kept. Looked at anew after ten minutes at the latest. */
  readonly verify: (
    content: ContentName,
  ) => Promise<Either<ContentUnavailable | ContentDamaged | ContentErased, void>>
  /**
   * The bytes of a content that `verify` has just found right, or a range of them. Throws in the middle, and never after
   * the last byte, where what is read is not what was verified.
   */
  readonly read: (content: ContentName, range?: ByteRange) => AsyncIterable<Uint8Array>
  /** Removes all contents of a person; those that were kept before contents were encrypted stay. Repeatable. */
  readonly removeAllOf: (subject: string) => Promise<Either<ContentUnavailable, void>>
  /** Whether it holds no content at all. */
  readonly isEmpty: () => Promise<Either<ContentUnavailable, boolean>>
  /** Removes what uploads have left that ended without ending: their process is gone, or they are more than an hour old. */
  readonly sweep: () => Promise<Either<ContentUnavailable, void>>
}
