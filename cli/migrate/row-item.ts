import * as E from '#fp/Either'
import { bcryptProblem, looksLikeBcrypt } from '../../auth/password-hash.ts'
import { parseJson, takeObject } from '../../commands/json-text.ts'
import { parseAccount } from '../../domain/identifiers.ts'
import {
  isObject,
  type Json,
  type JsonObject,
  member,
  withMembers,
  withoutMembers,
} from '../../domain/json.ts'
import { scanJson } from '../../domain/json-scan.ts'
import type { Resource } from '../../domain/resource.ts'
import { refusalOf } from '../import-line.ts'
import { type Note, withKeys } from './row-keys.ts'
import { converted, strangersIn } from './row-values.ts'
import type { Row } from './tables.ts'
import type { WordMap } from './word-map.ts'

/** What becomes of a row. */
export interface RowItem {
  readonly row: Row
  /** As in the path after the collection, not checked yet. */
  readonly id: string
  /** The item's data as it is to be imported, in JSON. */
  readonly text: string
  /** The same; undefined where the row cannot be taken at all. */
  readonly data: JsonObject | undefined
  /** Why it cannot. */
  readonly problem: string | undefined
  readonly notes: readonly Note[]
  /** What was turned into what the hub stores, in words that are the same for every such row. */
  readonly conversions: readonly string[]
  /** Words outside a closed vocabulary that are left. */
  readonly strangers: readonly { readonly field: string; readonly word: string }[]
}

/** How rows are taken. */
export interface Taking {
  readonly words: WordMap
  readonly roleNames: readonly string[]
}

const clearText = 'the password is no bcrypt hash: it is not taken, and the person needs a new one'

/** The data without a password that is none of a kind the hub can check. Clear text is never taken, and never shown. */
const withHashOnly = (
  { secretField }: Resource,
  data: JsonObject,
): { readonly data: JsonObject; readonly notes: readonly Note[] } => {
  const secret = secretField === undefined ? undefined : member(data, secretField)
  if (secretField === undefined || secret === undefined) return { data, notes: [] }
  if (typeof secret === 'string' && looksLikeBcrypt(secret) && bcryptProblem(secret) === undefined)
    return { data, notes: [] }
  const without = withoutMembers(data, [secretField])
  if (secret === null || secret === '') return { data: without, notes: [] }
  const reason =
    typeof secret === 'string' && looksLikeBcrypt(secret)
      ? `the password hash ${bcryptProblem(secret)?.detail}: it is not taken, and the person needs a new password`
      : clearText
  return { data: without, notes: [{ reason, field: secretField }] }
}

const idOf = ({ table, key, columns }: Row): string =>
  table.resource.ownerField === undefined ? key : `${columns[table.resource.ownerField] ?? ''}/${key}`

const undecidedMark = '?'

/**
 * The same for a row whose person nobody but people can tell: an import refuses its line until somebody has put an account
 * in the place of what begins with a question mark.
 */
export const undecided = (item: RowItem, problem: string): RowItem => {
  const { table, columns } = item.row
  const { ownerField, subjectField } = table.resource
  if (ownerField !== undefined || subjectField === 'id')
    return { ...item, problem, id: `${undecidedMark}${item.id}` }
  const members = Object.entries(table.keys)
    .filter(([, field]) => field === subjectField)
    .map(([column, field]) => [field, `${undecidedMark}${columns[column] ?? ''}`] as const)
  const data = withMembers(item.data ?? {}, Object.fromEntries(members))
  return { ...item, problem, text: item.data === undefined ? item.text : JSON.stringify(data) }
}

/** JSON text with those numbers as texts that would not keep their value. */
const withNumbersAsTexts = (text: string): string => {
  let [result, last] = ['', 0]
  for (const { start, end } of scanJson(text).losing) {
    result += `${text.slice(last, start)}"${text.slice(start, end)}"`
    last = end
  }
  return result + text.slice(last)
}

const untaken = (row: Row, problem: string, json: Json): RowItem => ({
  row,
  id: idOf(row),
  text: JSON.stringify(
    isObject(json) ? withHashOnly(row.table.resource, withKeys(row, json).data).data : json,
  ),
  data: undefined,
  problem,
  notes: [],
  conversions: [],
  strangers: [],
})

const lowerCase = (row: Row): readonly Note[] => {
  const account = row.table.resource.subjectField === 'id' ? parseAccount(row.key) : undefined
  return account === undefined || account === row.key
    ? []
    : [{ reason: 'the account is not in upper case: it is taken in upper case', column: row.key }]
}

/** What becomes of a row: its key columns win over its `data`, and what means the same is written as the hub does. */
export const rowItemOf = (row: Row, { words, roleNames }: Taking): RowItem => {
  const { resource } = row.table
  if (row.data === undefined) return untaken(row, 'data is more than 16 MiB', null)
  const isEmpty = row.data === null || row.data === 'null'
  const parsed = parseJson(Buffer.from(isEmpty || row.data === null ? '{}' : row.data), 'line')
  if (E.isLeft(parsed)) return untaken(row, refusalOf(parsed.left).reason, null)
  const taken = takeObject(parsed.right)
  if (E.isLeft(taken)) {
    return untaken(row, refusalOf(taken.left).reason, JSON.parse(withNumbersAsTexts(parsed.right.text)))
  }
  const keyed = withKeys(row, taken.right)
  const hashed = withHashOnly(resource, keyed.data)
  const { data, conversions } = converted(resource, hashed.data, words)
  const empty: readonly Note[] = isEmpty ? [{ reason: 'data is null: it is taken as empty' }] : []
  return {
    row,
    id: idOf(row),
    text: JSON.stringify(data),
    data,
    problem: undefined,
    notes: [...lowerCase(row), ...empty, ...keyed.notes, ...hashed.notes],
    conversions,
    strangers: strangersIn(resource, data, roleNames),
  }
}

const lineParts = ({ row, id, text }: RowItem): string =>
  `"resource":${JSON.stringify(row.table.resource.name)},"id":${JSON.stringify(id)},"data":${text}`

/** The line of an import that a row becomes. */
export const importLineOf = (item: RowItem): string => `{${lineParts(item)}}`

/** The same with a note, which an import reads over, on where it comes from and why it was not taken. */
export const notedLineOf = (item: RowItem, reason: string): string => {
  const { table, key } = item.row
  return `{"note":${JSON.stringify({ table: table.name, key, reason })},${lineParts(item)}}`
}
