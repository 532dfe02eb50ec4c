/** A column of a table: what stands above it, and in it for each row. */
export interface Column<Row> {
  readonly head: string
  readonly cell: (row: Row) => string
}

/** What others wrote moves no cursor and changes no colour. */
const printable = (text: string): string => text.replaceAll(/\p{Cc}/gu, '\u{fffd}')

/** Rows for a person to read, a line each below the heads, in columns as wide as they need to be. */
export const tableOf = <Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string => {
  const lines = [
    columns.map(({ head }) => head),
    ...rows.map(row => columns.map(({ cell }) => printable(cell(row)))),
  ]
  const widths = columns.map((_, n) => Math.max(...lines.map(cells => [...(cells[n] ?? '')].length)))
  const padded = (text: string, width: number) => text + ' '.repeat(width - [...text].length)
  return lines
    .map(cells => cells.map((text, n) => padded(text, widths[n] ?? 0)).join('  '))
    .map(line => line.trimEnd())
    .join('\n')
}
