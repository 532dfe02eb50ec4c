import type { SQLInputValue, SQLOutputValue } from 'node:sqlite'
import type { Document, FieldValue, Held, ModelShape, Query } from '../../projections/read-store.ts'
import { validityOf } from '../validity.ts'
import type { Database } from './database.ts'

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
export const tableOf = (model: ModelShape, number: number): string =>
  quoted(`${model.name}_${model.version}_${number}`)
export const columnsOf = (model: ModelShape): readonly string[] => Object.keys(model.fields)

export const fieldValue = (value: unknown): FieldValue =>
  typeof value === 'string' || typeof value === 'bigint' ? value : null

// The tables are STRICT: SQLite itself vouches for the columns' types.
export const heldOf = ({ key, revision, position, text }: Record<string, SQLOutputValue>): Held => ({
  key: String(key),
  revision: Number(revision),
  position: typeof position === 'bigint' ? position : 0n,
  text: typeof text === 'string' ? text : null,
})

export const documentOf = (model: ModelShape, row: Record<string, SQLOutputValue>): Document => ({
  ...heldOf(row),
  fields: Object.fromEntries(columnsOf(model).map(name => [name, fieldValue(row[name])])),
})

export const createTables = (db: Database, model: ModelShape, number: number): void => {
  const table = tableOf(model, number)
  const fields = Object.entries(model.fields).map(([name, kind]) => `, ${quoted(name)} ${kind.toUpperCase()}`)
  db.connection.exec(`CREATE TABLE ${table} (key TEXT NOT NULL UNIQUE, revision INTEGER NOT NULL,
    position INTEGER NOT NULL, text TEXT${fields.join('')}) STRICT`)
  model.indexes.forEach(({ fields, also = [], where, withoutKey = false }, i) => {
    const index = quoted(`${model.name}_${model.version}_${number}_${i}`)
    const part = where === undefined ? '' : ` WHERE ${quoted(where)} IS NOT NULL`
    db.connection.exec(
      `CREATE INDEX ${index} ON ${table} (${[...fields, ...(withoutKey ? [] : ['key']), ...also].map(quoted).join(', ')})${part}`,
    )
  })
}

/** The fields, but for the order's, of the index that serves a query best. */
const servingFields = ({ indexes }: ModelShape, { equals, orderedBy }: Query): readonly string[] =>
  indexes
    .map(({ fields }) => fields.filter(field => field !== orderedBy))
    .find(fields => fields.length > 0 && fields.every(field => Object.hasOwn(equals, field))) ?? []

/** Fields that SQLite must not look for in an index: another one serves the query better, and it cannot tell. */
const passedOver = (model: ModelShape, query: Query): readonly string[] => {
  const best = servingFields(model, query)
  return best.length === 0
    ? []
    : model.indexes
        .flatMap(({ fields: [first] }) => (first === undefined || first === query.orderedBy ? [] : [first]))
        .filter(field => !best.includes(field))
}

/** Whether more is looked at than is given: some conditions are not those of the index that is gone along. */
export const isLookedThrough = (model: ModelShape, query: Query): boolean => {
  const { equals, ranges = [], validAt, orderedBy } = query
  const fields = servingFields(model, query)
  return (
    validAt !== undefined ||
    Object.keys(equals).some(field => !fields.includes(field)) ||
    ranges.some(({ field }) => field !== orderedBy)
  )
}

/** A place in the order of a query: how far it is looked through at once. */
export type Stretch = NonNullable<Query['after']>

/** Finds the place so many rows further along the index of a query; there is none near its end. */
export const stretchOf = (
  model: ModelShape,
  table: string,
  query: Query,
  rows: number,
): { sql: string; values: SQLInputValue[] } => {
  const fields = servingFields(model, query)
  const { equals, ranges = [], orderedBy } = query
  const { validAt: _, ...others } = query
  const along: Query = {
    ...others,
    equals: Object.fromEntries(Object.entries(equals).filter(([field]) => fields.includes(field))),
    ranges: ranges.filter(({ field }) => field === orderedBy),
    limit: 0,
  }
  const { where, ordering, values } = partsOf(model, along)
  const ordered = orderedBy === undefined ? 'NULL' : quoted(orderedBy)
  return {
    sql: `SELECT key, ${ordered} AS ordered_value FROM ${table} WHERE ${where} ORDER BY ${ordering} LIMIT 1 OFFSET ${rows}`,
    values,
  }
}

