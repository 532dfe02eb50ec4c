import * as E from '#fp/Either'
import { isLogFailure } from '../../domain/log-failure.ts'

export type MovingStore =
  | 'old events'
  | 'old credentials'
  | 'old contents'
  | 'old bodies'
  | 'old deliveries'
  | 'new events'
  | 'new credentials'
  | 'new contents'
  | 'new bodies'
  | 'new deliveries'

/** Why a move stopped. It may be begun again, and goes on where it was. */
export type MoveFailure =
  | { readonly _tag: 'NothingToMove' }
  | { readonly _tag: 'StoreUnavailable'; readonly store: MovingStore; readonly cause: unknown }
  /** The event cannot be read, so that it cannot be moved either. */
  | { readonly _tag: 'EventDamaged'; readonly stream: string }
  /** An event names this content, and what is kept is gone or other bytes. */
  | { readonly _tag: 'ContentDamaged'; readonly sha256: string }
  /** An event names the body of this message, and what is kept is other bytes. */
  | { readonly _tag: 'BodyDamaged'; readonly message: string }
  /** It holds what this move did not put there; nothing was changed. */
  | { readonly _tag: 'TargetTaken'; readonly store: 'new events' | 'new credentials' }
  /** The log was moved before, together with another store of credentials. */
  | { readonly _tag: 'MovedWithAnother' }
  /** Another run of this move is at work, and was first. */
  | { readonly _tag: 'Overtaken' }
  /** What was read back is not what was written. */
  | { readonly _tag: 'CopyDiffers'; readonly store: MovingStore & `new ${string}` }

/** Stops the move: thrown within it, and what it ends with. */
export const stop = (failure: MoveFailure): never => {
  throw failure
}

const tags: ReadonlySet<unknown> = new Set([
  'NothingToMove',
  'StoreUnavailable',
  'EventDamaged',
  'ContentDamaged',
  'BodyDamaged',
  'TargetTaken',
  'MovedWithAnother',
  'Overtaken',
  'CopyDiffers',
] satisfies readonly MoveFailure['_tag'][])

export const isMoveFailure = (thrown: unknown): thrown is MoveFailure =>
  typeof thrown === 'object' && thrown !== null && '_tag' in thrown && tags.has(thrown._tag)

/** What a store gives; where it cannot, the move stops. */
export const from = async <A>(
  store: MovingStore,
  outcome: Promise<E.Either<{ readonly cause: unknown }, A>>,
): Promise<A> => {
  const done = await outcome
  return E.isRight(done) ? done.right : stop({ _tag: 'StoreUnavailable', store, cause: done.left.cause })
}

/** The same for what is read along; a failure of the log it throws is this store's. */
export async function* along<A>(store: MovingStore, items: AsyncIterable<A>): AsyncGenerator<A> {
  try {
    yield* items
  } catch (thrown) {
    const isOurs =
      isLogFailure(thrown) ||
      (typeof thrown === 'object' && thrown !== null && '_tag' in thrown && thrown._tag === 'AuthUnavailable')
    if (!isOurs) throw thrown
    stop({ _tag: 'StoreUnavailable', store, cause: thrown })
  }
}
