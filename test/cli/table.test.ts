import { expect, it } from 'vitest'
import { tableOf } from '../../cli/table.ts'

const columns = [
  { head: 'ID', cell: (row: readonly string[]) => row[0] ?? '' },
  { head: 'NAME', cell: (row: readonly string[]) => row[1] ?? '' },
]

it('has columns as wide as what is in them', () => {
  expect(
    tableOf(columns, [
      ['gral-hospital', 'General'],
      ['lab', ''],
    ]),
  ).toBe('ID             NAME\ngral-hospital  General\nlab')
})

it('has its heads where there is nothing else', () => {
  expect(tableOf(columns, [])).toBe('ID  NAME')
})

it('lets no text move the cursor or begin a line', () => {
  expect(tableOf(columns, [['a\nb', '\u001b[2J']])).toBe('ID   NAME\na\u{fffd}b  \u{fffd}[2J')
})
