import { setTimeout as pause } from 'node:timers/promises'
import * as E from '#fp/Either'
import { type Erasing, type ErasureFailure, erasing } from './auth/erasure.ts'
import { readItem } from './commands/items.ts'
import type { Core } from './core.ts'
import { formatPosition } from './domain/position.ts'
import { allErasures } from './projections/erasures.ts'
import { eventsAbout } from './projections/past.ts'
import type { ReadSide } from './read-side.ts'

/** So long an erasure waits for the read models; then it is finished later. */
const patience = 30_000
const lookMilliseconds = 20

/** What forgets people in this process. */
export const erasingOn = (core: Core, { progress }: Pick<ReadSide, 'progress'>): Erasing => {
  const { ports, reads, auth, keys, contents, writeItem } = core
  const { log, feed, identity } = ports
  return erasing({
    log,
    writeItem,
    readItem: readItem(log),
    keys,
    contents,
    store: auth,
    hub: identity.id,
    head: feed.head,
    haveReached: async position => {
      const names = progress.positions().map(({ name }) => name)
      for (const deadline = Date.now() + patience; Date.now() < deadline; await pause(lookMilliseconds)) {
        const reached = await Promise.all(names.map(name => progress.reached(name, position, 1_000)))
        if (reached.every(Boolean)) return true
      }
      return false
    },
    purge: reads.purge,
    eventsAbout: account => eventsAbout(reads, account),
    countClear: core.countClear,
    formatPosition: position => formatPosition(identity, position),
  })
}

/**
 * Finishes every erasure that the log has and that was left undone: the process was killed, or the store of keys is older than
 * the log. Gives how many it finished, and why others are left.
 */
export const finishErasures = async (
  { reads, ports, auth }: Pick<Core, 'reads' | 'ports' | 'auth'>,
  { finish }: Pick<Erasing, 'finish'>,
): Promise<{ readonly finished: number; readonly failures: readonly ErasureFailure[] }> => {
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
