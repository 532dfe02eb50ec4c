import type { SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite'

type Rows = Iterable<Record<string, SQLOutputValue>>

function* rowsOnDeno(statement: StatementSync, ...values: SQLInputValue[]): Rows {
  yield* statement.iterate(...values)
  statement.all(...values)
}

/**
 * The rows of a statement, one by one. Throws where SQLite fails in the middle, also on Deno (2.9), whose `iterate` ends
 * there as if that were all: rows that have come to their end are read once more by `all`, which throws.
 */
export const rowsOf: (statement: StatementSync, ...values: SQLInputValue[]) => Rows =
  'Deno' in globalThis ? rowsOnDeno : (statement, ...values) => statement.iterate(...values)
