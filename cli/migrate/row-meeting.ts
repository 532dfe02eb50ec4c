import * as E from '#fp/Either'
import type { Failure } from '../../api/http/problem.ts'
import { creatingBody } from '../../commands/item-requests.ts'
import { readItem } from '../../commands/items.ts'
import type { ItemState, PresentItem } from '../../domain/item.ts'
import { type ImportLine, refusalOf } from '../import-line.ts'
import type { Result } from '../import-work.ts'
import { compareData } from './comparison.ts'
import { changeItem } from './row-change.ts'
import type { Taker } from './taker.ts'
import { isUntouched } from './untouched.ts'

/** What became of a row's item. */
export type ItemResult =
  | { readonly is: 'added' | 'changed' | 'present'; readonly position: bigint | undefined }
  | { readonly is: 'refused'; readonly reason: string }
  /** Somebody else has made, changed or removed the item of its id. */
  | { readonly is: 'left alone'; readonly reason: string }
  | { readonly is: 'stopped'; readonly failure: Failure }

type Met = Exclude<Result, { is: 'stopped' }>

const change = async (
  { core, dry, by }: Taker,
  line: ImportLine,
  state: PresentItem,
): Promise<ItemResult> => {
  if (dry) return { is: 'changed', position: undefined }
  const changed = await changeItem(core, line, state, by)
  if (E.isRight(changed)) return { is: 'changed', position: changed.right.position }
  const failure = changed.left
  return failure._tag === 'LogUnavailable' || failure._tag === 'AuthUnavailable'
    ? { is: 'stopped', failure }
    : { is: 'refused', reason: refusalOf(failure).reason }
}

/** Whether the hub has another item than the row says now; where the import found it there, as it was once made. */
const isOutdated = ({ resource, identity, sent }: ImportLine, state: PresentItem, met: Met): boolean => {
  if (met.is === 'refused') return met.failure?._tag === 'ExistsWithOtherContent'
  if (state.revision === 0) return false
  const body = creatingBody(resource, identity, sent)
  return (
    E.isRight(body) && compareData({ resource, identity, sent }, body.right, state).is === 'changed since'
  )
}

const stateOf = async (
  { core }: Taker,
  { resource, identity }: ImportLine,
  met: Met,
): Promise<E.Either<Failure, ItemState>> =>
  met.is === 'refused' ? readItem(core.ports.log)(resource, identity) : E.right(met.state)

/**
 * What to do where an import finds an item, or refuses a row: what nobody but runs of `migrate` has touched follows the
 * original, what somebody else has made or changed stays as it is.
 */
export const meet = async (taker: Taker, line: ImportLine, met: Met): Promise<ItemResult> => {
  const asImported: ItemResult =
    met.is === 'refused'
      ? { is: 'refused', reason: met.refusal.reason }
      : { is: met.is, position: met.position }
  const read = await stateOf(taker, line, met)
  if (E.isLeft(read)) return { is: 'stopped', failure: read.left }
  const state = read.right
  if (state.is === 'absent') return asImported
  if (state.is === 'removed') return { is: 'left alone', reason: 'the item was removed in the hub' }
  if (state.is === 'erased') return { is: 'left alone', reason: 'the person was forgotten in the hub' }
  const outdated = isOutdated(line, state, met)
  if (met.is !== 'refused' && !outdated) return asImported
  const untouched = await isUntouched(taker.core.ports.log, line.resource, line.identity)
  if (E.isLeft(untouched)) return { is: 'stopped', failure: untouched.left }
  if (untouched.right) return outdated ? change(taker, line, state) : asImported
  if (met.is !== 'refused') return asImported
  return outdated
    ? { is: 'refused', reason: 'the hub has another item of its id, or one that was changed there too' }
    : { is: 'left alone', reason: 'the row does not fit, and the hub has an item of its id' }
}
