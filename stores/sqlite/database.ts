import { chmodSync, existsSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'

export interface Database {
  readonly connection: DatabaseSync
  /** The statement, prepared once; it reads integers as bigint. */
  readonly prepare: (sql: string) => StatementSync
  /** Runs `work` in one write transaction: all of it, or none. */
  readonly write: <A>(work: () => A) => A
  readonly close: () => void
}

const mostStatements = 500

/**
 * Opens an SQLite file in WAL mode, readable by its owner only, creating it when it is not there.
 *
 * `synchronous` FULL: a commit is on disk when it returns. NORMAL: the file stays whole, but a power cut may take
 * back the last commits. A lock of another process is waited for up to two seconds.
 */
export const openDatabase = (path: string, synchronous: 'FULL' | 'NORMAL'): Database => {
  const connection = new DatabaseSync(path, { timeout: 2000 })
  if (existsSync(path)) chmodSync(path, 0o600)
  connection.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous};
    PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864;`)
  const statements = new Map<string, StatementSync>()
  const prepare = (sql: string): StatementSync => {
    const known = statements.get(sql)
    if (known !== undefined) return known
    if (statements.size >= mostStatements) statements.clear()
    const statement = connection.prepare(sql)
    statement.setReadBigInts(true)
    statements.set(sql, statement)
    return statement
  }
  return {
    connection,
    prepare,
    write: work => {
      connection.exec('BEGIN IMMEDIATE')
      try {
        const result = work()
        connection.exec('COMMIT')
        return result
      } catch (error) {
        // A full disk has rolled back already.
        if (connection.isTransaction) connection.exec('ROLLBACK')
        throw error
      }
    },
    close: () => connection.close(),
  }
}
