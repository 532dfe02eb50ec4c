import { z } from 'zod'
import type { StoredKey, WrappedKey } from '../../auth/key-store.ts'
import type { Database } from './database.ts'

/** A key that was destroyed has neither a wrapped key nor the name of a master key. */
export const keysTable = `CREATE TABLE IF NOT EXISTS subject_keys (account TEXT PRIMARY KEY, master TEXT,
    wrapped BLOB) STRICT;
  CREATE INDEX IF NOT EXISTS subject_keys_by_master ON subject_keys (master)`

const wrappedRow = z
  .object({ account: z.string(), master: z.string(), wrapped: z.instanceof(Uint8Array) })
  .transform(({ wrapped, ...key }) => ({ ...key, wrapped: Buffer.from(wrapped) }))

export const keyRow: z.ZodType<StoredKey> = z.union([
  wrappedRow,
  z.object({ account: z.string(), master: z.null() }).transform(({ account }): StoredKey => ({ account })),
])

const mostTogether = 500

/** The keys of people in auth's file. */
export const keysIn = (db: Database) => ({
  add: (keys: readonly WrappedKey[]): void => {
    const insert = db.prepare('INSERT INTO subject_keys VALUES (?, ?, ?) ON CONFLICT DO NOTHING')
    db.write(() => {
      for (const { account, master, wrapped } of keys) insert.run(account, master, wrapped)
    })
  },

  of: (accounts: readonly string[]): readonly StoredKey[] => {
    const keys: StoredKey[] = []
    for (let from = 0; from < accounts.length; from += mostTogether) {
      const some = accounts.slice(from, from + mostTogether)
      const marks = some.map(() => '?').join(', ')
      const select = db.prepare(
        `SELECT account, master, wrapped FROM subject_keys WHERE account IN (${marks})`,
      )
      keys.push(...select.all(...some).map(row => keyRow.parse(row)))
    }
    return keys
  },

  destroy: (account: string): void => {
    db.write(() => {
      db.prepare('UPDATE subject_keys SET wrapped = zeroblob(length(wrapped)) WHERE account = ?').run(account)
      db.prepare(
        `INSERT INTO subject_keys VALUES (?, NULL, NULL)
         ON CONFLICT (account) DO UPDATE SET master = NULL, wrapped = NULL`,
      ).run(account)
    })
    db.emptyLog()
  },

  destroyed: (): readonly string[] =>
    db
      .prepare('SELECT account FROM subject_keys WHERE master IS NULL')
      .all()
      .map(({ account }) => String(account)),

  ofOtherMasters: (master: string, most: number): readonly WrappedKey[] =>
    db
      .prepare('SELECT account, master, wrapped FROM subject_keys WHERE master < ? OR master > ? LIMIT ?')
      .all(master, master, most)
      .map(row => wrappedRow.parse(row)),

  rewrap: (keys: readonly WrappedKey[]): void => {
    const update = db.prepare(
      'UPDATE subject_keys SET master = ?, wrapped = ? WHERE account = ? AND master IS NOT NULL',
    )
    db.write(() => {
      for (const { account, master, wrapped } of keys) update.run(master, wrapped, account)
    })
    db.emptyLog()
  },
})
