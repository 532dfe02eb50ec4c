import { z } from 'zod'
import * as E from '#fp/Either'
import type { Checkpoint, Checkpoints, Superseded } from '../../projections/checkpoints.ts'
import type { ReadUnavailable } from '../../projections/read-unavailable.ts'
import type { OnReadFile } from './read-file.ts'

export const checkpointsTable = `CREATE TABLE IF NOT EXISTS checkpoints (name TEXT NOT NULL PRIMARY KEY,
  token INTEGER NOT NULL, position INTEGER NOT NULL, event_id TEXT NOT NULL) STRICT`

const checkpointRow = z.object({ position: z.bigint(), event_id: z.string() })

const startOfLog: Checkpoint = { position: 0n, eventId: '' }
const superseded: Superseded = { _tag: 'Superseded' }

const unlessUndefined = <A>(
  result: E.Either<ReadUnavailable, A | undefined>,
): E.Either<ReadUnavailable | Superseded, A> =>
  E.isLeft(result) ? result : result.right === undefined ? E.left(superseded) : E.right(result.right)

/** Checkpoints of followers without a read model, a row each, in the file of the read models. */
export const checkpointsIn = (onFile: OnReadFile): Checkpoints => {
  const claim = (name: string, token: number): E.Either<ReadUnavailable, Checkpoint | undefined> =>
    onFile(db =>
      db.write(() => {
        const row = db
          .prepare(
            `INSERT INTO checkpoints VALUES (?, ?, 0, '')
             ON CONFLICT (name) DO UPDATE SET token = excluded.token WHERE token <= excluded.token
             RETURNING position, event_id`,
          )
          .get(name, token)
        if (row === undefined) return undefined
        const { position, event_id } = checkpointRow.parse(row)
        return { position, eventId: event_id }
      }),
    )

  const set = (
    name: string,
    token: number,
    { position, eventId }: Checkpoint,
    latest: bigint,
  ): E.Either<ReadUnavailable | Superseded, void> => {
    const changed = onFile(db =>
      db.write(
        () =>
          db
            .prepare(
              `UPDATE checkpoints SET position = ?, event_id = ? WHERE name = ? AND token = ? AND position <= ?`,
            )
            .run(position, eventId, name, token, latest).changes,
      ),
    )
    if (E.isLeft(changed)) return changed
    return Number(changed.right) === 0 ? E.left(superseded) : E.right(undefined)
  }

  return {
    claim: async (name, token) => unlessUndefined(claim(name, token)),
    move: async (name, token, to) => set(name, token, to, to.position),
    restart: async (name, token) => set(name, token, startOfLog, 2n ** 63n - 1n),
  }
}
