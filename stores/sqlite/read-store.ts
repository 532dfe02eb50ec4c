import { statSync } from 'node:fs'
import type { SQLInputValue } from 'node:sqlite'
import { setImmediate as immediate } from 'node:timers/promises'
import { z } from 'zod'
import * as E from '#fp/Either'
import type { Checkpoints, Superseded } from '../../projections/checkpoints.ts'
import type { Leases } from '../../projections/leases.ts'
import type {
  Document,
  DocumentPage,
  FieldChange,
  Generation,
  ModelCheckpoint,
  ModelShape,
  Query,
  ReadModels,
  ReadModelWriter,
} from '../../projections/read-store.ts'
import type { ReadUnavailable } from '../../projections/read-unavailable.ts'
import { startOfLog } from '../start-of-log.ts'
import { upToCharacters } from '../up-to-characters.ts'
import { checkpointsIn, checkpointsTable } from './checkpoints.ts'
import { checkFile, isDamage, namingDamage, setAside } from './damage.ts'
import { type Database, openDatabase } from './database.ts'
import { leasesIn, leasesTable } from './leases.ts'
import type { OnReadFile } from './read-file.ts'
import {
  columnsOf,
  countOf,
  createTables,
  documentOf,
  fieldValue,
  heldOf,
  isLookedThrough,
  keysQueryOf,
  queryOf,
  quoted,
  type Stretch,
  stretchOf,
  tableOf,
} from './read-tables.ts'
import { rowsOf } from './rows.ts'

const keepRetiredMilliseconds = 60_000
/** So many rows are looked through at once. */
const stretchRows = 2_000
const sweepRows = 2_000
/** Documents and their indexes are written faster, and read from flatter trees, in pages larger than usual. */
const pageBytes = 16_384
/** What another process wrote may be seen so much later: it is waited for by its position anyhow. */
const sharedReadMilliseconds = 10
/** Other processes switch generations: what is served is looked up again after this long. */
const lookAgainMilliseconds = 1_000

/** Neighbours by key share pages: each is then looked for and changed once. */
const inOrder = (documents: readonly Document[]): readonly Document[] =>
  documents.toSorted((a, b) => (a.key < b.key ? -1 : 1))

const nameOf = ({ name, version }: ModelShape): string => `${name}_${version}`

/** Closes a file that has been deleted or is damaged: what is in it is of no more use. */
const closeLost = (db: Database): void => {
  try {
    db.close()
  } catch {}
}

/** Raised when the tables beside the documents change: a file of another form is emptied, and filled from the log. */
const form = 4n

const forgetOtherForms = (db: Database): void => {
  const isOther = () => db.prepare('PRAGMA user_version').get()?.user_version !== form
  // Looked at without a lock first: another process may be writing.
  if (!isOther()) return
  db.write(() => {
    if (!isOther()) return
    const tables = db.prepare(`SELECT name FROM sqlite_master WHERE type = 'table'`).all()
    for (const { name } of tables) db.connection.exec(`DROP TABLE ${quoted(String(name))}`)
    db.connection.exec(`PRAGMA user_version = ${form}`)
  })
}

const rowShape = z.object({
  number: z.bigint(),
  position: z.bigint(),
  event_id: z.string(),
  clock: z.bigint(),
})

const checkpointOf = ({ position, event_id, clock }: z.infer<typeof rowShape>): ModelCheckpoint => ({
  position,
  eventId: event_id,
  clock,
})

const superseded: Superseded = { _tag: 'Superseded' }

const modelRow = z.object({ name: z.string(), version: z.bigint(), number: z.bigint(), state: z.string() })

export interface SqliteReadStore extends ReadModels, ReadModelWriter {
  readonly leases: Leases
  readonly checkpoints: Checkpoints
  /** The plan SQLite makes for a query, a line a step: for tests that no query scans. */
  readonly explain: (model: ModelShape, query: Query) => readonly string[]
  /** Looks at once whether the file is still there, instead of within a second. */
  readonly lookAgain: () => void
  readonly close: () => Promise<void>
}

