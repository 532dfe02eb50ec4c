import * as E from '#fp/Either'
import type { LogFailure } from '../domain/log-failure.ts'
import type { Superseded } from '../projections/checkpoints.ts'
import type { ReadUnavailable } from '../projections/read-unavailable.ts'

/** What the work on a subscription ends with when a store or the log fails. */
export type DeliveryFailure = LogFailure | ReadUnavailable | Superseded

export const orThrow = <A>(result: E.Either<DeliveryFailure, A>): A => {
  if (E.isLeft(result)) throw result.left
  return result.right
}
