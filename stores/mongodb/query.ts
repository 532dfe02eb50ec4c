import type { Filter, Sort } from 'mongodb'
import type { FieldValue, ModelShape, Query } from '../../projections/read-store.ts'
import { validityOf } from '../validity.ts'
import type { Keyed } from './client.ts'

/** Where a field of a model is in its documents. */
export const pathOf = (model: ModelShape, field: string): string => {
  if (!Object.hasOwn(model.fields, field)) throw new Error(`the read model ${model.name} has no such field`)
  return `fields.${field}`
}

/** Not every engine stores NUL. */
export const withoutNul = <A extends FieldValue>(value: A): A | string =>
  typeof value === 'string' ? value.replaceAll('\0', '') : value

/**
 * What comes after a place in the order. The first condition bounds what is read of the index, the second leaves out
 * what is before the place among those of the same value. A null sorts before text, and `$gt` and `$lt` do not find it.
 */
const beyond = (
  path: string | undefined,
  { value, key }: NonNullable<Query['after']>,
  descending: boolean,
): readonly Filter<Keyed>[] => {
  const later = { _id: descending ? { $lt: key } : { $gt: key } }
  if (path === undefined) return [later]
  const place = withoutNul(value)
  const others = { $or: [{ [path]: { $ne: place } }, later] }
  if (place === null) return descending ? [{ [path]: { $eq: null } }, later] : [others]
  return [{ [path]: descending ? { $not: { $gt: place } } : { $gte: place } }, others]
}

const validConditions = (
  model: ModelShape,
  { position, time }: NonNullable<Query['validAt']>,
): readonly Filter<Keyed>[] => {
  const { from, to, clockFrom, clockTo } = validityOf(model)
  const isOpen = { [pathOf(model, to)]: { $gt: position } }
  return [
    { [pathOf(model, from)]: { $lte: position } },
    ...(time === undefined
      ? [isOpen]
      : [
          { [pathOf(model, clockFrom)]: { $lte: time } },
          { $or: [{ [pathOf(model, clockTo)]: { $gt: time } }, isOpen] },
        ]),
  ]
}

/** The documents a query asks for; undefined where it can find none. */
export const filterOf = (model: ModelShape, query: Query): Filter<Keyed> | undefined => {
  const { equals, keys, ranges = [], validAt, orderedBy, descending, after } = query
  const equal = Object.entries(equals)
  if (equal.some(([, value]) => value === null)) return undefined
  const conditions: Filter<Keyed>[] = equal.map(([field, value]) => ({
    [pathOf(model, field)]: { $eq: withoutNul(value) },
  }))
  if (keys !== undefined) conditions.push({ _id: { $gte: keys.from, $lt: keys.until } })
  for (const { field, from, until } of ranges) {
    const path = pathOf(model, field)
    if (from !== undefined) conditions.push({ [path]: { $gte: withoutNul(from) } })
    if (until !== undefined) conditions.push({ [path]: { $lt: withoutNul(until) } })
  }
  if (validAt !== undefined) conditions.push(...validConditions(model, validAt))
  if (after !== undefined) {
    const path = orderedBy === undefined ? undefined : pathOf(model, orderedBy)
    conditions.push(...beyond(path, after, descending))
  }
  return { $and: [...conditions, { text: { $ne: null } }] }
}

export const sortOf = (model: ModelShape, { orderedBy, descending }: Query): Sort => {
  const direction = descending ? -1 : 1
  return orderedBy === undefined
    ? { _id: direction }
    : { [pathOf(model, orderedBy)]: direction, _id: direction }
}
