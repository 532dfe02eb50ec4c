import * as TE from '#fp/TaskEither'
import type { Superseded } from '../../projections/checkpoints.ts'
import type { ReadUnavailable } from '../../projections/read-unavailable.ts'

const superseded: Superseded = { _tag: 'Superseded' }

/** The value of a guarded operation: undefined says that the guard did not hold. */
export const valueUnlessSuperseded = <A>(
  done: TE.TaskEither<ReadUnavailable, A | undefined>,
): TE.TaskEither<ReadUnavailable | Superseded, A> =>
  TE.flatMap(
    (value: A | undefined): TE.TaskEither<ReadUnavailable | Superseded, A> =>
      value === undefined ? TE.left(superseded) : TE.right(value),
  )(TE.mapLeft((failure: ReadUnavailable): ReadUnavailable | Superseded => failure)(done))

/** A guarded operation: false says that the guard did not hold. */
export const unlessSuperseded = (
  done: TE.TaskEither<ReadUnavailable, boolean>,
): TE.TaskEither<ReadUnavailable | Superseded, void> =>
  TE.map(() => undefined)(
    valueUnlessSuperseded(TE.map((isDone: boolean) => (isDone ? true : undefined))(done)),
  )
