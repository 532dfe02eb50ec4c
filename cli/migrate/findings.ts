import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { JsonObject } from '../../domain/json.ts'
import { notedLineOf, type RowItem } from './row-item.ts'
import type { Note } from './row-keys.ts'

/** How many rows of a table there are of a reason. */
export interface Count {
  readonly table: string
  readonly reason: string
  readonly rows: number
}

export interface Findings {
  /** Lists a row in `not-taken.ndjson`, as a line that can be corrected and imported. */
  readonly notTaken: (item: RowItem, reason: string) => void
  /** Of a row that does not count, for the hub has an item of its id that somebody else made or changed. */
  readonly leftAlone: (item: RowItem, reason: string) => void
  /** Whether a row was not taken, or left alone. */
  readonly isLeft: (table: string, key: string) => boolean
  /** Lists in `taken-otherwise.ndjson` what is not as the row says. */
  readonly otherwise: (item: RowItem, notes: readonly Note[]) => void
  /** Counts what was turned into what the hub stores, and the words that are left. */
  readonly count: (item: RowItem) => void
  /** Lists in `differences.ndjson` what the comparison found. */
  readonly differs: (difference: JsonObject & { readonly table: string; readonly is: string }) => void
  readonly counts: (
    of: 'notTaken' | 'otherwise' | 'converted' | 'strangers' | 'differences',
  ) => readonly Count[]
  /** The files that were written. */
  readonly close: () => readonly string[]
}

/** Of reasons, so many are told apart; the rest is counted as one. */
const mostReasons = 1_000
const mostCharacters = 300
const otherReasons = 'other reasons'

const makeCounts = () => {
  const counts = new Map<string, { table: string; reason: string; rows: number }>()
  const add = (table: string, reason: string): void => {
    const key = `${table} ${reason}`
    const known = counts.get(key)
    if (known !== undefined) known.rows += 1
    else if (counts.size < mostReasons || reason === otherReasons) counts.set(key, { table, reason, rows: 1 })
    else add(table, otherReasons)
  }
  return {
    add,
    all: (): readonly Count[] => [...counts.values()].sort((a, b) => b.rows - a.rows),
  }
}

/** A file of lines that is there once it has one. Nobody else may read it: it holds records, and hashes of passwords. */
const makeList = (folder: string, name: string) => {
  const path = join(folder, name)
  let file: number | undefined
  return {
    add: (line: string): void => {
      if (file === undefined) {
        mkdirSync(folder, { recursive: true, mode: 0o700 })
        file = openSync(path, 'wx', 0o600)
      }
      writeSync(file, `${line}\n`)
    },
    close: (): readonly string[] => {
      if (file === undefined) return []
      closeSync(file)
      return [path]
    },
  }
}

/** Lists in files of this folder, and counts, what becomes of rows otherwise than their owner may expect. */
export const makeFindings = (folder: string): Findings => {
  const counts = {
    notTaken: makeCounts(),
    otherwise: makeCounts(),
    converted: makeCounts(),
    strangers: makeCounts(),
    differences: makeCounts(),
  }
  const lists = {
    notTaken: makeList(folder, 'not-taken.ndjson'),
    otherwise: makeList(folder, 'taken-otherwise.ndjson'),
    differences: makeList(folder, 'differences.ndjson'),
  }
  const left = new Set<string>()

  const otherwise: Findings['otherwise'] = ({ row: { table, key } }, notes) => {
    for (const note of notes) {
      counts.otherwise.add(table.name, note.reason)
      lists.otherwise.add(JSON.stringify({ table: table.name, key, ...note }))
    }
  }

  return {
    notTaken: (item, reason) => {
      const { table, key } = item.row
      counts.notTaken.add(table.name, reason)
      left.add(`${table.name} ${key}`)
      lists.notTaken.add(notedLineOf(item, reason))
    },
    leftAlone: (item, reason) => {
      left.add(`${item.row.table.name} ${item.row.key}`)
      otherwise(item, [{ reason }])
    },
    isLeft: (table, key) => left.has(`${table} ${key}`),
    otherwise,
    count: ({ row: { table }, conversions, strangers }) => {
      for (const conversion of conversions) counts.converted.add(table.name, conversion)
      for (const { field, word } of strangers)
        counts.strangers.add(table.name, `${field}: ${JSON.stringify(word.slice(0, mostCharacters))}`)
    },
    differs: difference => {
      counts.differences.add(difference.table, difference.is)
      lists.differences.add(JSON.stringify(difference))
    },
    counts: of => counts[of].all(),
    close: () => Object.values(lists).flatMap(list => list.close()),
  }
}
