import { bounds } from '../import-work.ts'
import { inOrder } from '../in-order.ts'
import { type Comparison, workOfComparison } from './comparison.ts'
import { itemsOf, type Migration, type Steps, type Stopped } from './migration.ts'
import { onlyInHub } from './only-in-hub.ts'
import { rowItemOf } from './row-item.ts'
import type { Table } from './tables.ts'

/** How the rows of a table that were taken compare with the hub. */
export interface Compared {
  readonly table: string
  readonly equal: number
  /** Changed or removed in the hub since they were brought over. */
  readonly changedSince: number
  readonly different: number
  /** Items that the hub has and the original has not. */
  readonly onlyInHub: number
}

const list = ({ findings }: Migration, comparison: Extract<Comparison, { is: 'different' }>): void => {
  const { row } = comparison.item
  const paths = comparison.paths === undefined ? {} : { paths: comparison.paths }
  findings.differs({ table: row.table.name, key: row.key, is: comparison.what, ...paths })
}

/** Compares the rows of a table that were taken with the hub, and the hub's items with the table. */
export const compareTable = async (
  migration: Migration,
  table: Table,
  steps: Steps,
): Promise<{ readonly compared: Compared; readonly stopped?: Stopped }> => {
  const { core, findings, original, signal, taking } = migration
  const counts = { equal: 0, changedSince: 0, different: 0, onlyInHub: 0 }
  let stopped: Stopped | undefined
  const works = async function* () {
    for await (const item of itemsOf(migration, table, row => rowItemOf(row, taking))) {
      steps.step()
      if (!findings.isLeft(table.name, item.row.key)) yield workOfComparison(core, item)
    }
  }
  for await (const result of inOrder(works(), bounds)) {
    if (result.is === 'stopped') {
      stopped = { failure: result.failure, table: table.name, key: result.item.row.key }
      break
    }
    if (result.is === 'different') list(migration, result)
    counts[result.is === 'changed since' ? 'changedSince' : result.is] += 1
  }
  if (stopped === undefined)
    for await (const key of onlyInHub(core, original, table, signal)) {
      counts.onlyInHub += 1
      findings.differs({ table: table.name, key, is: 'only in the hub' })
    }
  return { compared: { table: table.name, ...counts }, ...(stopped && { stopped }) }
}
