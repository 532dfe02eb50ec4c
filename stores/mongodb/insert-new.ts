import { setTimeout as pause } from 'node:timers/promises'
import {
  type Collection,
  MongoBulkWriteError,
  MongoServerError,
  type OptionalUnlessRequiredId,
} from 'mongodb'
import type { Keyed } from './client.ts'

const duplicateKey = 11000
const mostRounds = 50

/** Inserts a document unless there is one of its key: whether it did. */
export const insertNew = async <T extends Keyed>(
  collection: Collection<T>,
  document: OptionalUnlessRequiredId<T>,
): Promise<boolean> => {
  try {
    await collection.insertOne(document)
    return true
  } catch (error) {
    if (error instanceof MongoServerError && error.code === duplicateKey) return false
    throw error
  }
}

/** Inserts those whose key is not there yet, and gives the others. */
export const insertAllNew = async <T extends Keyed>(
  collection: Collection<T>,
  documents: readonly OptionalUnlessRequiredId<T>[],
): Promise<readonly OptionalUnlessRequiredId<T>[]> => {
  if (documents.length === 0) return []
  try {
    await collection.insertMany(documents, { ordered: false })
    return []
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError) || error.result.getWriteConcernError() !== undefined)
      throw error
    const failed = [error.writeErrors].flat()
    if (failed.length === 0 || failed.some(({ code }) => code !== duplicateKey)) throw error
    return failed.flatMap(({ index }) => documents[index] ?? [])
  }
}

/** Repeats what other writers got in the way of (`undefined`), a bounded number of times. */
export const untilDone = async <A>(once: () => Promise<A | undefined>): Promise<A> => {
  for (let round = 0; round < mostRounds; round += 1) {
    const done = await once()
    if (done !== undefined) return done
    await pause(Math.random() * Math.min(50, 2 ** round))
  }
  throw new Error('other writers came first each time')
}
