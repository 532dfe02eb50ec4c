import { setTimeout as wait } from 'node:timers/promises'
import * as E from '#fp/Either'
import type { Core } from '../../core.ts'
import type { ExitCode } from '../command.ts'
import type { HubAccess } from '../hub/access.ts'
import { hubsHave } from '../with-core.ts'
import { feedHistory, positionProblems } from './feed.ts'
import type { Fold } from './fold.ts'
import { isHistoryFailure } from './history.ts'
import { hubAt } from './hub.ts'
import { boundsIn, recordReplay } from './on-store.ts'
import { partsOfPosition } from './position-parts.ts'
import { openProduct, type Product, produce, type Surroundings } from './produce.ts'
import type { ReplayRequest } from './request.ts'
import { positionIn, storeHistory } from './store.ts'

/** The last event that a file holds already. */
const lastOf = (product: Product): string | undefined =>
  product.is === 'lines' ? product.output.last : undefined

const refuseFile = async (product: Product, complain: Surroundings['complain'], sentence: string) => {
  if (product.is === 'lines') await product.output.leave()
  complain(`${product.is === 'lines' ? product.file : ''} ${sentence}: name a new file with --out.`)
  return 2 as const
}

/**
 * Replays the store itself, as it is now: what this command records of itself comes after.
 */
export const replayStore = async (
  core: Pick<Core, 'ports' | 'recordAccess' | 'sealedAt' | 'auth'>,
  request: ReplayRequest,
  fold: Fold | undefined,
  surroundings: Surroundings,
): Promise<ExitCode> => {
  const { complain, stdout } = surroundings
  const bounds = await boundsIn(core, request)
  if (E.isLeft(bounds)) {
    for (const problem of bounds.left.problems) complain(problem)
    return bounds.left.code
  }
  const { after, to } = bounds.right
  const product = await openProduct(request, fold, stdout)
  if (E.isLeft(product)) {
    complain(product.left)
    return 2
  }
  const last = lastOf(product.right)
  let from = after
  if (last !== undefined) {
    const position = await positionIn(core.ports, to, last)
    if (E.isLeft(position))
      return refuseFile(
        product.right,
        complain,
        position.left === 'past its end' ? 'goes further than this replay' : 'is of another log',
      )
    from = position.right
  }
  const recorded = await recordReplay(core, request, complain)
  if (E.isLeft(recorded)) {
    if (product.right.is === 'lines') await product.right.output.leave()
    complain(recorded.left)
    return 1
  }
  const history = storeHistory(core.ports, to, request.filter)
  const code = await produce(history, request.after, product.right, [from, to], surroundings)
  if (recorded.right !== undefined) await hubsHave(core, recorded.right)
  return code
}

const pause = async (milliseconds: number, signal: AbortSignal): Promise<void> => {
  await wait(milliseconds, undefined, { signal }).catch(() => undefined)
}

/** Replays what a running hub's feed tells. The hub itself records it. */
export const replayHub = async (
  access: HubAccess,
  request: ReplayRequest,
  fold: Fold | undefined,
  surroundings: Surroundings,
  pauseFor = pause,
): Promise<ExitCode> => {
  const { complain, stdout, signal } = surroundings
  const hub = hubAt(access)
  try {
    const problems = await positionProblems(hub, request, signal)
    if (problems.length > 0) {
      for (const problem of problems) complain(problem)
      return 2
    }
  } catch (thrown) {
    if (!isHistoryFailure(thrown)) throw thrown
    complain(thrown.sentence)
    return thrown.is === 'wrong option' ? 2 : 1
  }
  const product = await openProduct(request, fold, stdout)
  if (E.isLeft(product)) {
    complain(product.left)
    return 2
  }
  const [last, end] = [partsOfPosition(lastOf(product.right) ?? ''), partsOfPosition(request.to ?? '')]
  if (last !== undefined && end !== undefined && last.log === end.log && last.number > end.number)
    return refuseFile(product.right, complain, 'goes further than this replay')
  const from = last?.number ?? partsOfPosition(request.after ?? '')?.number ?? 0n
  const head = end?.number ?? (await hub.head(signal))
  const history = feedHistory(hub, request, pauseFor)
  return produce(history, request.after, product.right, [from, head], surroundings)
}
