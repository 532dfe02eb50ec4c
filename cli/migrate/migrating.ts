import { makeProgress } from '../progress.ts'
import { makeAccounts } from './accounts.ts'
import { type Compared, compareTable } from './compare-table.ts'
import { type Migration, type Stopped, stepsOf } from './migration.ts'
import { type Taken, takeTable } from './take-table.ts'

/** What was brought over; `stopped` where a store was away, and not to the end where the operator ended it. */
export interface Outcome {
  readonly taken: readonly Taken[]
  /** Nothing where the run was dry or was not ended. */
  readonly compared: readonly Compared[]
  readonly stopped?: Stopped
  /** Of the last event that was written. */
  readonly position: bigint | undefined
}

/**
 * Brings over what the original holds, table by table, and compares both sides. Throws what reading the original throws, and
 * a `LogFailure`.
 */
export const migrate = async (migration: Migration): Promise<Outcome> => {
  const { original, dry, signal } = migration
  const taken: Taken[] = []
  const compared: Compared[] = []
  let position: bigint | undefined
  let total = 0
  for (const table of original.tables) total += await original.count(table)

  const accounts = makeAccounts()
  const taking = makeProgress(0n, BigInt(total), undefined, dry ? 'rows looked at' : 'rows')
  try {
    const steps = stepsOf(taking)
    for (const table of original.tables) {
      const done = await takeTable(migration, accounts, table, steps)
      taken.push(done.taken)
      position = done.position ?? position
      if (done.stopped !== undefined) return { taken, compared, stopped: done.stopped, position }
      if (signal.aborted) return { taken, compared, position }
    }
  } finally {
    taking.clear()
  }
  if (dry) return { taken, compared, position }

  const comparing = makeProgress(0n, BigInt(total), undefined, 'rows compared')
  try {
    const steps = stepsOf(comparing)
    for (const table of original.tables) {
      const done = await compareTable(migration, table, steps)
      if (signal.aborted) return { taken, compared: [], position }
      compared.push(done.compared)
      if (done.stopped !== undefined) return { taken, compared, stopped: done.stopped, position }
    }
  } finally {
    comparing.clear()
  }
  return { taken, compared, position }
}
