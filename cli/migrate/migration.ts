import { setImmediate as immediate } from 'node:timers/promises'
import type { Failure } from '../../api/http/problem.ts'
import type { Progress } from '../progress.ts'
import type { Findings } from './findings.ts'
import type { Original } from './original.ts'
import type { RowItem, Taking } from './row-item.ts'
import type { Row, Table } from './tables.ts'
import type { Taker } from './taker.ts'

/** A store was away, and nobody can tell what came of this row. */
export interface Stopped {
  readonly failure: Failure
  readonly table: string
  readonly key: string
}

/** With what a run brings over and compares. */
export interface Migration extends Taker {
  readonly original: Original
  readonly taking: Taking
  readonly findings: Findings
  readonly signal: AbortSignal
}

/** Rows a turn of the event loop: what comes from the database in one batch must not keep it from everything else. */
const rowsPerTurn = 50

/** The rows of a table, as what they become. Ends early where the operator ended it. */
export async function* itemsOf(
  migration: Migration,
  table: Table,
  make: (row: Row) => RowItem,
): AsyncGenerator<RowItem> {
  let count = 0
  for await (const row of migration.original.rows(table)) {
    if (migration.signal.aborted) return
    yield make(row)
    count += 1
    if (count % rowsPerTurn === 0) await immediate()
  }
}

/** Shows how far it is over all tables. */
export interface Steps {
  readonly step: () => void
}

export const stepsOf = (progress: Progress): Steps => {
  let done = 0
  return {
    step: () => {
      done += 1
      progress.show(BigInt(done), done)
    },
  }
}
