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
import { flagIn, kindOf, numberIn, takesWord } from './field-kinds.ts'
import type { Row } from './tables.ts'
import { mapped, type WordMap } from './word-map.ts'

/** What is taken otherwise than the row says it; `data` and `column` are the two sides of a contradiction. */
export interface Note {
  readonly reason: string
  readonly field?: string
  readonly data?: Json
  readonly column?: string | null
}

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

interface Converted {
  readonly value: Json
  readonly conversions: readonly string[]
}

const kept = (value: Json): Converted => ({ value, conversions: [] })

const mappedWord = (map: WordMap, field: string, value: Json): Converted => {
  if (Array.isArray(value)) {
    const entries: readonly Json[] = value
    const each = entries.map(entry =>
      typeof entry === 'string' ? mappedWord(map, field, entry) : kept(entry),
    )
    const conversions = [...new Set(each.flatMap(one => one.conversions))]
    return conversions.length === 0
      ? kept(value)
      : { value: each.map(one => one.value).filter(entry => entry !== null), conversions }
  }
  const word = typeof value === 'string' ? mapped(map, field, value) : undefined
  return word === undefined ? kept(value) : { value: word, conversions: [`${field}: a word, by --map`] }
}

const plainValue = (resource: Resource, field: string, value: Json): Converted => {
  if (value === '') return { value: null, conversions: [`${field}: an empty text, now null`] }
  const kind = kindOf(resource, field)
  if (kind === 'number' && typeof value === 'string') {
    const number = numberIn(value)
    return number === undefined
      ? kept(value)
      : { value: number, conversions: [`${field}: a number in a text, now a number`] }
  }
  if (kind === 'flag' && (typeof value === 'string' || typeof value === 'number')) {
    const flag = flagIn(value)
    return flag === undefined
      ? kept(value)
      : { value: flag, conversions: [`${field}: a flag in a text or number, now true or false`] }
  }
  return kept(value)
}

/** The data with each member as the hub stores it. */
const convert = (resource: Resource, data: JsonObject, words: WordMap) => {
  const conversions: string[] = []
  const changed = Object.entries(data).flatMap(([field, value]) => {
    if (field === resource.secretField) return []
    const word = mappedWord(words, field, value)
    const plain = plainValue(resource, field, word.value)
    conversions.push(...word.conversions, ...plain.conversions)
    return plain.value === value ? [] : [[field, plain.value] as const]
  })
  return { data: withMembers(data, Object.fromEntries(changed)), conversions }
}

const strangersIn = (resource: Resource, data: JsonObject, roleNames: readonly string[]) =>
  Object.entries(data).flatMap(([field, value]) => {
    if (field === 'roles' && Array.isArray(value) && Object.hasOwn(resource.fields, 'roles'))
      return value
        .filter(role => typeof role === 'string' && !roleNames.includes(role))
        .map(role => ({ field, word: String(role) }))
    return typeof value === 'string' &&
      kindOf(resource, field) === 'word' &&
      !takesWord(resource, field, value)
      ? [{ field, word: value }]
      : []
  })

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
const withKeys = (
  row: Row,
  data: JsonObject,
): { readonly data: JsonObject; readonly notes: readonly Note[] } => {
  const { resource } = row.table
  const notes: Note[] = []
  let result = data
  for (const { field, names, column, parse } of keysOf(row)) {
    for (const name of names) {
      const sent = member(data, name)
      if (sent === undefined || sent === null || isSame(parse, sent, column)) continue
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
  text: JSON.stringify(isObject(json) ? withHashOnly(row.table.resource, json).data : json),
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
  const { data, conversions } = convert(resource, hashed.data, words)
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
