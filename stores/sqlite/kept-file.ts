import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { checkFile } from './damage.ts'
import { type Database, type DatabaseOptions, openDatabase } from './database.ts'

/**
 * The form of the files that cannot be built anew, kept in their headers. Raised when their tables change so that an earlier
 * release would read or write them wrongly: it then refuses to start, and leaves them as they are.
 */
const form = 1

/** A file that cannot be built anew is of a later form than this release knows. */
export class NewerFile extends Error {
  readonly file: string
  constructor(path: string) {
    super(`${basename(path)} is of a later release`)
    this.file = basename(path)
  }
}

const formOf = (connection: DatabaseSync): number =>
  Number(connection.prepare('PRAGMA user_version').get()?.user_version)

const refuseNewer = (path: string): void => {
  if (!existsSync(path)) return
  const connection = new DatabaseSync(path, { readOnly: true, timeout: 2000 })
  try {
    if (formOf(connection) > form) throw new NewerFile(path)
  } finally {
    connection.close()
  }
}

/** Opens such a file, creating it when it is not there. Throws where it is damaged or of a later form; nothing was written then. */
export const openKeptFile = (path: string, options?: DatabaseOptions): Database => {
  checkFile(path)
  refuseNewer(path)
  const db = openDatabase(path, 'FULL', options)
  if (formOf(db.connection) !== form) db.connection.exec(`PRAGMA user_version = ${form}`)
  return db
}
