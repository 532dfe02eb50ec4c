import { randomBytes } from 'node:crypto'
import { setImmediate as immediate } from 'node:timers/promises'
import { z } from 'zod'
import * as E from '#fp/Either'
import type { AuthSource } from '../../auth/auth-contents.ts'
import type { AuthStore, AuthUnavailable, SigningKey, StoredCredential } from '../../auth/auth-store.ts'
import type { KeyStore, WrappedKey } from '../../auth/key-store.ts'
import { hasEnded } from '../process-name.ts'
import { contentsOf } from './auth-contents.ts'
import { namingDamage } from './damage.ts'
import { type Database, openDatabase } from './database.ts'
import { openKeptFile } from './kept-file.ts'
import { keysIn, keysTable } from './keys.ts'

const sweepRows = 1_000
const liveMilliseconds = 10_000
const forgetMilliseconds = 3_600_000

const credentialRow = z.object({
  account: z.string(),
  version: z.string(),
  hash: z.string(),
  imported: z.string().nullable(),
})

const keyRow = z.object({ kid: z.string(), jwk: z.string(), retires_at: z.bigint().nullable() })

const credentialOf = (row: unknown): StoredCredential => {
  const { account, version, hash, imported } = credentialRow.parse(row)
  return imported === null ? { account, version, hash } : { account, version, hash, imported }
}

const bcryptCost = (hash: string): number | null => {
  const cost = /^\$2[aby]\$(\d\d)\$/.exec(hash)?.[1]
  return cost === undefined ? null : Number(cost)
}

/** A file of an earlier release has no candidates: all its credentials are, once. */
const addCandidates = (db: Database): void => {
  const hasColumn = () =>
    db
      .prepare('PRAGMA table_info(credentials)')
      .all()
      .some(({ name }) => name === 'candidate_since')
  if (!hasColumn())
    db.write(() => {
      if (hasColumn()) return
      db.connection.exec('ALTER TABLE credentials ADD COLUMN candidate_since INTEGER')
      db.prepare('UPDATE credentials SET candidate_since = ?').run(Date.now())
    })
  db.connection.exec(
    'CREATE INDEX IF NOT EXISTS credentials_by_candidate ON credentials (candidate_since) WHERE candidate_since IS NOT NULL',
  )
}

export interface SqliteAuthStore extends AuthStore, KeyStore, AuthSource {
  readonly close: () => Promise<void>
}

