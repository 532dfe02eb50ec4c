import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { checkFile } from './damage.ts'

const ofEvents = ['position', 'stream', 'revision', 'id', 'type', 'data', 'metadata'].map(
  name => `events.${name}`,
)

/** The columns that must be in a file of a hub: opening one without them would make their tables anew, empty. */
const needed: Readonly<Record<string, readonly string[]>> = {
  'events.db': [...ofEvents, 'seal.at'],
  'auth.db': ['credentials.hash', 'secrets.secret', 'claims.value', 'subject_keys.wrapped'],
  'relay.db': ['bodies.message', 'pieces.bytes'],
  'read.db': [],
}

/** A log of an earlier release has no checksums; any other name that is not one of those needed is one of these, changed. */
const isStrange = (column: string): boolean =>
  column.startsWith('events.') && column !== 'events.checksum' && !ofEvents.includes(column)

const mostFindings = 20

/**
 * What is wrong with a file of a hub, a sentence each: SQLite's `integrity_check` of tables, indexes and free pages. None where it
 * is whole, or not there. Reads all of it, and writes nothing. No sentence holds anything that is kept.
 */
export const integrityOf = (path: string, file: string): readonly string[] => {
  if (!existsSync(path)) return []
  try {
    checkFile(path)
    const connection = new DatabaseSync(path, { readOnly: true, timeout: 2000 })
    try {
      const columns = connection
        .prepare(
          `SELECT master.name || '.' || info.name AS name FROM sqlite_master AS master, pragma_table_info(master.name) AS info`,
        )
        .all()
        .map(({ name }) => String(name))
      const missing = (needed[file] ?? []).filter(name => !columns.includes(name))
      const results = connection
        .prepare(`PRAGMA integrity_check(${mostFindings})`)
        .all()
        .map(row => String(Object.values(row)[0]))
      return [
        ...columns.filter(isStrange).map(name => `the column ${name} is none of a hub`),
        ...missing.map(name => `the column ${name} is not there`),
        ...results.filter(line => line !== 'ok').map(line => line.replaceAll(/\s+/g, ' ')),
      ]
    } finally {
      connection.close()
    }
  } catch {
    return ['SQLite cannot read it']
  }
}
