import { stringify } from 'csv-stringify/sync'

type Cell = string | number | undefined

/**
 * Rows as CSV in UTF-8 with CRLF (RFC 4180). A cell that a spreadsheet would run as a formula begins with an apostrophe: one with
 * `=`, `+`, `-`, `@`, a tab or a carriage return first.
 */
export const csvOf = (rows: readonly (readonly Cell[])[]): string =>
  stringify(
    rows.map(row => [...row]),
    { escape_formulas: true, record_delimiter: 'windows' },
  )
