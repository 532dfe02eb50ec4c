import { z } from 'zod'
import type { MessageBodies } from '../../commands/message-bodies.ts'
import { type MovableBodies, messageBodies } from '../message-bodies.ts'
import type { Database } from './database.ts'
import type { GroupCommit } from './group-commit.ts'
import type { OnFile } from './relay-file.ts'

const dueRow = z.object({ id: z.string(), message: z.string() })
const bodyRow = z
  .object({ id: z.string(), message: z.string(), due_at: z.bigint() })
  .transform(({ due_at: dueAt, ...body }) => ({ ...body, dueAt: Number(dueAt) }))
const pieceRow = z.object({ bytes: z.instanceof(Uint8Array) })

/** Bodies of messages: small ones that are kept at the same time share a commit. */
export const messageBodiesIn = (
  db: Database,
  commits: GroupCommit,
  onFile: OnFile,
): MessageBodies & MovableBodies => {
  db.connection.exec(`
    CREATE TABLE IF NOT EXISTS bodies (id TEXT PRIMARY KEY, message TEXT NOT NULL, due_at INTEGER NOT NULL) STRICT;
    CREATE INDEX IF NOT EXISTS bodies_by_due ON bodies (due_at);
    CREATE TABLE IF NOT EXISTS pieces (body TEXT NOT NULL, n INTEGER NOT NULL, bytes BLOB NOT NULL,
      PRIMARY KEY (body, n)) STRICT`)
  return messageBodies({
    write: ({ id, message, dueAt }, n, piece) =>
      onFile(() =>
        commits.write(() => {
          if (n === 0)
            db.prepare('INSERT INTO bodies VALUES (?, ?, ?) ON CONFLICT DO NOTHING').run(id, message, dueAt)
          db.prepare('INSERT INTO pieces VALUES (?, ?, ?) ON CONFLICT DO NOTHING').run(id, n, piece)
        }),
      ),
    find: id =>
      onFile(() => {
        const row = db.read(() => db.prepare('SELECT * FROM bodies WHERE id = ?').get(id))
        return row === undefined ? undefined : bodyRow.parse(row)
      }),
    pieces: async function* (id) {
      const select = db.prepare('SELECT bytes FROM pieces WHERE body = ? AND n = ?')
      for (let n = 0; ; n += 1) {
        const row = await onFile(() => db.read(() => select.get(id, n)))
        if (row === undefined) return
        yield pieceRow.parse(row).bytes
      }
    },
    due: (before, most) =>
      onFile(() =>
        db
          .prepare('SELECT id, message FROM bodies WHERE due_at < ? ORDER BY due_at LIMIT ?')
          .all(before, most)
          .map(row => dueRow.parse(row)),
      ),
    postpone: (id, dueAt) =>
      onFile(() =>
        commits.write(() => {
          db.prepare('UPDATE bodies SET due_at = ? WHERE id = ?').run(dueAt, id)
        }),
      ),
    remove: id =>
      onFile(() =>
        commits.write(() => {
          db.prepare('DELETE FROM pieces WHERE body = ?').run(id)
          db.prepare('DELETE FROM bodies WHERE id = ?').run(id)
        }),
      ),
  })
}
