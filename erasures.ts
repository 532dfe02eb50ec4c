import { setImmediate as immediate, setTimeout as pause } from 'node:timers/promises'
import * as E from '#fp/Either'
import { type Erasing, type ErasureFailure, type ErasureUnfinished, erasing } from './auth/erasure.ts'
import { readItem } from './commands/items.ts'
import type { Core } from './core.ts'
import { formatPosition } from './domain/position.ts'
import { allErasures } from './projections/erasures.ts'
import { eventsAbout } from './projections/past.ts'
import { projections } from './projections/read-models.ts'
import type { ReadModelWriter } from './projections/read-store.ts'
import type { ReadUnavailable } from './projections/read-unavailable.ts'
import type { ReadSide } from './read-side.ts'

/** So long an erasure waits for the read models; then it is finished later. */
const patience = 30_000
const lookMilliseconds = 20

/** What forgets people in this process, until the signal. */
export const erasingOn = (
  core: Core,
  { progress }: Pick<ReadSide, 'progress'>,
  signal: AbortSignal,
): ErasingOnCore => {
  const { ports, reads, auth, keys, contents, writeItem } = core
  const { log, feed, identity } = ports
  const haveReached = async (position: bigint): Promise<boolean> => {
    const names = progress.positions().map(({ name }) => name)
    const deadline = Date.now() + patience
    while (Date.now() < deadline && !signal.aborted) {
      const reached = await Promise.all(names.map(name => progress.reached(name, position, 1_000)))
      if (reached.every(Boolean)) return true
      await pause(lookMilliseconds)
    }
    return false
  }
  const own = erasing({
    log,
    writeItem,
    readItem: readItem(log),
    keys,
    contents,
    store: auth,
    hub: identity.id,
    head: feed.head,
    haveReached,
    purge: () => purge(reads, signal),
    eventsAbout: account => eventsAbout(reads, account),
    countClear: core.countClear,
    formatPosition: position => formatPosition(identity, position),
  })
  return { ...own, finishAll: () => finishAll(core, own.finish, haveReached) }
}

/** Also what is being built beside the read models that are served: it may have been built from events before the fact. */
const purge = async (
  reads: ReadModelWriter,
  signal: AbortSignal,
): Promise<E.Either<ReadUnavailable | ErasureUnfinished, void>> => {
  const models = projections.map(({ shape }) => shape)
  const deadline = Date.now() + patience
  for (let more = true; more; ) {
    if (Date.now() > deadline || signal.aborted) return E.left({ _tag: 'ErasureUnfinished' })
    const swept = await reads.sweep(models, 'all not served')
    if (E.isLeft(swept)) return swept
    more = swept.right
    // Dropping is synchronous on SQLite: the requests of others have turns between.
    await immediate()
  }
  return reads.purge()
}

/** What came of finishing erasures: how many are finished, and why others are left. */
export interface Finished {
  readonly finished: number
  readonly failures: readonly ErasureFailure[]
}

export interface ErasingOnCore extends Erasing {
  /**
   * Finishes every erasure that the log has and that was left undone: the process was killed, or the store of keys is older
   * than the log.
   */
  readonly finishAll: () => Promise<Finished>
}

const finishAll = async (
  { reads, ports, auth }: Core,
  finish: Erasing['finish'],
  haveReached: (position: bigint) => Promise<boolean>,
): Promise<Finished> => {
  const head = await ports.feed.head()
  if (E.isLeft(head)) return { finished: 0, failures: [head.left] }
  // Next time, then: the read models are being built.
  if (!(await haveReached(head.right))) return { finished: 0, failures: [] }
  const { documents } = await allErasures(reads, ports.feed)
  const stored = documents.size === 0 ? E.right([]) : await auth.keysOf([...documents.keys()])
  if (E.isLeft(stored)) return { finished: 0, failures: [stored.left] }
  const destroyed = new Set(
    stored.right.filter(({ master }) => master === undefined).map(({ account }) => account),
  )
  const undone = [...documents].flatMap(([account, { isCertified }]) =>
    isCertified && destroyed.has(account) ? [] : [account],
  )
  const failures: ErasureFailure[] = []
  for (const account of undone) {
    const finished = await finish(account)
    if (E.isLeft(finished)) failures.push(finished.left)
  }
  return { finished: undone.length - failures.length, failures }
}
