import { chmodSync, closeSync, fsyncSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import { namingDamage } from './damage.ts'

/**
 * Writes what a database holds at this moment into a new file, on the disk when it returns, while other processes read and write
 * it: one read transaction, so that it is one state however long it takes. The new file holds nothing that was deleted. SQLite's online backup
 * would begin anew with each write of another process.
 */
export const writeSnapshot = (path: string, to: string): void => {
  try {
    const connection = new DatabaseSync(path, { readOnly: true, timeout: 2000 })
    try {
      connection.prepare('VACUUM INTO ?').run(to)
    } finally {
      connection.close()
    }
  } catch (error) {
    throw namingDamage(path, error)
  }
  chmodSync(to, 0o600)
  const file = openSync(to, 'r+')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

const founding = z.object({ id: z.string() })
const headRow = z.object({ head: z.bigint(), founded: z.string() })

/** Of a file that holds a log: the id of its hub, and the position of its last event. Undefined where no hub was founded in it. */
export const logIn = (path: string): { readonly hub: string; readonly position: bigint } | undefined => {
  const connection = new DatabaseSync(path, { readOnly: true, timeout: 2000 })
  try {
    const select = connection.prepare(
      `SELECT (SELECT max(position) FROM events) AS head, data AS founded FROM events WHERE stream = 'hub' AND revision = 0`,
    )
    select.setReadBigInts(true)
    const row = headRow.safeParse(select.get()).data
    return row && { hub: founding.parse(JSON.parse(row.founded)).id, position: row.head }
  } finally {
    connection.close()
  }
}

/** Of a store of keys: who is forgotten, and the secret by which their contents are named. */
export const forgottenIn = (
  path: string,
): { readonly accounts: readonly string[]; readonly secret: Uint8Array | undefined } => {
  const connection = new DatabaseSync(path, { readOnly: true, timeout: 2000 })
  try {
    const forgotten = connection.prepare('SELECT account FROM subject_keys WHERE master IS NULL').all()
    const secret = connection.prepare(`SELECT secret FROM secrets WHERE name = 'contents'`).get()?.secret
    return {
      accounts: forgotten.map(({ account }) => String(account)),
      secret: secret instanceof Uint8Array ? secret : undefined,
    }
  } finally {
    connection.close()
  }
}
