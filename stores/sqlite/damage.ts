import { closeSync, existsSync, openSync, readdirSync, readSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

const sqliteCorrupt = 11
const sqliteNotADatabase = 26
const damageMessage = /^(database disk image is malformed|file is not a database|malformed database schema)/

/** Deno gives some errors without their code. */
const saysDamage = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false
  if (!('errcode' in error) || typeof error.errcode !== 'number') return damageMessage.test(error.message)
  // The lower byte of an extended code is its primary code.
  return [sqliteCorrupt, sqliteNotADatabase].includes(error.errcode & 0xff)
}

const damageCode = 'FILE_DAMAGED'

/** The code and the file's name are what the hub's log shows of it. */
const damageOf = (path: string): Error =>
  Object.assign(new Error(`${basename(path)} is damaged`), { code: damageCode, file: basename(path) })

/** The name of the file that an error says is damaged. */
export const damagedFileOf = (error: unknown): string | undefined =>
  error instanceof Error &&
  'code' in error &&
  error.code === damageCode &&
  'file' in error &&
  typeof error.file === 'string'
    ? error.file
    : undefined

/** Whether it is because of what is in a file: SQLite says so, or this module. */
export const isDamage = (error: unknown): boolean => saysDamage(error) || damagedFileOf(error) !== undefined

/** The error as the ports give it: damage names the file. */
export const namingDamage = (path: string, error: unknown): unknown =>
  saysDamage(error) ? damageOf(path) : error

const walHeaderBytes = 32
const walMagics = [0x377f0682, 0x377f0683]

/** Undefined where there is no such file. Whoever closes a database last removes its log: at any time, so it is not looked at before. */
const openedToRead = (path: string): number | undefined => {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Whether a write-ahead log begins as one. SQLite takes anything else for an empty one, and what was committed to it
 * would be lost without a word. A power cut may leave one that is empty or all zeros: nothing was committed to it.
 */
const isWriteAheadLog = (path: string): boolean => {
  const header = Buffer.alloc(walHeaderBytes)
  const file = openedToRead(path)
  if (file === undefined) return true
  try {
    const length = readSync(file, header, 0, walHeaderBytes, 0)
    return (
      length < walHeaderBytes ||
      header.every(byte => byte === 0) ||
      walMagics.includes(header.readUInt32BE(0))
    )
  } finally {
    closeSync(file)
  }
}

/**
 * Throws where the file is there and SQLite cannot read its header and schema, or its write-ahead log is none. Writes
 * nothing. It does not read the whole file, which would take minutes for a large one.
 */
export const checkFile = (path: string): void => {
  if (!existsSync(path)) return
  try {
    if (!isWriteAheadLog(`${path}-wal`)) throw damageOf(`${path}-wal`)
    const connection = new DatabaseSync(path, { readOnly: true, timeout: 2000 })
    try {
      connection.prepare('SELECT count(*) FROM sqlite_master').get()
    } finally {
      connection.close()
    }
  } catch (error) {
    throw namingDamage(path, error)
  }
}

/** How many rows of a table can be read in the order of `column`, before the first that cannot. Writes nothing. */
export const readableRows = (path: string, table: string, column: string): number => {
  let rows = 0
  try {
    const connection = new DatabaseSync(path, { readOnly: true, timeout: 2000 })
    try {
      const select = connection.prepare(`SELECT * FROM ${table} ORDER BY ${column}`)
      select.setReadBigInts(true)
      // Without `rowsOf`: here an end in the middle is an end, and the table may be large.
      for (const _ of select.iterate()) rows += 1
    } finally {
      connection.close()
    }
  } catch {
    return rows
  }
  return rows
}

/**
 * Moves a damaged file out of the way and removes its write-ahead log, which belongs to it alone; gives its new name. Those
 * that were moved before are removed. `inode` is the damaged file's: undefined where another process has replaced
 * it meanwhile, and nothing was done.
 */
export const setAside = (path: string, inode: number): string | undefined => {
  if (statSync(path, { throwIfNoEntry: false })?.ino !== inode) return undefined
  const prefix = `${basename(path)}.damaged-`
  const name = `${prefix}${new Date().toISOString().replaceAll(':', '-')}`
  // Before the file: SQLite removes a log that it finds beside an empty file, never one beside a file that it fits.
  for (const suffix of ['-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true })
  renameSync(path, join(dirname(path), name))
  for (const other of readdirSync(dirname(path)))
    if (other.startsWith(prefix) && other !== name) rmSync(join(dirname(path), other), { force: true })
  return name
}
