import { z } from 'zod'
import type { Leases } from '../../projections/leases.ts'
import { hasEnded } from '../process-name.ts'
import type { Database } from './database.ts'
import type { OnReadFile } from './read-file.ts'

export const leasesTable = `CREATE TABLE IF NOT EXISTS leases (name TEXT NOT NULL PRIMARY KEY, holder TEXT NOT NULL,
  token INTEGER NOT NULL, until INTEGER NOT NULL) STRICT`

const leaseRow = z.object({ holder: z.string(), token: z.bigint(), until: z.bigint() })

/** Leases, a row each, in the file of the read models. */
export const leasesIn = (onFile: OnReadFile): Leases => {
  const take = (db: Database, name: string, holder: string, milliseconds: number): number | undefined => {
    const now = Date.now()
    const row = db.prepare('SELECT holder, token, until FROM leases WHERE name = ?').get(name)
    const before = row === undefined ? undefined : leaseRow.parse(row)
    const isOwn = before?.holder === holder
    if (before !== undefined && !isOwn && before.until > BigInt(now) && !hasEnded(before.holder))
      return undefined
    const token = isOwn ? before.token : (before?.token ?? 0n) + 1n
    db.prepare(
      `INSERT INTO leases VALUES (?, ?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, token = excluded.token, until = excluded.until`,
    ).run(name, holder, token, now + milliseconds)
    return Number(token)
  }

  return {
    take: async (names, holder, milliseconds) =>
      onFile(db => db.write(() => names.map(name => take(db, name, holder, milliseconds)))),
    drop: async (names, holder) =>
      onFile(db =>
        db.write(() => {
          const end = db.prepare('UPDATE leases SET until = 0 WHERE name = ? AND holder = ?')
          for (const name of names) end.run(name, holder)
        }),
      ),
  }
}