// A plus sign keeps SQLite from looking for an index: nearly every version began before.
const quotedValidity = (model: ModelShape) => {
  const { from, to, clockFrom, clockTo } = validityOf(model)
  return {
    from: `+${quoted(from)}`,
    to: `+${quoted(to)}`,
    clockFrom: `+${quoted(clockFrom)}`,
    clockTo: `+${quoted(clockTo)}`,
  }
}

/** The conditions and the order of a query. */
const partsOf = (
  model: ModelShape,
  query: Query,
  until?: Stretch,
): { where: string; ordering: string; values: SQLInputValue[] } => {
  const { equals, keys, ranges = [], validAt, orderedBy, descending, after } = query
  const values: SQLInputValue[] = []
  const conditions: string[] = []
  const passed = passedOver(model, query)
  for (const [name, value] of Object.entries(equals)) {
    // A plus sign keeps SQLite from looking for an index.
    conditions.push(`${passed.includes(name) ? '+' : ''}${quoted(name)} = ?`)
    values.push(value)
  }
  if (keys !== undefined) {
    conditions.push('key >= ? AND key < ?')
    values.push(keys.from, keys.until)
  }
  for (const { field, from, until } of ranges) {
    if (from !== undefined) {
      conditions.push(`${quoted(field)} >= ?`)
      values.push(from)
    }
    if (until !== undefined) {
      conditions.push(`${quoted(field)} < ?`)
      values.push(until)
    }
  }
  if (validAt !== undefined) {
    const { position, time } = validAt
    const { from, to, clockFrom, clockTo } = quotedValidity(model)
    conditions.push(`${from} <= ?`)
    values.push(position)
    if (time === undefined) {
      conditions.push(`${to} > ?`)
      values.push(position)
    } else {
      conditions.push(`${clockFrom} <= ?`, `(${clockTo} > ? OR ${to} > ?)`)
      values.push(time, time, position)
    }
  }
  const order = orderedBy === undefined ? ['key'] : [quoted(orderedBy), 'key']
  if (after !== undefined) {
    conditions.push(`(${order.join(', ')}) ${descending ? '<' : '>'} (${order.map(() => '?').join(', ')})`)
    values.push(...(orderedBy === undefined ? [after.key] : [after.value, after.key]))
  }
  if (until !== undefined) {
    conditions.push(`(${order.join(', ')}) ${descending ? '>=' : '<='} (${order.map(() => '?').join(', ')})`)
    values.push(...(orderedBy === undefined ? [until.key] : [until.value, until.key]))
  }
  const ordering = order.map(column => (descending ? `${column} DESC` : column)).join(', ')
  return { where: conditions.length === 0 ? 'true' : conditions.join(' AND '), ordering, values }
}

/** The keys of what is found so, in no order. */
export const keysQueryOf = (
  model: ModelShape,
  table: string,
  about: Pick<Query, 'equals' | 'keys'>,
): { sql: string; values: SQLInputValue[] } => {
  const { where, values } = partsOf(model, { ...about, descending: false, limit: 0, mostBytes: 0 })
  return { sql: `SELECT key FROM ${table} WHERE ${where}`, values }
}

/** What a query finds, up to a place in its order. */
export const queryOf = (
  model: ModelShape,
  table: string,
  query: Query,
  until?: Stretch,
): { sql: string; values: SQLInputValue[] } => {
  const { orderedBy, limit } = query
  const { where, ordering, values } = partsOf(model, query, until)
  const ordered = orderedBy === undefined ? 'NULL' : quoted(orderedBy)
  return {
    sql: `SELECT key, text, ${ordered} AS ordered_value FROM ${table} WHERE text IS NOT NULL AND ${where} ORDER BY ${ordering} LIMIT ?`,
    values: [...values, limit + 1],
  }
}

/** How many documents have these values, as far as one counts. Removed ones have none. */
export const countOf = (
  model: ModelShape,
  table: string,
  equals: Query['equals'],
  most: number,
): { sql: string; values: SQLInputValue[] } => {
  const { where, values } = partsOf(model, { equals, descending: false, limit: most, mostBytes: 0 })
  return {
    sql: `SELECT count(*) AS count FROM (SELECT 1 FROM ${table} WHERE ${where} LIMIT ?)`,
    values: [...values, most],
  }
}
