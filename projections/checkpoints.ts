import type { Either } from '#fp/Either'
import type { ReadUnavailable } from './read-unavailable.ts'

/** How far a follower of the log has come: the last event it has dealt with, by position and id. Position 0 is the start. */
export interface Checkpoint {
  readonly position: bigint
  readonly eventId: string
}

/** Another process has moved the checkpoint or holds the lease now, or something else is served: look again. */
export interface Superseded {
  readonly _tag: 'Superseded'
}

/**
 * How far followers of the log have come that have no read model. Checkpoints lie beside the read models, and may be
 * deleted with them, or set back by a crash: their follower then begins at the start of the log, or repeats what it did
 * last.
 */
export interface Checkpoints {
  /**
   * Where the follower of this name stands, the start of the log at first. From now on only the holder of this token of
   * its lease may move the checkpoint; `Superseded` where a later holder has claimed it.
   */
  readonly claim: (name: string, token: number) => Promise<Either<ReadUnavailable | Superseded, Checkpoint>>
  /**
   * Moves the checkpoint forward, or leaves it where it is: to an earlier position it fails with `Superseded`, as for
   * everybody but the holder of the token that claimed it last.
   */
  readonly move: (
    name: string,
    token: number,
    to: Checkpoint,
  ) => Promise<Either<ReadUnavailable | Superseded, void>>
  /** Sets the checkpoint back to the start of the log, for one that is another than before; only the holder may. */
  readonly restart: (name: string, token: number) => Promise<Either<ReadUnavailable | Superseded, void>>
}