export const sqliteAuthStore = (path: string): SqliteAuthStore => {
  const attempt = <A>(work: () => A): E.Either<AuthUnavailable, A> => {
    try {
      return E.right(work())
    } catch (error) {
      return E.left({ _tag: 'AuthUnavailable', cause: namingDamage(path, error) })
    }
  }
  const db = openKeptFile(path, { overwritesDeleted: true })
  // What a power cut may take back: no fsync for each attempt, each second.
  const passing = openDatabase(path, 'NORMAL', { overwritesDeleted: true })
  db.connection.exec(`
    CREATE TABLE IF NOT EXISTS credentials (account TEXT NOT NULL, version TEXT NOT NULL, hash TEXT NOT NULL,
      imported TEXT, bcrypt_cost INTEGER, added_at INTEGER NOT NULL, candidate_since INTEGER,
      PRIMARY KEY (account, version)) STRICT;
    CREATE INDEX IF NOT EXISTS credentials_by_cost ON credentials (bcrypt_cost);
    CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, secret BLOB NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS processes (id TEXT PRIMARY KEY, position INTEGER NOT NULL,
      seen_at INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS attempts (key TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
    CREATE INDEX IF NOT EXISTS attempts_by_key ON attempts (key, at);
    CREATE INDEX IF NOT EXISTS attempts_by_time ON attempts (at);
    CREATE TABLE IF NOT EXISTS used_once (name TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS claims (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS seen (client_id TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS signing_keys (kid TEXT PRIMARY KEY, jwk TEXT NOT NULL, added_at INTEGER NOT NULL,
      retires_at INTEGER) STRICT;
    ${keysTable}`)

  addCandidates(db)

  const signingKeys = (): readonly SigningKey[] =>
    db
      .prepare(
        `SELECT kid, jwk, retires_at FROM signing_keys WHERE retires_at IS NULL OR retires_at > ?
         ORDER BY retires_at IS NOT NULL, added_at DESC`,
      )
      .all(Date.now())
      .map(row => {
        const { kid, jwk, retires_at } = keyRow.parse(row)
        return retires_at === null ? { kid, jwk } : { kid, jwk, retiresAt: Number(retires_at) }
      })

  let adding: {
    readonly credential: StoredCredential
    readonly settle: (added: E.Either<AuthUnavailable, void>) => void
  }[] = []

  /** Credentials that are added at the same time share one commit: an import brings very many. */
  const addAll = () => {
    const batch = adding
    adding = []
    const added = attempt(() =>
      db.write(() => {
        const insert = db.prepare('INSERT INTO credentials VALUES (?, ?, ?, ?, ?, ?, ?)')
        const makeCandidates = db.prepare(
          'UPDATE credentials SET candidate_since = ? WHERE account = ? AND candidate_since IS NULL',
        )
        const now = Date.now()
        for (const { credential } of batch) {
          const { account, version, hash, imported = null } = credential
          makeCandidates.run(now, account)
          insert.run(account, version, hash, imported, bcryptCost(hash), now, now)
        }
      }),
    )
    for (const { settle } of batch) settle(added)
  }

  const keys = keysIn(db)
  let addingKeys: {
    readonly keys: readonly WrappedKey[]
    readonly settle: (added: E.Either<AuthUnavailable, void>) => void
  }[] = []

  /** So do keys that are added at the same time. */
  const addAllKeys = () => {
    const batch = addingKeys
    addingKeys = []
    const added = attempt(() => keys.add(batch.flatMap(one => one.keys)))
    for (const { settle } of batch) settle(added)
  }

  return {
    addKeys: keys =>
      new Promise(settle => {
        addingKeys.push({ keys, settle })
        if (addingKeys.length === 1) setImmediate(addAllKeys)
      }),
    keysOf: async accounts => attempt(() => keys.of(accounts)),
    destroyKey: async account => attempt(() => keys.destroy(account)),
    destroyedKeys: async () => attempt(() => keys.destroyed()),
    keysOfOtherMasters: async (master, most) => attempt(() => keys.ofOtherMasters(master, most)),
    rewrapKeys: async rewrapped => attempt(() => keys.rewrap(rewrapped)),
    addCredential: credential =>
      new Promise(settle => {
        adding.push({ credential, settle })
        if (adding.length === 1) setImmediate(addAll)
      }),
    credential: async (account, version) =>
      attempt(() => {
        const row = db
          .prepare(
            'SELECT account, version, hash, imported FROM credentials WHERE account = ? AND version = ?',
          )
          .get(account, version)
        return row === undefined ? undefined : credentialOf(row)
      }),
    hasCredentials: async () =>
      attempt(() => db.prepare('SELECT account FROM credentials LIMIT 1').get() !== undefined),
    rehash: async (before, hash) =>
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
    sweepCredentials: async (before, isLive) => {
      const select = `SELECT account, version FROM credentials WHERE candidate_since < ? LIMIT ${sweepRows}`
      /** Each row that was looked at is a candidate no longer, or gone. */
      const sweepSome = () =>
        attempt(() => {
          const rows = db.prepare(select).all(before)
          // Asked of each row again when it is changed: another process may have superseded it meanwhile.
          const isCandidate = 'account = ? AND version = ? AND candidate_since < ?'
          const remove = db.prepare(`DELETE FROM credentials WHERE ${isCandidate}`)
          const keep = db.prepare(`UPDATE credentials SET candidate_since = NULL WHERE ${isCandidate}`)
          if (rows.length > 0)
            db.write(() => {
              for (const row of rows) {
                const [account, version] = [String(row.account), String(row.version)]
                const change = isLive(account, version) ? keep : remove
                change.run(account, version, before)
              }
            })
          return rows.length === sweepRows
        })
      for (let more = true; more; await immediate()) {
        const swept = sweepSome()
        if (E.isLeft(swept)) return swept
        more = swept.right
      }
      return E.right(undefined)
    },
    supersede: async (account, versions) =>
      attempt(() => {
        const mark = db.prepare(
          'UPDATE credentials SET candidate_since = ? WHERE account = ? AND version = ?',
        )
        const now = Date.now()
        db.write(() => {
          for (const version of versions) mark.run(now, account, version)
        })
      }),
    secret: async name =>
      attempt(() => {
        db.prepare('INSERT INTO secrets VALUES (?, ?) ON CONFLICT DO NOTHING').run(name, randomBytes(32))
        const secret = db.prepare('SELECT secret FROM secrets WHERE name = ?').get(name)?.secret
        if (!(secret instanceof Uint8Array)) throw new Error('the secret was not stored')
        return Buffer.from(secret)
      }),
    renewSecrets: async names =>
      attempt(() =>
        db.write(() => {
          const insert = db.prepare('INSERT OR REPLACE INTO secrets VALUES (?, ?)')
          for (const name of names) insert.run(name, randomBytes(32))
        }),
      ),
    announce: async (id, position) =>
      attempt(() => {
        if (position === undefined) {
          passing.prepare('DELETE FROM processes WHERE id = ?').run(id)
          return
        }
        const now = Date.now()
        passing.prepare('DELETE FROM processes WHERE seen_at < ?').run(now - forgetMilliseconds)
        passing
          .prepare(
            `INSERT INTO processes VALUES (?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET position = excluded.position, seen_at = excluded.seen_at`,
          )
          .run(id, position, now)
      }),
    announced: async () =>
      attempt(() =>
        passing
          .prepare('SELECT id, position FROM processes WHERE seen_at > ?')
          .all(Date.now() - liveMilliseconds)
          .flatMap(({ id, position }) =>
            typeof position === 'bigint' && !hasEnded(String(id)) ? [position] : [],
          ),
      ),
    countAttempt: async (key, most, milliseconds) =>
      attempt(() =>
        passing.write(() => {
          const now = Date.now()
          passing.prepare('DELETE FROM attempts WHERE key = ? AND at <= ?').run(key, now - milliseconds)
          const row = passing
            .prepare('SELECT count(*) AS count, min(at) AS oldest FROM attempts WHERE key = ?')
            .get(key)
          const attempts = Number(row?.count ?? 0n)
          if (attempts < most) passing.prepare('INSERT INTO attempts VALUES (?, ?)').run(key, now)
          return { count: attempts + 1, untilFree: Number(row?.oldest ?? now) + milliseconds - now }
        }),
      ),
    takeAttemptBack: async key =>
      attempt(() => {
        passing
          .prepare(
            'DELETE FROM attempts WHERE rowid = (SELECT rowid FROM attempts WHERE key = ? ORDER BY at DESC LIMIT 1)',
          )
          .run(key)
      }),
    useOnce: async (name, until) =>
      attempt(() => {
        const { changes } = passing
          .prepare('INSERT INTO used_once VALUES (?, ?) ON CONFLICT DO NOTHING')
          .run(name, until)
        return Number(changes) === 1
      }),
    claim: async (name, value, instead = '') =>
      attempt(() => {
        db.prepare(
          `INSERT INTO claims VALUES (?, ?)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE claims.value = ?`,
        ).run(name, value, instead)
        return String(db.prepare('SELECT value FROM claims WHERE name = ?').get(name)?.value)
      }),
    claimed: async name =>
      attempt(() => {
        const row = db.prepare('SELECT value FROM claims WHERE name = ?').get(name)
        return row === undefined ? undefined : String(row.value)
      }),
    releaseClaim: async (name, value) =>
      attempt(() => {
        db.prepare('DELETE FROM claims WHERE name = ? AND value = ?').run(name, value)
      }),
    noteSeen: async (clientId, at) =>
      attempt(() => {
        passing
          .prepare(
            'INSERT INTO seen VALUES (?, ?) ON CONFLICT (client_id) DO UPDATE SET at = excluded.at WHERE excluded.at - at >= 60000',
          )
          .run(clientId, at)
      }),
    lastSeen: async clientIds =>
      attempt(() => {
        const select = passing.prepare('SELECT at FROM seen WHERE client_id = ?')
        return new Map(
          clientIds.flatMap((clientId): [string, number][] => {
            const at = select.get(clientId)?.at
            return typeof at === 'bigint' ? [[clientId, Number(at)]] : []
          }),
        )
      }),
    signingKeys: async () => attempt(signingKeys),
    addSigningKey: async ({ kid, jwk }, others) =>
      attempt(() =>
        db.write(() => {
          const isFirst = db.prepare('SELECT kid FROM signing_keys').get() === undefined
          if (others === 'first' && !isFirst) return
          if (others !== 'first')
            db.prepare(
              'UPDATE signing_keys SET retires_at = ? WHERE retires_at IS NULL OR retires_at > ?',
            ).run(others.retireAt, others.retireAt)
          db.prepare('INSERT INTO signing_keys VALUES (?, ?, ?, NULL)').run(kid, jwk, Date.now())
        }),
      ),
    sweepExpired: async milliseconds =>
      attempt(() => {
        const now = Date.now()
        passing.prepare('DELETE FROM attempts WHERE at <= ?').run(now - milliseconds)
        passing.prepare('DELETE FROM used_once WHERE until <= ?').run(now)
        passing.prepare('DELETE FROM signing_keys WHERE retires_at <= ?').run(now)
      }),
    contents: contentsOf(db, signingKeys),
    close: async () => {
      if (adding.length > 0) addAll()
      if (addingKeys.length > 0) addAllKeys()
      passing.close()
      db.close()
    },
  }
}
