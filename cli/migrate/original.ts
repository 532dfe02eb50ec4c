import type { Client, QueryResultRow } from 'pg'
import * as E from '#fp/Either'
import { addressesOf, isWithoutTls } from './connection.ts'
import { columnsOf, type Row, type RowDocument, type Table } from './tables.ts'

/** The original's database cannot be read, or not any more. */
export interface OriginalUnavailable {
  readonly _tag: 'OriginalUnavailable'
  readonly cause: unknown
}

/** It is another database than the original's, or lacks columns: `detail` says which. */
export interface NotTheOriginal {
  readonly _tag: 'NotTheOriginal'
  readonly detail: string
}

export const isOriginalUnavailable = (thrown: unknown): thrown is OriginalUnavailable =>
  typeof thrown === 'object' && thrown !== null && '_tag' in thrown && thrown._tag === 'OriginalUnavailable'

/**
 * The original's database as it is at one moment. It is only read, in one transaction, and holds no more rows in memory than
 * are fetched at once. What reads it throws an `OriginalUnavailable`.
 */
export interface Original {
  /** Those of its tables that are there. */
  readonly tables: readonly Table[]
  readonly count: (table: Table) => Promise<number>
  /** People by their account without regard to case, the one in upper case first; other rows as they lie. */
  readonly rows: (table: Table) => AsyncGenerator<Row>
  readonly documentOf: (row: Row, document: RowDocument) => AsyncGenerator<Uint8Array>
  /** The rows with these ids: their ids and key columns. */
  readonly keysOf: (table: Table, ids: readonly string[]) => Promise<readonly Pick<Row, 'key' | 'columns'>[]>
  readonly close: () => Promise<void>
}

const rowsAtOnce = 500
const documentsAtOnce = 50
/** Bytes of `data` that come with their row; longer ones are fetched one by one. */
const mostInRow = 64 * 1024
const mostData = 16 * 1024 * 1024
/** Of a document, fetched at once. */
export const pieceBytes = 1024 * 1024

/** A connection that is ready, with TLS where the address asks for it or prefers it and the server can. */
const connect = async (from: string): Promise<E.Either<OriginalUnavailable | NotTheOriginal, Client>> => {
  const { default: pg } = await import('pg')
  let failure: unknown
  for (const connectionString of addressesOf(from, process.env)) {
    let client: Client | undefined
    try {
      client = new pg.Client({
        connectionString,
        application_name: 'thalamus migrate',
        connectionTimeoutMillis: 15_000,
        keepAlive: true,
      })
      // A lost connection fails what is asked of it; nobody else needs to be told.
      client.on('error', () => undefined)
      await client.connect()
      return E.right(client)
    } catch (cause) {
      failure = cause
      await client?.end().catch(() => undefined)
      if (!isWithoutTls(cause)) break
    }
  }
  return failure === undefined
    ? E.left({ _tag: 'NotTheOriginal', detail: 'the service file does not hold the service that is named' })
    : E.left({ _tag: 'OriginalUnavailable', cause: failure })
}

const selectOf = ({ name, keys, hasDocument }: Table): string => {
  const columns = [
    'id::text AS id',
    ...Object.keys(keys).map(key => `${key}::text AS ${key}`),
    `CASE WHEN octet_length(t.text) <= ${mostInRow} THEN t.text END AS data`,
    'octet_length(t.text) AS bytes',
    ...(hasDocument
      ? [
          'octet_length(document) AS size',
          "encode(sha256(document), 'hex') AS sha256",
          "encode(sha512(document), 'hex') AS sha512",
        ]
      : []),
  ]
  // OFFSET 0: the text is made once for each row.
  const from = `${name}, LATERAL (SELECT data::text AS text OFFSET 0) AS t`
  const order =
    name === 'people' ? ' ORDER BY upper(id) COLLATE "C", id = upper(id) DESC, id COLLATE "C"' : ''
  return `SELECT ${columns.join(', ')} FROM ${from}${order}`
}

const documentIn = ({ size, sha256, sha512 }: QueryResultRow): RowDocument | undefined =>
  typeof size === 'number' && typeof sha256 === 'string' && typeof sha512 === 'string'
    ? { size, sha256, sha512 }
    : undefined

const keyColumnsIn = ({ keys }: Table, row: QueryResultRow): Row['columns'] =>
  Object.fromEntries(
    Object.keys(keys).map(key => [key, typeof row[key] === 'string' ? row[key] : null] as const),
  )