/**
 * Read models in one SQLite file. The file may be deleted at any time, also while it is open: it is made anew, and
 * the projector fills it from the log. So is one that is damaged: it is set aside first, and `report` gets its new name.
 */
export const sqliteReadStore = (
  path: string,
  report: (damagedFile: string) => void = () => {},
): SqliteReadStore => {
  /** A commit failed after its documents had been seen: nothing is served until the projector has looked again. */
  let isTakenBack = false
  /** After that each commit is done at once, until one succeeds. */
  let isCautious = false
  /** The open file is set aside before it is used again. */
  let isDamaged = false
  const takenBack = (error: unknown) => {
    isTakenBack = true
    isCautious = true
    isDamaged ||= isDamage(error)
  }
  const attempt = <A>(work: () => A): E.Either<ReadUnavailable, A> => {
    try {
      return E.right(work())
    } catch (error) {
      isDamaged ||= isDamage(error)
      return E.left({ _tag: 'ReadUnavailable', cause: namingDamage(path, error) })
    }
  }

  const prepareTables = (db: Database) => {
    forgetOtherForms(db)
    db.connection.exec(`CREATE TABLE IF NOT EXISTS models (name TEXT NOT NULL, version INTEGER NOT NULL,
      number INTEGER NOT NULL, state TEXT NOT NULL, position INTEGER NOT NULL, event_id TEXT NOT NULL,
      changed_at INTEGER NOT NULL, token INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (name, version, number)) STRICT;
      ${leasesTable}; ${checkpointsTable}`)
    const columns = db.prepare(`SELECT name FROM pragma_table_info('models')`).all()
    // A file of the releases before has none: its models go on, and those that need the clock are new versions.
    if (!columns.some(({ name }) => name === 'clock'))
      db.connection.exec('ALTER TABLE models ADD COLUMN clock INTEGER NOT NULL DEFAULT 0')
  }
  const openWhole = () => {
    checkFile(path)
    const db = openDatabase(path, 'NORMAL', {
      pageBytes,
      sharedReadMilliseconds,
      overwritesDeleted: true,
      takenBack,
    })
    try {
      prepareTables(db)
    } catch (error) {
      db.close()
      throw error
    }
    return { db, file: statSync(path).ino, served: new Map<string, { table: string; until: number }>() }
  }
  const putAside = (inode: number) => {
    const name = setAside(path, inode)
    if (name !== undefined) report(name)
  }
  const open = () => {
    const inode = statSync(path, { throwIfNoEntry: false })?.ino
    try {
      return openWhole()
    } catch (error) {
      if (inode === undefined || !isDamage(error)) throw error
      putAside(inode)
      return openWhole()
    }
  }
  let store = open()
  let lookAgain = 0
  /** The last position seen of each model, and what those of a lost file must reach again before they are served. */
  const reached = new Map<string, bigint>()
  const reachAgain = new Map<string, bigint>()

  /** The open file, made anew when somebody deleted it or it is damaged. */
  const current = () => {
    const now = Date.now()
    if (isDamaged || now >= lookAgain) {
      lookAgain = now + lookAgainMilliseconds
      if (isDamaged) putAside(store.file)
      const file = statSync(path, { throwIfNoEntry: false })?.ino
      if (file !== store.file) {
        // Opened first: where that fails, the old one is still there to be asked, and this is tried again.
        const fresh = open()
        closeLost(store.db)
        store = fresh
        for (const [name, position] of reached)
          if (position > (reachAgain.get(name) ?? 0n)) reachAgain.set(name, position)
      }
      isDamaged = false
    }
    return store
  }

  const onFile: OnReadFile = work => attempt(() => work(current().db))

  const servedRow = (db: Database, model: ModelShape) => {
    const rawRow = db
      .prepare(
        `SELECT number, position, event_id, clock FROM models WHERE name = ? AND version = ? AND state = 'served'`,
      )
      .get(model.name, model.version)
    if (rawRow === undefined) return undefined
    const row = rowShape.parse(rawRow)
    reached.set(nameOf(model), row.position)
    return row
  }

  const generationOf = (model: ModelShape, row: z.infer<typeof rowShape>): Generation => ({
    model,
    number: Number(row.number),
    checkpoint: checkpointOf(row),
  })

  /** The table that readers use; looked up again once a second. */
  const servedTable = (model: ModelShape): { db: Database; table: string } => {
    if (isTakenBack) throw new Error('documents were taken back')
    const { db, served } = current()
    const name = nameOf(model)
    const cached = served.get(name)
    const now = Date.now()
    if (cached !== undefined && cached.until > now) return { db, table: cached.table }
    const row = servedRow(db, model)
    if (row === undefined) throw new Error('this read model has not been begun')
    if (row.position < (reachAgain.get(name) ?? 0n)) throw new Error('this read model is being built anew')
    reachAgain.delete(name)
    const table = tableOf(model, Number(row.number))
    served.set(name, { table, until: now + lookAgainMilliseconds })
    return { db, table }
  }

  const insertModel = (db: Database, model: ModelShape, state: 'served' | 'building'): Generation => {
    const top = db
      .prepare('SELECT max(number) AS number FROM models WHERE name = ? AND version = ?')
      .get(model.name, model.version)
    const number = typeof top?.number === 'bigint' ? Number(top.number) + 1 : 0
    createTables(db, model, number)
    db.prepare(
      `INSERT INTO models (name, version, number, state, position, event_id, changed_at) VALUES (?, ?, ?, ?, 0, '', ?)`,
    ).run(model.name, model.version, number, state, Date.now())
    return { model, number, checkpoint: startOfLog }
  }

  /** Whether nobody else has moved this generation, retired it, or taken its lease. */
  const stands = (db: Database, { model, number, checkpoint, token }: Generation): boolean => {
    const row = db
      .prepare(
        `SELECT position, token FROM models WHERE name = ? AND version = ? AND number = ? AND state <> 'retired'`,
      )
      .get(model.name, model.version, number)
    return row?.position === checkpoint.position && (token === undefined || row.token === BigInt(token))
  }

  const put = (db: Database, model: ModelShape, number: number, documents: readonly Document[]): void => {
    const columns = ['key', 'revision', 'position', 'text', ...columnsOf(model)].map(quoted)
    const updates = columns.slice(1).map(column => `${column} = excluded.${column}`)
    const table = tableOf(model, number)
    const statement = db.prepare(`INSERT INTO ${table} (${columns.join(', ')})
      VALUES (${columns.map(() => '?').join(', ')})
      ON CONFLICT (key) DO UPDATE SET ${updates.join(', ')} WHERE excluded.position > ${table}.position`)
    const names = columnsOf(model)
    for (const { key, revision, position, text, fields } of inOrder(documents))
      statement.run(key, revision, position, text, ...names.map(name => fields[name] ?? null))
  }

  const setFields = (
    db: Database,
    { model, number }: Generation,
    { key, position, fields }: FieldChange,
  ): void => {
    const names = Object.keys(fields)
    const sets = ['position', ...names].map(name => `${quoted(name)} = ?`)
    db.prepare(`UPDATE ${tableOf(model, number)} SET ${sets.join(', ')} WHERE key = ? AND position < ?`).run(
      position,
      ...Object.values(fields),
      key,
      position,
    )
  }

  const endOfStretch = (
    db: Database,
    model: ModelShape,
    table: string,
    query: Query,
  ): Stretch | undefined => {
    const { sql, values } = stretchOf(model, table, query, stretchRows)
    const row = db.prepare(sql).get(...values)
    return row === undefined ? undefined : { value: fieldValue(row.ordered_value), key: String(row.key) }
  }

  return {
    get: async (model, key) =>
      attempt(() => {
        const { db, table } = servedTable(model)
        const select = db.prepare(`SELECT key, revision, position, text FROM ${table} WHERE key = ?`)
        const row = db.read(() => select.get(key))
        return row === undefined ? undefined : heldOf(row)
      }),

    find: async (model, query) => {
      const documents: DocumentPage['documents'][number][] = []
      let bytes = 0
      /** Adds what a part of the query finds; true when the page is full. */
      const addRows = (db: Database, sql: string, values: readonly SQLInputValue[]): boolean => {
        for (const row of rowsOf(db.prepare(sql), ...values)) {
          const text = String(row.text)
          bytes += Buffer.byteLength(text)
          if (documents.length === query.limit || (documents.length > 0 && bytes > query.mostBytes))
            return true
          documents.push({ key: String(row.key), text, orderedBy: fieldValue(row.ordered_value) })
        }
        return false
      }
      const inStretches = isLookedThrough(model, query)
      for (let { after } = query; ; ) {
        const rest = after === undefined ? query : { ...query, after }
        const part = attempt(() => {
          const { db, table } = servedTable(model)
          const until = inStretches ? endOfStretch(db, model, table, rest) : undefined
          const { sql, values } = queryOf(model, table, rest, until)
          return { isFull: addRows(db, sql, values), until }
        })
        if (E.isLeft(part)) return part
        const { isFull, until } = part.right
        if (isFull || until === undefined) return E.right({ documents, more: isFull })
        after = until
        // Reading is synchronous: a long way leaves turns to everybody else.
        await immediate()
      }
    },

    count: async (model, equals, most) =>
      attempt(() => {
        const { db, table } = servedTable(model)
        const { sql, values } = countOf(model, table, equals, most)
        const row = db.read(() => db.prepare(sql).get(...values))
        return Number(row?.count ?? 0n)
      }),

    checkpoint: async model =>
      attempt((): ModelCheckpoint => {
        const row = servedRow(current().db, model)
        return row === undefined ? startOfLog : checkpointOf(row)
      }),

    served: async (model, token) =>
      attempt(() => {
        const { db } = current()
        isTakenBack = false
        // Readers go with the projector to what is served now.
        store.served.delete(nameOf(model))
        const row = servedRow(db, model)
        if (row !== undefined && token === undefined) return generationOf(model, row)
        return db.write(() => {
          const made = servedRow(db, model)
          const generation = made === undefined ? insertModel(db, model, 'served') : generationOf(model, made)
          if (token === undefined) return generation
          db.prepare(
            'UPDATE models SET token = max(token, ?) WHERE name = ? AND version = ? AND number = ?',
          ).run(token, model.name, model.version, generation.number)
          return { ...generation, token }
        })
      }),

    begin: async model =>
      attempt(() => {
        const { db } = current()
        return db.write(() => insertModel(db, model, 'building'))
      }),

    load: async ({ model, number }, keys) =>
      attempt(() => {
        const { db } = current()
        const statement = db.prepare(`SELECT * FROM ${tableOf(model, number)} WHERE key = ?`)
        return keys.flatMap(key => {
          const row = statement.get(key)
          return row === undefined ? [] : [documentOf(model, row)]
        })
      }),

    keysAbout: async ({ model, number }, about) =>
      attempt(() => {
        const { db } = current()
        const { sql, values } = keysQueryOf(model, tableOf(model, number), about)
        return db
          .prepare(sql)
          .all(...values)
          .map(({ key }) => String(key))
      }),

    documentsAfter: async ({ model, number }, after, most) =>
      attempt(() => {
        const { db } = current()
        const select = db.prepare(
          `SELECT * FROM ${tableOf(model, number)} WHERE key > ? ORDER BY key LIMIT ?`,
        )
        // No key is empty.
        const rows = rowsOf(select, after ?? '', most)
        return upToCharacters(Iterator.from(rows).map(row => documentOf(model, row)))
      }),

    commit: async (changes, checkpoint, flushMilliseconds) => {
      const done = attempt(() => {
        const { db } = current()
        const write = <A>(work: () => A) =>
          flushMilliseconds === 0 || isCautious ? db.write(work) : db.writeWithin(flushMilliseconds, work)
        return write(() => {
          if (!changes.every(({ generation }) => stands(db, generation))) return false
          const move = db.prepare(
            'UPDATE models SET position = ?, event_id = ?, clock = ?, changed_at = ? WHERE name = ? AND version = ? AND number = ?',
          )
          for (const { generation } of changes) {
            const { model, number } = generation
            const { position, eventId, clock } = checkpoint
            move.run(position, eventId, clock, Date.now(), model.name, model.version, number)
          }
          for (const { generation, documents, fieldChanges = [] } of changes) {
            put(db, generation.model, generation.number, documents)
            for (const change of fieldChanges) setFields(db, generation, change)
          }
          return true
        })
      })
      if (E.isRight(done)) isCautious = false
      return E.isLeft(done) ? done : done.right ? E.right(undefined) : E.left(superseded)
    },

    confirm: async generations => {
      const confirmed = attempt(() => {
        const { db } = current()
        return !isTakenBack && generations.every(generation => stands(db, generation))
      })
      return E.isLeft(confirmed) ? confirmed : confirmed.right ? E.right(undefined) : E.left(superseded)
    },

    serve: async (generations, condition) =>
      attempt(() => {
        const { db, served } = current()
        return db.write(() => {
          for (const { model, checkpoint } of generations) {
            const row = servedRow(db, model)
            if (condition === 'if as far' && row !== undefined && row.position > checkpoint.position)
              return false
          }
          for (const { model, number } of generations) {
            const switchTo =
              db.prepare(`UPDATE models SET state = ?, changed_at = ? WHERE name = ? AND version = ?
              AND (number = ?) = ? AND state <> 'retired'`)
            switchTo.run('retired', Date.now(), model.name, model.version, number, 0)
            switchTo.run('served', Date.now(), model.name, model.version, number, 1)
            served.delete(nameOf(model))
          }
          return true
        })
      }),

    sweep: async (models, generations) =>
      attempt(() => {
        const { db } = current()
        const old = db
          .prepare(
            `SELECT name, version, number, state FROM models WHERE changed_at < ? OR (? AND state <> 'served')`,
          )
          .all(Date.now() - keepRetiredMilliseconds, Number(generations === 'all not served'))
        for (const row of old) {
          const { name, version, number, state } = modelRow.parse(row)
          const present = models.find(model => model.name === name)
          const isOldVersion = present !== undefined && Number(version) < present.version
          if (state === 'served' && !isOldVersion) continue
          const table = quoted(`${name}_${version}_${number}`)
          return db.write(() => {
            const { changes } = db
              .prepare(`DELETE FROM ${table} WHERE rowid IN (SELECT rowid FROM ${table} LIMIT ${sweepRows})`)
              .run()
            if (changes !== 0 && changes !== 0n) return true
            db.connection.exec(`DROP TABLE ${table}`)
            db.prepare('DELETE FROM models WHERE name = ? AND version = ? AND number = ?').run(
              name,
              version,
              number,
            )
            return true
          })
        }
        return false
      }),

    purge: async () => attempt(() => current().db.emptyLog()),

    leases: leasesIn(onFile),
    checkpoints: checkpointsIn(onFile),

    explain: (model, query) => {
      const { db, table } = servedTable(model)
      const { sql, values } = queryOf(model, table, query)
      return db
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all(...values)
        .map(row => String(row.detail))
    },

    lookAgain: () => {
      lookAgain = 0
    },

    close: async () => (isDamaged ? closeLost(store.db) : store.db.close()),
  }
}
