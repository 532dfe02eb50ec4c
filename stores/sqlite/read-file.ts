import type { Either } from '#fp/Either'
import type { ReadUnavailable } from '../../projections/read-unavailable.ts'
import type { Database } from './database.ts'

/** Runs work on the file of the read models as it is now: made anew where it was deleted, set aside where it is damaged. */
export type OnReadFile = <A>(work: (db: Database) => A) => Either<ReadUnavailable, A>
