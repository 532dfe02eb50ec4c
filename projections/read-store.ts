import type { Either } from '#fp/Either'
import type { Checkpoint, Superseded } from './checkpoints.ts'
import type { ReadUnavailable } from './read-unavailable.ts'

/** Integers are bigint, a flag is 0n or 1n. */
export type FieldValue = string | bigint | null

/** What a read model stores beside each document's text, and the indexes its queries need. */
export interface ModelShape {
  readonly name: string
  /** Raised with every change of what is stored: a new version is built from the log beside the old one. */
  readonly version: number
  readonly fields: Readonly<Record<string, 'text' | 'integer'>>
  /** The fields that say from and until when a document is valid, where its documents are versions. */
  readonly validity?: Validity
  /**
   * Fields by which documents are found in this order, then by key. `also` are fields that queries compare on the
   * way: the index holds them, so that no document is read in vain. With `where`, only documents that have that field
   * need to be in it: queries by it name the field. Of those that serve a query the first is the best: the fewest
   * documents have what it compares. Where the last field is nearly unique, `withoutKey` leaves the key out: equal values
   * are put in order when they are read.
   */
  readonly indexes: readonly {
    readonly fields: readonly string[]
    readonly also?: readonly string[]
    readonly where?: string
    readonly withoutKey?: boolean
  }[]
}

/**
 * Names of integer fields: positions `from` ≤ P < `to`, the largest integer while the version is open, and the log's clock at
 * the same events in milliseconds since the epoch, `clockTo` null while it is open.
 */
export interface Validity {
  readonly from: string
  readonly to: string
  readonly clockFrom: string
  readonly clockTo: string
}

export interface Document {
  readonly key: string
  readonly revision: number
  /** Of the last event that made it. */
  readonly position: bigint
  /** The item as JSON, served as it is; null once removed. */
  readonly text: string | null
  readonly fields: Readonly<Record<string, FieldValue>>
}

/** Sets some fields of a document. Its text, its revision and its other fields stay as they are. */
export interface FieldChange {
  readonly key: string
  /** Of the event that makes the change: a document of this position or a later one is left as it is. */
  readonly position: bigint
  readonly fields: Readonly<Record<string, FieldValue>>
}

/** A document without what only queries need. */
export type Held = Omit<Document, 'fields'>

/** `from` ≤ field < `until`, in the field's own order: texts by their code points, integers by value. Null is in no range. */
export interface Range {
  readonly field: string
  readonly from?: string | bigint
  readonly until?: string | bigint
}

export interface Query {
  /** Null equals nothing. */
  readonly equals: Readonly<Record<string, FieldValue>>
  /** `from` ≤ key < `until`. */
  readonly keys?: { readonly from: string; readonly until: string }
  /** All of them hold. */
  readonly ranges?: readonly Range[]
  /**
   * Only versions that were valid at this position, and, with a time, as of that time: `from` ≤ position,
   * `clockFrom` ≤ time, and `clockTo` > time or `to` > position. A reader takes the checkpoint as the position, so
   * that a batch that is half written is invisible, and each item has one version or none. The model has a `validity`.
   */
  readonly validAt?: { readonly position: bigint; readonly time?: bigint }
  /** The field that orders, before the key; without one the key alone does. */
  readonly orderedBy?: string
  readonly descending: boolean
  /** Only what comes after this document in the order. */
  readonly after?: { readonly value: FieldValue; readonly key: string }
  readonly limit: number
  /** Ends early before the texts together take more bytes than this; one document is always given. */
  readonly mostBytes: number
}

/** What a query gives of its documents, in order. */
export interface DocumentPage {
  readonly documents: readonly {
    readonly key: string
    readonly text: string
    /** The value of the field that orders; null without one. */
    readonly orderedBy: FieldValue
  }[]
  readonly more: boolean
}

/** The queries' side of the store of read models: what is served now. Removed documents are found by key only. */
export interface ReadModels {
  readonly get: (model: ModelShape, key: string) => Promise<Either<ReadUnavailable, Held | undefined>>
  readonly find: (model: ModelShape, query: Query) => Promise<Either<ReadUnavailable, DocumentPage>>
  /** How many documents a query without bounds would find, or `most` where there are more. An index has the fields. */
  readonly count: (
    model: ModelShape,
    equals: Query['equals'],
    most: number,
  ) => Promise<Either<ReadUnavailable, number>>
  readonly checkpoint: (model: ModelShape) => Promise<Either<ReadUnavailable, ModelCheckpoint>>
}

