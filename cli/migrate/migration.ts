import { setImmediate as immediate } from 'node:timers/promises'
import type { Failure } from '../../api/http/problem.ts'
import { bounds } from '../import-work.ts'
import { inOrder } from '../in-order.ts'
import { makeProgress, type Progress } from '../progress.ts'
import { type Comparison, workOfComparison } from './comparison.ts'
import type { Findings } from './findings.ts'
import { onlyInHub } from './only-in-hub.ts'
import type { Original } from './original.ts'
import { type RowItem, rowItemOf, type Taking, undecided } from './row-item.ts'
import { workOfRow } from './row-work.ts'
import type { Row, Table } from './tables.ts'
import type { Taker } from './taker.ts'

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

export interface Stopped {
  readonly failure: Failure
  readonly table: string
  readonly key: string
}

export interface Migration extends Taker {
  readonly original: Original
  readonly taking: Taking
  readonly findings: Findings
  readonly signal: AbortSignal
}

/** What was brought over; `stopped` where a store was away, and not to the end where the operator ended it. */
export interface Outcome {
  readonly taken: readonly Taken[]
  /** Nothing where the run was dry or was not ended. */
  readonly compared: readonly Compared[]
  readonly stopped?: Stopped
  /** Of the last event that was written. */
  readonly position: bigint | undefined
}

/** Of accounts that differ only in case, the one that comes first is taken. Of the others it remembers that they were not. */
const makeAccounts = () => {
  let first: { readonly account: string; readonly key: string } | undefined
  const left = new Set<string>()
  return {
    /** Why a row cannot be taken because of its person; undefined where it can. */
    problemOf: ({ table, key, columns }: Row): string | undefined => {
      const { ownerField, subjectField } = table.resource
      if (subjectField === 'id') {
        const account = key.toUpperCase()
        if (first?.account !== account) first = { account, key }
        if (first.key === key) return undefined
        left.add(key)
        return 'the account differs only in case from another one, which counts'
      }
      const column = Object.entries(table.keys).find(
        ([, field]) => field === ownerField || field === subjectField,
      )?.[0]
      const person = column === undefined ? null : columns[column]
      return person !== null && person !== undefined && left.has(person)
        ? 'its person is an account that was not taken: it differs only in case from another one'
        : undefined
    },
  }
}

type Accounts = ReturnType<typeof makeAccounts>

const itemOf = ({ taking }: Migration, accounts: Accounts, row: Row): RowItem => {
  const item = rowItemOf(row, taking)
  const problem = accounts.problemOf(row)
  return problem === undefined ? item : undecided(item, problem)
}

/** Rows a turn of the event loop: what comes from the database in one batch must not keep it from everything else. */
const rowsPerTurn = 50

async function* itemsOf(
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
interface Steps {
  readonly step: () => void
}

const stepsOf = (progress: Progress): Steps => {
  let done = 0
  return {
    step: () => {
      done += 1
      progress.show(BigInt(done), done)
    },
  }
}

const takeTable = async (
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

const list = ({ findings }: Migration, comparison: Extract<Comparison, { is: 'different' }>): void => {
  const { row } = comparison.item
  const paths = comparison.paths === undefined ? {} : { paths: comparison.paths }
  findings.differs({ table: row.table.name, key: row.key, is: comparison.what, ...paths })
}

const compareTable = async (
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
