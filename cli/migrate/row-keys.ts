import { parseAccount } from '../../domain/identifiers.ts'
import { type Json, type JsonObject, member, withMembers, withoutMembers } from '../../domain/json.ts'
import type { Row } from './tables.ts'

/** What is taken otherwise than the row says it; `data` and `column` are the two sides of a contradiction. */
export interface Note {
  readonly reason: string
  readonly field?: string
  readonly data?: Json
  readonly column?: string | null
}

const isSame = (parse: (text: string) => string | undefined, sent: Json, column: string | null): boolean =>
  typeof sent === 'string' &&
  column !== null &&
  (sent === column || parse(sent) === (parse(column) ?? column))

interface Key {
  readonly field: string
  /** The names under which `data` may say it too. */
  readonly names: readonly string[]
  readonly column: string | null
  readonly parse: (text: string) => string | undefined
}

const keysOf = ({ table, key, columns }: Row): readonly Key[] => {
  const { resource } = table
  const own: Key = { field: 'id', names: ['id'], column: key, parse: resource.parseId }
  const others = Object.entries(table.keys).map(([column, field]): Key => {
    const isPerson = field === resource.ownerField || field === resource.subjectField
    const aliases = isPerson ? [column, field, 'person'] : [column, field]
    return {
      field,
      names: [...new Set(aliases)],
      column: columns[column] ?? null,
      parse: isPerson ? parseAccount : text => text,
    }
  })
  return [own, ...others]
}

/** The data with what the key columns say, whatever it said itself. What the path will say is left to it. */
export const withKeys = (
  row: Row,
  data: JsonObject,
): { readonly data: JsonObject; readonly notes: readonly Note[] } => {
  const { resource } = row.table
  const notes: Note[] = []
  let result = data
  for (const { field, names, column, parse } of keysOf(row)) {
    for (const name of names) {
      const sent = member(data, name)
      if (sent === undefined || sent === null || sent === '' || isSame(parse, sent, column)) continue
      notes.push({
        reason: `data.${name} contradicts the key column, which counts`,
        field: name,
        data: sent,
        column,
      })
      result = withoutMembers(result, [name])
    }
    const isInPath = field === 'id' || field === resource.ownerField
    if (isInPath) continue
    result = withoutMembers(result, names)
    if (column !== null) result = withMembers(result, { [field]: column })
  }
  return { data: result, notes }
}