/** What the lease of feeding a read model is called: each version has its own. */
export const leaseName = ({ name, version }: ModelShape): string => `${name}_${version}`

/** How far a read model has come, and the clock of the log there. */
export interface ModelCheckpoint extends Checkpoint {
  /** As `clockAfter` has it, in milliseconds since the epoch; 0 at the start. */
  readonly clock: bigint
}

/** A read model as it is being built: a changed model, and `rebuild`, start one of their own. */
export interface Generation {
  readonly model: ModelShape
  readonly number: number
  readonly checkpoint: ModelCheckpoint
  /** Of the lease under which it is fed; a generation that is built beside the one served has none. */
  readonly token?: number
}

/** Each key is in one of the lists at most. */
export interface Changes {
  readonly generation: Generation
  readonly documents: readonly Document[]
  readonly fieldChanges?: readonly FieldChange[]
}

/**
 * The projector's side. Documents and checkpoint are committed together. A document replaces one of an older
 * position only, so redelivery is harmless; the checkpoint moves only from the very place the projector read.
 * A commit is on disk within `flushMilliseconds`, so that batches can share one: this process sees it at once, a
 * crash may take it back together with its checkpoint.
 */
export interface ReadModelWriter {
  /**
   * The generation served, made when there is none. With a token, only who has it may move the checkpoint from now on: a
   * holder whose lease has passed on is fenced out.
   */
  readonly served: (model: ModelShape, token?: number) => Promise<Either<ReadUnavailable, Generation>>
  /** A new, empty generation beside the one served. */
  readonly begin: (model: ModelShape) => Promise<Either<ReadUnavailable, Generation>>
  readonly load: (
    generation: Generation,
    keys: readonly string[],
  ) => Promise<Either<ReadUnavailable, readonly Document[]>>
  /** The keys of the documents that are found so; of removed ones only by their keys, if at all. */
  readonly keysAbout: (
    generation: Generation,
    about: Pick<Query, 'equals' | 'keys'>,
  ) => Promise<Either<ReadUnavailable, readonly string[]>>
  /**
   * Documents of a generation, removed ones too, in the order of their keys (by their bytes in UTF-8) after this one: `most`
   * of them, or fewer where their texts take 8 MiB, one at least where there is one. None at the end.
   */
  readonly documentsAfter: (
    generation: Generation,
    key: string | undefined,
    most: number,
  ) => Promise<Either<ReadUnavailable, readonly Document[]>>
  readonly commit: (
    changes: readonly Changes[],
    checkpoint: ModelCheckpoint,
    flushMilliseconds: number,
  ) => Promise<Either<ReadUnavailable | Superseded, void>>
  /**
   * Fails with `Superseded` unless each still stands where its checkpoint says: a commit may have been taken back, the
   * store deleted, another generation served, the lease passed on.
   */
  readonly confirm: (
    generations: readonly Generation[],
  ) => Promise<Either<ReadUnavailable | Superseded, void>>
  /**
   * Serves these instead: true when it did. With `if as far`, only if each has come as far as the one served now, so
   * that nobody's write disappears; `whatever was served` is for a log that is another than before.
   */
  readonly serve: (
    generations: readonly Generation[],
    condition: 'if as far' | 'whatever was served',
  ) => Promise<Either<ReadUnavailable, boolean>>
  /** Nothing of what was replaced or removed before is left on the disks of this store, as far as it can tell. */
  readonly purge: () => Promise<Either<ReadUnavailable, void>>
  /**
   * Drops generations, and what is served of older versions than these models once it has not been fed for a minute; a little at
   * a time. True when there may be more to drop. `all not served` drops also those that somebody feeds: their next commit is
   * `Superseded`.
   */
  readonly sweep: (
    models: readonly ModelShape[],
    generations: 'idle for a minute' | 'all not served',
  ) => Promise<Either<ReadUnavailable, boolean>>
}
