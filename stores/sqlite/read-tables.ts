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

/** Fields that SQLite must not look for in an index: another one serves the query better, and it cannot tell. */
const passedOver = ({ indexes }: ModelShape, { equals, orderedBy }: Query): readonly string[] => {
  const compared = indexes.map(({ fields }) => fields.filter(field => field !== orderedBy))
  const best = compared.find(
    fields => fields.length > 0 && fields.every(field => Object.hasOwn(equals, field)),
  )
  return best === undefined
    ? []
    : compared.flatMap(([first]) => first ?? []).filter(field => !best.includes(field))
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

export const queryOf = (
  model: ModelShape,
  table: string,
  query: Query,
): { sql: string; values: SQLInputValue[] } => {
  const { equals, keys, ranges = [], validAt, orderedBy, descending, after, limit } = query
  const values: SQLInputValue[] = []
  const conditions = ['text IS NOT NULL']
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
  const ordering = order.map(column => (descending ? `${column} DESC` : column)).join(', ')
  const ordered = orderedBy === undefined ? 'NULL' : quoted(orderedBy)
  values.push(limit + 1)
  return {
    sql: `SELECT key, text, ${ordered} AS ordered_value FROM ${table} WHERE ${conditions.join(' AND ')} ORDER BY ${ordering} LIMIT ?`,
    values,
  }
}
