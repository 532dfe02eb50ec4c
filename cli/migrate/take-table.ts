import { bounds } from '../import-work.ts'
import { inOrder } from '../in-order.ts'
import type { Accounts } from './accounts.ts'
import { itemsOf, type Migration, type Steps, type Stopped } from './migration.ts'
import { type RowItem, rowItemOf, undecided } from './row-item.ts'
import { workOfRow } from './row-work.ts'
import type { Row, Table } from './tables.ts'

/** What came of the rows of a table. */
export interface Taken {
  readonly table: string
  readonly rows: number
  readonly added: number
  /** Changed in the original since they were brought over, and so in the hub now. */
  readonly changed: number
  readonly present: number
  /** Not looked at further: somebody else has made, changed or removed the item in the hub. */
  readonly leftAlone: number
  readonly notTaken: number
}

const itemOf = ({ taking }: Migration, accounts: Accounts, row: Row): RowItem => {
  const item = rowItemOf(row, taking)
  const problem = accounts.problemOf(row)
  return problem === undefined ? item : undecided(item, problem)
}

/** Takes the rows of a table, and lists what is not taken as it is. */
export const takeTable = async (
  migration: Migration,
  accounts: Accounts,
  table: Table,
  steps: Steps,
): Promise<{ readonly taken: Taken; readonly position?: bigint | undefined; readonly stopped?: Stopped }> => {
  const { findings } = migration
  const counts = { added: 0, changed: 0, present: 0, leftAlone: 0, notTaken: 0 }
  let position: bigint | undefined
  let stopped: Stopped | undefined
  const works = async function* () {
    for await (const item of itemsOf(migration, table, row => itemOf(migration, accounts, row)))
      yield workOfRow(migration, item)
  }
  for await (const result of inOrder(works(), bounds)) {
    const { item } = result
    if (result.is === 'stopped') {
      stopped = { failure: result.failure, table: table.name, key: item.row.key }
      break
    }
    steps.step()
    findings.count(item)
    if (result.is === 'left alone') {
      counts.leftAlone += 1
      findings.leftAlone(item, result.reason)
      continue
    }
    if (result.is === 'refused') {
      counts.notTaken += 1
      findings.notTaken(item, result.reason)
    } else counts[result.is] += 1
    const written = result.is === 'refused' ? result.written : result
    if (written?.position !== undefined && (position === undefined || written.position > position))
      position = written.position
    if (written !== undefined) findings.otherwise(item, written.notes)
  }
  const rows = Object.values(counts).reduce((sum, count) => sum + count, 0)
  return { taken: { table: table.name, rows, ...counts }, position, ...(stopped && { stopped }) }
}
