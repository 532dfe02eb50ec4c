import * as E from '#fp/Either'
import type { Core } from '../../core.ts'
import { keyOfStream } from '../../domain/resource.ts'
import type { Original } from './original.ts'
import type { Row, Table } from './tables.ts'

const rowsAtOnce = 2_000

/** The key that the item of a row has in the hub. */
const hubKeyOf = ({ name, resource }: Table, { key, columns }: Pick<Row, 'key' | 'columns'>): string => {
  if (resource.ownerField !== undefined) return `${(columns[resource.ownerField] ?? '').toUpperCase()}:${key}`
  return name === 'people' ? key.toUpperCase() : key
}

const idOf = ({ resource }: Table, key: string): string =>
  resource.ownerField === undefined ? key : key.slice(key.indexOf(':') + 1)

/**
 * The items of a table's resource that the hub has and the original has not, by their keys: what was made in the hub itself.
 * Throws a `LogFailure` or an `OriginalUnavailable`.
 */
export async function* onlyInHub(
  { ports }: Pick<Core, 'ports'>,
  original: Pick<Original, 'keysOf'>,
  table: Table,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const { created, removed } = table.resource.events

  const strangersAmong = async function* (keys: readonly string[]): AsyncGenerator<string> {
    const rows = await original.keysOf(
      table,
      keys.map(key => idOf(table, key)),
    )
    const known = new Set(rows.map(row => hubKeyOf(table, row)))
    for (const key of keys.filter(one => !known.has(one))) {
      const last = await ports.log.last(`${table.resource.noun}-${key}`)
      if (E.isLeft(last)) throw last.left
      if (last.right?.event.type !== removed) yield key
    }
  }

  let keys: string[] = []
  for await (const { events } of ports.feed.follow(0n, { signal, types: [created], toHead: true })) {
    for (const { stream } of events) keys.push(keyOfStream(stream))
    if (keys.length < rowsAtOnce) continue
    yield* strangersAmong(keys)
    keys = []
  }
  if (keys.length > 0) yield* strangersAmong(keys)
}
