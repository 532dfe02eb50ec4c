import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import * as E from '#fp/Either'
import type { AuthStore, AuthUnavailable, StoredCredential } from '../../auth/auth-store.ts'
import { openDatabase } from './database.ts'

const liveMilliseconds = 10_000

const credentialRow = z.object({
  account: z.string(),
  version: z.string(),
  hash: z.string(),
  imported: z.string().nullable(),
})

const attempt = <A>(work: () => A): E.Either<AuthUnavailable, A> => {
  try {
    return E.right(work())
  } catch (cause) {
    return E.left({ _tag: 'AuthUnavailable', cause })
  }
}

const credentialOf = (row: unknown): StoredCredential => {
  const { account, version, hash, imported } = credentialRow.parse(row)
  return imported === null ? { account, version, hash } : { account, version, hash, imported }
}

const bcryptCost = (hash: string): number | null => {
  const cost = /^\$2[aby]\$(\d\d)\$/.exec(hash)?.[1]
  return cost === undefined ? null : Number(cost)
}

export interface SqliteAuthStore extends AuthStore {
  readonly close: () => Promise<void>
}

export const sqliteAuthStore = (path: string): SqliteAuthStore => {
  const db = openDatabase(path, 'FULL')
  db.connection.exec(`
    CREATE TABLE IF NOT EXISTS credentials (account TEXT NOT NULL, version TEXT NOT NULL, hash TEXT NOT NULL,
      imported TEXT, bcrypt_cost INTEGER, added_at INTEGER NOT NULL, PRIMARY KEY (account, version)) STRICT;
    CREATE INDEX IF NOT EXISTS credentials_by_cost ON credentials (bcrypt_cost);
    CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, secret BLOB NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS processes (id TEXT PRIMARY KEY, position INTEGER NOT NULL,
      seen_at INTEGER NOT NULL) STRICT`)

  return {
    addCredential:
      ({ account, version, hash, imported }) =>
      async () =>
        attempt(() => {
          db.prepare('INSERT INTO credentials VALUES (?, ?, ?, ?, ?, ?)').run(
            account,
            version,
            hash,
            imported ?? null,
            bcryptCost(hash),
            Date.now(),
          )
        }),
    credential: (account, version) => async () =>
      attempt(() => {
        const row = db
          .prepare(
            'SELECT account, version, hash, imported FROM credentials WHERE account = ? AND version = ?',
          )
          .get(account, version)
        return row === undefined ? undefined : credentialOf(row)
      }),
    rehash: (before, hash) => async () =>
      attempt(() => {
        db.prepare(
          'UPDATE credentials SET hash = ?, bcrypt_cost = ? WHERE account = ? AND version = ? AND hash = ?',
        ).run(hash, bcryptCost(hash), before.account, before.version, before.hash)
      }),
    highestBcryptCost: async () =>
      attempt(() => {
        const cost = db.prepare('SELECT max(bcrypt_cost) AS cost FROM credentials').get()?.cost
        return typeof cost === 'bigint' ? Number(cost) : undefined
      }),
    sweepCredentials: (before, isLive) => async () =>
      attempt(() => {
        const rows = db
          .prepare('SELECT account, version, hash, imported FROM credentials WHERE added_at < ?')
          .all(before)
          .map(credentialOf)
          .filter(({ account, version }) => !isLive(account, version))
        const remove = db.prepare('DELETE FROM credentials WHERE account = ? AND version = ?')
        if (rows.length > 0)
          db.write(() => {
            for (const { account, version } of rows) remove.run(account, version)
          })
      }),
    secret: name => async () =>
      attempt(() => {
        db.prepare('INSERT INTO secrets VALUES (?, ?) ON CONFLICT DO NOTHING').run(name, randomBytes(32))
        const secret = db.prepare('SELECT secret FROM secrets WHERE name = ?').get(name)?.secret
        if (!(secret instanceof Uint8Array)) throw new Error('the secret was not stored')
        return Buffer.from(secret)
      }),
    announce: (id, position) => async () =>
      attempt(() => {
        if (position === undefined) db.prepare('DELETE FROM processes WHERE id = ?').run(id)
        else
          db.prepare(
            `INSERT INTO processes VALUES (?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET position = excluded.position, seen_at = excluded.seen_at`,
          ).run(id, position, Date.now())
      }),
    announced: async () =>
      attempt(() =>
        db
          .prepare('SELECT position FROM processes WHERE seen_at > ?')
          .all(Date.now() - liveMilliseconds)
          .flatMap(({ position }) => (typeof position === 'bigint' ? [position] : [])),
      ),
    close: async () => db.close(),
  }
}
