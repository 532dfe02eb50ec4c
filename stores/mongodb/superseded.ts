import * as E from '#fp/Either'
import type { Superseded } from '../../projections/checkpoints.ts'
import type { ReadUnavailable } from '../../projections/read-unavailable.ts'

const superseded: Superseded = { _tag: 'Superseded' }

/** The value of a guarded operation: undefined says that the guard did not hold. */
export const valueUnlessSuperseded = async <A>(
  guarded: Promise<E.Either<ReadUnavailable, A | undefined>>,
): Promise<E.Either<ReadUnavailable | Superseded, A>> => {
  const result = await guarded
  if (E.isLeft(result)) return result
  return result.right === undefined ? E.left(superseded) : E.right(result.right)
}

/** A guarded operation: false says that the guard did not hold. */
export const unlessSuperseded = async (
  guarded: Promise<E.Either<ReadUnavailable, boolean>>,
): Promise<E.Either<ReadUnavailable | Superseded, void>> => {
  const result = await guarded
  if (E.isLeft(result)) return result
  return result.right ? E.right(undefined) : E.left(superseded)
}
