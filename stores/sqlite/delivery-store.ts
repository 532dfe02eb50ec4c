import { z } from 'zod'
import * as E from '#fp/Either'
import type { Superseded } from '../../projections/checkpoints.ts'
import type { ReadUnavailable } from '../../projections/read-unavailable.ts'
import type { DeliveryRecord, DeliverySource, DeliveryStore } from '../../relay/delivery-store.ts'
import type { Database } from './database.ts'
import type { OnFile } from './relay-file.ts'

const recordRow = z.object({
  kind: z.enum(['progress', 'failing', 'dead']),
  key: z.string(),
  text: z.string(),
})
const superseded: Superseded = { _tag: 'Superseded' }

/** How far subscriptions are, and what could not be delivered. */
export const deliveryStoreIn = (db: Database, onFile: OnFile): DeliveryStore & DeliverySource => {
  db.connection.exec(`
    CREATE TABLE IF NOT EXISTS subscriptions (id TEXT PRIMARY KEY, token INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS deliveries (subscription TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL,
      text TEXT NOT NULL, PRIMARY KEY (subscription, kind, key)) STRICT`)

  const attempt = async <A>(work: () => A): Promise<E.Either<ReadUnavailable, A>> => {
    try {
      return E.right(await onFile(work))
    } catch (cause) {
      return E.left({ _tag: 'ReadUnavailable', cause })
    }
  }
  const unlessSuperseded = async <A>(
    work: () => A | undefined,
  ): Promise<E.Either<ReadUnavailable | Superseded, A>> => {
    const done = await attempt(() => db.write(work))
    if (E.isLeft(done)) return done
    return done.right === undefined ? E.left(superseded) : E.right(done.right)
  }
  const tokenOf = (subscription: string): number | undefined => {
    const token = db.prepare('SELECT token FROM subscriptions WHERE id = ?').get(subscription)?.token
    return token === undefined ? undefined : Number(token)
  }

  return {
    claim: (subscription, token) =>
      unlessSuperseded(() => {
        if ((tokenOf(subscription) ?? token) > token) return undefined
        db.prepare(
          'INSERT INTO subscriptions VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET token = excluded.token',
        ).run(subscription, token)
        return db
          .prepare(
            `SELECT kind, key, text FROM deliveries WHERE subscription = ? AND kind IN ('progress', 'failing')`,
          )
          .all(subscription)
          .map((row): DeliveryRecord => recordRow.parse(row))
      }),

    save: async (subscription, token, { put, remove }) =>
      E.map(() => undefined)(
        await unlessSuperseded(() => {
          if (tokenOf(subscription) !== token) return undefined
          const insert = db.prepare(`INSERT INTO deliveries VALUES (?, ?, ?, ?)
            ON CONFLICT (subscription, kind, key) DO UPDATE SET text = excluded.text`)
          for (const { kind, key, text } of put) insert.run(subscription, kind, key, text)
          const drop = db.prepare('DELETE FROM deliveries WHERE subscription = ? AND kind = ? AND key = ?')
          for (const { kind, key } of remove) drop.run(subscription, kind, key)
          return true
        }),
      ),

    progressOf: subscriptions =>
      attempt(() => {
        const select = db.prepare(
          `SELECT kind, key, text FROM deliveries WHERE subscription = ? AND kind = 'progress' AND key = ''`,
        )
        return new Map(
          subscriptions.flatMap(id => {
            const row = select.get(id)
            return row === undefined ? [] : [[id, recordRow.parse(row).text] as const]
          }),
        )
      }),

    deadLetters: (subscription, after, most) =>
      attempt(() =>
        db
          .prepare(
            `SELECT kind, key, text FROM deliveries WHERE subscription = ? AND kind = 'dead' AND key > ? ORDER BY key LIMIT ?`,
          )
          .all(subscription, after, most)
          .map((row): DeliveryRecord => recordRow.parse(row)),
      ),

    recordsOf: subscription =>
      attempt(() =>
        db
          .prepare('SELECT kind, key, text FROM deliveries WHERE subscription = ? ORDER BY kind, key')
          .all(subscription)
          .map((row): DeliveryRecord => recordRow.parse(row)),
      ),

    countDeadLetters: subscriptions =>
      attempt(() => {
        const count = db.prepare(
          `SELECT count(*) AS count FROM deliveries WHERE subscription = ? AND kind = 'dead'`,
        )
        return new Map(subscriptions.map(id => [id, Number(count.get(id)?.count ?? 0n)]))
      }),

    forget: subscription =>
      attempt(() =>
        db.write(() => {
          db.prepare('DELETE FROM deliveries WHERE subscription = ?').run(subscription)
          db.prepare('DELETE FROM subscriptions WHERE id = ?').run(subscription)
        }),
      ),
  }
}
