import type { Either } from '#fp/Either'
import type { Superseded } from '../projections/checkpoints.ts'
import type { ReadUnavailable } from '../projections/read-unavailable.ts'

/**
 * `progress`: how far a subscription is, one record. `failing`: a stream whose next event could not be delivered.
 * `dead`: an event that will not be delivered any more unless somebody asks for it.
 */
export type RecordKind = 'progress' | 'failing' | 'dead'

/** Something that is kept of a subscription, as JSON. */
export interface DeliveryRecord {
  readonly kind: RecordKind
  /** Unique among those of its kind; dead letters are given in the order of their keys. */
  readonly key: string
  readonly text: string
}

export interface RecordChanges {
  readonly put: readonly DeliveryRecord[]
  readonly remove: readonly Pick<DeliveryRecord, 'kind' | 'key'>[]
}

/**
 * What is no fact about a subscription: how far it is, and what could not be delivered. Cannot be rebuilt from the log: a
 * subscription whose records are lost is delivered again from its beginning, with the same ids.
 */
export interface DeliveryStore {
  /**
   * Takes a subscription over: its records, but for dead letters. From now on only the holder of this token of its lease may
   * change them; `Superseded` where a later holder has taken it over.
   */
  readonly claim: (
    subscription: string,
    token: number,
  ) => Promise<Either<ReadUnavailable | Superseded, readonly DeliveryRecord[]>>
  /**
   * Changes records. What a reader could miss is written before what says that it is there: records in the order of `put`,
   * then those of `remove` are taken away; together where the engine can. `Superseded` for everybody but the holder.
   */
  readonly save: (
    subscription: string,
    token: number,
    changes: RecordChanges,
  ) => Promise<Either<ReadUnavailable | Superseded, void>>
  /** The progress of subscriptions, by id; none for those that were never worked on. */
  readonly progressOf: (
    subscriptions: readonly string[],
  ) => Promise<Either<ReadUnavailable, ReadonlyMap<string, string>>>
  /** Dead letters after a key, in the order of their keys. */
  readonly deadLetters: (
    subscription: string,
    after: string,
    most: number,
  ) => Promise<Either<ReadUnavailable, readonly DeliveryRecord[]>>
  readonly countDeadLetters: (
    subscriptions: readonly string[],
  ) => Promise<Either<ReadUnavailable, ReadonlyMap<string, number>>>
  /** Removes all that is kept of a subscription, who holds it or not. */
  readonly forget: (subscription: string) => Promise<Either<ReadUnavailable, void>>
}

/** How a move reads what another engine is to keep. */
export interface DeliverySource {
  /**
   * All records of a subscription as they are at this moment, whoever holds it: dead letters first, then failing streams, then
   * how far it is; none where it was removed. All are held at once.
   */
  readonly recordsOf: (subscription: string) => Promise<Either<ReadUnavailable, readonly DeliveryRecord[]>>
}
