import type { Compared } from './compare-table.ts'
import type { Count, Findings } from './findings.ts'
import type { Outcome } from './migrating.ts'
import type { Taken } from './take-table.ts'

const grouped = new Intl.NumberFormat('en')

const mostLines = 40

/** Columns beside each other, numbers to the right. */
const aligned = (rows: readonly (readonly (string | number)[])[]): string => {
  const cells = rows.map(row => row.map(cell => (typeof cell === 'number' ? grouped.format(cell) : cell)))
  const widths = (cells[0] ?? []).map((_, i) => Math.max(...cells.map(row => (row[i] ?? '').length)))
  return cells
    .map(row =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

const takenTable = (taken: readonly Taken[], dry: boolean): string =>
  aligned([
    [
      'table',
      'rows',
      dry ? 'would be added' : 'added',
      'changed',
      'already there',
      'left alone',
      'not taken',
    ],
    ...taken.map(row => [
      ...[row.table, row.rows, row.added, row.changed],
      ...[row.present, row.leftAlone, row.notTaken],
    ]),
  ])

const comparedTable = (compared: readonly Compared[]): string =>
  aligned([
    ['compared', 'equal', 'changed in the hub since', 'different', 'only in the hub'],
    ...compared.map(({ table, equal, changedSince, different, onlyInHub }) => [
      table,
      equal,
      changedSince,
      different,
      onlyInHub,
    ]),
  ])

const listOf = (title: string, counts: readonly Count[]): readonly string[] => {
  if (counts.length === 0) return []
  const lines = counts
    .slice(0, mostLines)
    .map(({ table, reason, rows }) => `  ${grouped.format(rows)} ${table}: ${reason}`)
  const more = counts.length > mostLines ? [`  … and ${counts.length - mostLines} more reasons`] : []
  return [[title, ...lines, ...more].join('\n')]
}

/** What came of it, for a person: counts of rows by table and by reason, and how both sides compare. */
export const summaryOf = ({ taken, compared }: Outcome, findings: Findings, dry: boolean): string =>
  [
    takenTable(taken, dry),
    ...listOf('Not taken:', findings.counts('notTaken')),
    ...listOf('Words outside a vocabulary, for --map:', findings.counts('strangers')),
    ...listOf('Taken otherwise than the row says:', findings.counts('otherwise')),
    ...listOf('Turned into what the hub stores:', findings.counts('converted')),
    ...(compared.length === 0 ? [] : [comparedTable(compared)]),
    ...listOf('Differences:', findings.counts('differences')),
  ].join('\n\n')

/** The same for a program. */
export const jsonOf = ({ taken, compared }: Outcome, findings: Findings, files: readonly string[]) => ({
  taken,
  notTaken: findings.counts('notTaken'),
  words: findings.counts('strangers'),
  otherwise: findings.counts('otherwise'),
  converted: findings.counts('converted'),
  compared,
  differences: findings.counts('differences'),
  files,
})
