import { type Db, MongoClient, MongoServerSelectionError, ReadConcern } from 'mongodb'
import type { Either } from '#fp/Either'
import type { ReadUnavailable } from '../../projections/read-unavailable.ts'
import { databaseOf } from './address.ts'

/** A client that has found no server for so long begins anew. */
const renewMilliseconds = 5_000

export interface Mongo {
  readonly readModels: Db
  /** What cannot be rebuilt: answered from what the majority has only, so that no failover takes it back. */
  readonly auth: Db
  /** Runs an operation. Whatever is done on the databases is done within. */
  readonly run: <A>(operation: () => Promise<A>) => Promise<A>
  readonly close: () => Promise<void>
}

/** Runs an operation on the store of the read models. */
export type Attempt = <A>(operation: () => Promise<A>) => Promise<Either<ReadUnavailable, A>>

/** Documents of ours: the key is text. */
export interface Keyed {
  readonly _id: string
}

/**
 * The two databases of a `mongodb://` URL: its path names the read models' one (`thalamus` without), that name and
 * `_auth` the other. Nothing is connected yet. A server that is away fails an
 * operation in 2 s, one that falls silent in the middle in 5 s. Throws where the URL is none.
 */
export const openMongo = (url: string): Mongo => {
  const client = new MongoClient(url, {
    appName: 'thalamus',
    serverSelectionTimeoutMS: 2_000,
    connectTimeoutMS: 2_000,
    // An operation that timed out is tried once more by the driver: the server must be found again for that.
    socketTimeoutMS: 2_500,
    heartbeatFrequencyMS: 2_000,
    waitQueueTimeoutMS: 2_000,
    maxPoolSize: 32,
    readPreference: 'primary',
    writeConcern: { w: 'majority', wtimeoutMS: 2_000 },
    // Positions are exact beyond 2^53.
    useBigInt64: true,
  })
  let isClosed = false
  const name = databaseOf(url)

  let lostSince: number | undefined
  let renewing: Promise<void> | undefined
  const isLostForLong = () => lostSince !== undefined && performance.now() - lostSince > renewMilliseconds
  /**
   * Begins with new connections. A check of the driver whose connection closes at the wrong moment never ends (mongodb
   * 7.9, `Monitor`), and the client would not find the server again for good.
   */
  const renew = (): Promise<void> => {
    renewing ??= client.close().finally(() => {
      lostSince = undefined
      renewing = undefined
    })
    return renewing
  }

  return {
    readModels: client.db(name),
    auth: client.db(`${name}_auth`, { readConcern: new ReadConcern('majority') }),
    run: async operation => {
      if (isLostForLong()) await renew()
      // Else it would be opened again.
      if (isClosed) throw new Error('the store has been closed')
      // A client whose first connection failed does not try again by itself.
      await client.connect()
      try {
        const done = await operation()
        lostSince = undefined
        return done
      } catch (error) {
        if (error instanceof MongoServerSelectionError) lostSince ??= performance.now()
        throw error
      }
    },
    close: () => {
      isClosed = true
      return client.close()
    },
  }
}
