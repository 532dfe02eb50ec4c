import { chmodSync, existsSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'

export interface Database {
  readonly connection: DatabaseSync
  /** The statement, prepared once; it reads integers as bigint. */
  readonly prepare: (sql: string) => StatementSync
  /**
   * Runs `work` on the state of the file as of this turn of the event loop, or, with `sharedReadMilliseconds`, on one at
   * most so old. What this connection wrote is always seen.
   */
  readonly read: <A>(work: () => A) => A
  /** Runs `work` in one write transaction: all of it, or none. What `writeWithin` left open is committed before. */
  readonly write: <A>(work: () => A) => A
  /**
   * Runs `work` in a transaction that stays open for later work, and is committed within so many milliseconds: this
   * connection sees it at once, others and the disk later. A failure of the work takes back all that is in it. Where the
   * commit itself fails, all of it is taken back later: `takenBack` of `openDatabase` is called.
   */
  readonly writeWithin: <A>(milliseconds: number, work: () => A) => A
  /**
   * Puts all that was committed into the file and empties the write-ahead log, so that nothing of what was overwritten is left
   * in it. Throws where a reader stands in the way for two seconds.
   */
  readonly emptyLog: () => void
  readonly close: () => void
}

const mostStatements = 500

export interface DatabaseOptions {
  readonly pageBytes?: number
  readonly sharedReadMilliseconds?: number
  /** What is deleted or replaced is overwritten with zeros: with `emptyLog`, nothing of it is left on the disk. */
  readonly overwritesDeleted?: boolean
  readonly takenBack?: (error: unknown) => void
}

/**
 * Opens an SQLite file in WAL mode, readable by its owner only, creating it when it is not there.
 *
 * `synchronous` FULL: a commit is on disk when it returns. NORMAL: the file stays whole, but a power cut may take
 * back the last commits. A lock of another process is waited for up to two seconds.
 */
export const openDatabase = (
  path: string,
  synchronous: 'FULL' | 'NORMAL',
  {
    pageBytes = 4096,
    sharedReadMilliseconds = 0,
    overwritesDeleted = false,
    takenBack = () => {},
  }: DatabaseOptions = {},
): Database => {
  const connection = new DatabaseSync(path, { timeout: 2000 })
  if (existsSync(path)) chmodSync(path, 0o600)
  try {
    connection.exec(`PRAGMA page_size = ${pageBytes}; PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous};
      PRAGMA cache_size = -131072; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 8000;
      PRAGMA journal_size_limit = 67108864; PRAGMA secure_delete = ${overwritesDeleted ? 'ON' : 'OFF'}`)
  } catch (error) {
    connection.close()
    throw error
  }
  const statements = new Map<string, StatementSync>()
  const prepare = (sql: string): StatementSync => {
    const cached = statements.get(sql)
    if (cached !== undefined) return cached
    if (statements.size >= mostStatements) statements.clear()
    const statement = connection.prepare(sql)
    statement.setReadBigInts(true)
    statements.set(sql, statement)
    return statement
  }
  let commitAt: number | undefined
  let timer: NodeJS.Timeout | undefined

  let cancelEndOfReading: (() => void) | undefined

  const endReading = () => {
    if (cancelEndOfReading === undefined) return
    cancelEndOfReading()
    cancelEndOfReading = undefined
    try {
      connection.exec('COMMIT')
    } catch {
      // A damaged page fails the end of reading once more; nothing was written that could be lost.
      if (connection.isTransaction) connection.exec('ROLLBACK')
    }
  }

  const endReadingSoon = (): (() => void) => {
    if (sharedReadMilliseconds === 0) {
      const immediate = setImmediate(endReading)
      return () => clearImmediate(immediate)
    }
    const timer = setTimeout(endReading, sharedReadMilliseconds)
    return () => clearTimeout(timer)
  }

  const undo = () => {
    clearTimeout(timer)
    commitAt = undefined
    // A full disk has rolled back already.
    if (connection.isTransaction) connection.exec('ROLLBACK')
  }
  const attempt = <A>(work: () => A, othersAreIn = false): A => {
    try {
      return work()
    } catch (error) {
      undo()
      if (othersAreIn) takenBack(error)
      throw error
    }
  }
  const commitOpen = () => {
    if (commitAt === undefined) return
    try {
      connection.exec('COMMIT')
      clearTimeout(timer)
      commitAt = undefined
    } catch (error) {
      undo()
      takenBack(error)
    }
  }

  return {
    connection,
    prepare,
    // Taking and leaving SQLite's locks costs more than a look by key: reads close to each other do it once.
    read: work => {
      if (commitAt === undefined && cancelEndOfReading === undefined) {
        connection.exec('BEGIN')
        cancelEndOfReading = endReadingSoon()
      }
      return work()
    },
    write: work => {
      endReading()
      commitOpen()
      return attempt(() => {
        connection.exec('BEGIN IMMEDIATE')
        const result = work()
        connection.exec('COMMIT')
        return result
      })
    },
    writeWithin: (milliseconds, work) => {
      const now = performance.now()
      const othersAreIn = commitAt !== undefined
      const result = attempt(() => {
        if (commitAt === undefined) {
          endReading()
          connection.exec('BEGIN IMMEDIATE')
          commitAt = now + milliseconds
          timer = setTimeout(commitOpen, milliseconds)
        }
        return work()
      }, othersAreIn)
      if (commitAt !== undefined && now >= commitAt) commitOpen()
      return result
    },
    emptyLog: () => {
      endReading()
      commitOpen()
      const { busy } = connection.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() ?? {}
      if (busy !== 0) throw new Error('the write-ahead log is being read and could not be emptied')
    },
    close: () => {
      try {
        endReading()
        commitOpen()
      } finally {
        connection.close()
      }
    },
  }
}