/** The tables that are there; what they lack of what the original has. */
const tablesIn = (
  known: readonly Table[],
  found: ReadonlyMap<string, ReadonlySet<string>>,
): E.Either<NotTheOriginal, readonly Table[]> => {
  const there = known.filter(({ name }) => found.has(name))
  const lacking = there.flatMap(table =>
    columnsOf(table)
      .filter(column => !found.get(table.name)?.has(column))
      .map(column => `${table.name}.${column}`),
  )
  if (!found.has('people'))
    return E.left({ _tag: 'NotTheOriginal', detail: 'it has no table people that this user may read' })
  return lacking.length > 0
    ? E.left({ _tag: 'NotTheOriginal', detail: `it lacks the columns ${lacking.join(', ')}` })
    : E.right(there)
}

/** Opens the database and its one transaction. */
export const openOriginal = async (
  from: string,
  known: readonly Table[],
): Promise<E.Either<OriginalUnavailable | NotTheOriginal, Original>> => {
  const connected = await connect(from)
  if (E.isLeft(connected)) return connected
  const client = connected.right

  let before: Promise<unknown> = Promise.resolve()
  /** One at a time: a connection answers in turn, and the driver leaves it to its user to wait. */
  const ask = async (text: string, values: readonly unknown[] = []): Promise<readonly QueryResultRow[]> => {
    const answer = before.then(() => client.query(text, [...values]))
    before = answer.catch(() => undefined)
    try {
      return (await answer).rows
    } catch (cause) {
      throw { _tag: 'OriginalUnavailable', cause } satisfies OriginalUnavailable
    }
  }
  const close = async (): Promise<void> => {
    await client.end().catch(() => undefined)
  }

  /** The `data` of a row that did not come with it. */
  const longData = async ({ name }: Table, key: string, bytes: number): Promise<string | undefined> => {
    if (bytes > mostData) return undefined
    const [row] = await ask(`SELECT data::text AS data FROM ${name} WHERE id = $1`, [key])
    return typeof row?.data === 'string' ? row.data : undefined
  }

  const rowOf = async (table: Table, row: QueryResultRow): Promise<Row> => {
    const key = String(row.id)
    const isLong = row.data === null && typeof row.bytes === 'number'
    return {
      table,
      key,
      columns: keyColumnsIn(table, row),
      data: isLong ? await longData(table, key, row.bytes) : row.data,
      document: table.hasDocument ? documentIn(row) : undefined,
    }
  }

  const original = (there: readonly Table[]): Original => ({
    tables: there,
    count: async ({ name }) => Number((await ask(`SELECT count(*) AS count FROM ${name}`))[0]?.count),
    rows: async function* (table) {
      const cursor = `rows_of_${table.name}`
      const many = table.hasDocument ? documentsAtOnce : rowsAtOnce
      await ask(`DECLARE ${cursor} NO SCROLL CURSOR FOR ${selectOf(table)}`)
      for (;;) {
        const rows = await ask(`FETCH ${many} FROM ${cursor}`)
        for (const row of rows) yield await rowOf(table, row)
        if (rows.length < many) break
      }
      await ask(`CLOSE ${cursor}`)
    },
    documentOf: async function* ({ table, key }, { size }) {
      for (let from = 1; from <= size; from += pieceBytes) {
        const [row] = await ask(
          `SELECT substring(document FROM $2 FOR $3) AS piece FROM ${table.name} WHERE id = $1`,
          [key, from, pieceBytes],
        )
        if (Buffer.isBuffer(row?.piece)) yield row.piece
      }
    },
    keysOf: async (table, ids) => {
      const columns = ['id', ...Object.keys(table.keys)].map(column => `${column}::text AS ${column}`)
      // People are found without regard to case: an account in lower case is taken in upper case.
      const id = table.name === 'people' ? 'upper(id)' : 'id'
      const rows = await ask(`SELECT ${columns.join(', ')} FROM ${table.name} WHERE ${id} = ANY($1)`, [ids])
      return rows.map(row => ({ key: String(row.id), columns: keyColumnsIn(table, row) }))
    },
    close,
  })

  try {
    await ask('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY')
    // The transaction lasts as long as all of it takes.
    await ask('SET LOCAL statement_timeout = 0')
    await ask('SET LOCAL idle_in_transaction_session_timeout = 0')
    const columns = await ask(
      'SELECT table_name, column_name FROM information_schema.columns WHERE table_name = ANY($1) AND table_schema = ANY(current_schemas(false))',
      [known.map(({ name }) => name)],
    )
    const found = new Map<string, Set<string>>()
    for (const { table_name: table, column_name: column } of columns)
      found.set(table, (found.get(table) ?? new Set()).add(column))
    const there = tablesIn(known, found)
    if (E.isRight(there)) return E.right(original(there.right))
    await close()
    return there
  } catch (thrown) {
    await close()
    if (isOriginalUnavailable(thrown)) return E.left(thrown)
    throw thrown
  }
}
