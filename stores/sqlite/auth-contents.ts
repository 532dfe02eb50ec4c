import { z } from 'zod'
import type { AuthContents } from '../../auth/auth-contents.ts'
import type { AuthUnavailable } from '../../auth/auth-store.ts'
import type { Database } from './database.ts'
import { keyRow } from './keys.ts'

const mostRows = 200

const milliseconds = z.bigint().transform(Number)
const credentialRow = z
  .object({
    account: z.string(),
    version: z.string(),
    hash: z.string(),
    imported: z.string().nullable(),
    added_at: milliseconds,
    candidate_since: milliseconds.nullable(),
  })
  .transform(({ imported, added_at: addedAt, candidate_since: candidateSince, ...credential }) => ({
    ...credential,
    addedAt,
    ...(imported === null ? {} : { imported }),
    ...(candidateSince === null ? {} : { candidateSince }),
  }))
const secretRow = z
  .object({ name: z.string(), secret: z.instanceof(Uint8Array) })
  .transform(({ name, secret }) => ({ name, secret: Buffer.from(secret) }))
const claimRow = z.object({ name: z.string(), value: z.string() })
const usedName = z.object({ name: z.string(), until: milliseconds })
const seenRow = z
  .object({ client_id: z.string(), at: milliseconds })
  .transform(({ client_id: clientId, at }) => ({ clientId, at }))

/** Everything in auth's file that another engine takes over, by tables. */
export const contentsOf = (db: Database, signingKeys: () => AuthContents['signingKeys']) =>
  async function* (): AsyncGenerator<Partial<AuthContents>> {
    function* rowsOf<A>(table: string, shape: z.ZodType<A>): Generator<readonly A[]> {
      const select = db.prepare(
        `SELECT rowid AS place, * FROM ${table} WHERE rowid > ? ORDER BY rowid LIMIT ${mostRows}`,
      )
      for (let place: unknown = -1n; typeof place === 'bigint'; ) {
        const rows = select.all(place)
        if (rows.length > 0) yield rows.map(row => shape.parse(row))
        place = rows.at(-1)?.place
      }
    }
    try {
      yield { signingKeys: signingKeys() }
      for (const secrets of rowsOf('secrets', secretRow)) yield { secrets }
      for (const credentials of rowsOf('credentials', credentialRow)) yield { credentials }
      for (const keys of rowsOf('subject_keys', keyRow)) yield { keys }
      for (const claims of rowsOf('claims', claimRow)) yield { claims }
      for (const usedNames of rowsOf('used_once', usedName)) yield { usedNames }
      for (const lastSeen of rowsOf('seen', seenRow)) yield { lastSeen }
    } catch (cause) {
      throw { _tag: 'AuthUnavailable', cause } satisfies AuthUnavailable
    }
  }
