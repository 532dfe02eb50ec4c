import { type Collection, GridFSBucket, MongoGridFSChunkError, ObjectId } from 'mongodb'
import { z } from 'zod'
import type { ContentStore } from '../../commands/content-store.ts'
import { type ContentKeys, contentStore } from '../content.ts'
import { changed } from '../content-cipher.ts'
import { hasEnded, processName } from '../process-name.ts'
import { type ContentPlace, forgottenMilliseconds, type StoredContent } from '../stored-content.ts'
import { type Keyed, type Mongo, openMongo } from './client.ts'
import { insertNew, untilDone } from './insert-new.ts'
import { once } from './once.ts'

const bucketName = 'content'

/** Which file has the bytes of a place. */
interface Kept extends Keyed {
  readonly file: ObjectId
}

/** A file that is not kept: a process is taking it in, or, with no name, it may be kept soon or has been replaced. */
interface Unkept {
  readonly _id: ObjectId
  readonly process: string
  readonly since: number
}

const keptRow = z.object({ file: z.instanceof(ObjectId) })
const unkeptRow = z.object({ _id: z.instanceof(ObjectId), process: z.string(), since: z.number() })
const fileRow = z.object({ length: z.number() })

export interface MongoContentStore extends ContentStore {
  readonly close: () => Promise<void>
}

/** The bytes of a file. A piece that is missing or of another length is the file's damage, not a failure of the server. */
async function* piecesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes
  } catch (error) {
    if (error instanceof MongoGridFSChunkError) changed()
    throw error
  }
}

const idOf = ({ name, owner }: ContentPlace): string => (owner === undefined ? name : `${owner}/${name}`)

const engineIn = ({ auth: db, run }: Mongo): StoredContent => {
  const kept: Collection<Kept> = db.collection('contents')
  const unkept: Collection<Unkept> = db.collection('contents_unkept')
  const files = db.collection(`${bucketName}.files`)
  const chunks = db.collection(`${bucketName}.chunks`)
  const bucket = new GridFSBucket(db, { bucketName })

  /** Makes the indexes: the driver itself would try it once and never speak of a failure. */
  const ready = once(() =>
    Promise.all([chunks.createIndex({ files_id: 1, n: 1 }, { unique: true }), kept.createIndex({ file: 1 })]),
  )

  /** Takes a file out of the hands of a process, unless somebody has: whoever does may keep it or remove it. */
  const takeFrom = async (process: string, file: ObjectId, since: number): Promise<boolean> => {
    const taken = await unkept.updateOne(
      { _id: { $eq: file }, process: { $eq: process } },
      { $set: { process: '', since } },
    )
    return taken.matchedCount === 1
  }

  const remove = async (id: ObjectId) => {
    await files.deleteOne({ _id: { $eq: id } })
    await chunks.deleteMany({ files_id: { $eq: id } })
    await unkept.deleteOne({ _id: { $eq: id } })
  }

  /** Makes `file` the one of this place. The one before may still be read: it is swept later. */
  const keep = (id: string, file: ObjectId) =>
    untilDone(async () => {
      if (await insertNew(kept, { _id: id, file })) return true
      const row = await kept.findOne({ _id: { $eq: id } })
      if (row === null) return undefined
      const before = keptRow.parse(row).file
      await unkept.updateOne(
        { _id: { $eq: before } },
        { $set: { process: '', since: Date.now() } },
        { upsert: true },
      )
      const moved = await kept.updateOne({ _id: { $eq: id }, file: { $eq: before } }, { $set: { file } })
      return moved.matchedCount === 1 ? true : undefined
    })

  return {
    begin: () =>
      run(async () => {
        await ready()
        const file = new ObjectId()
        const process = processName()
        await unkept.insertOne({ _id: file, process, since: Date.now() })
        const upload = bucket.openUploadStreamWithId(file, '')
        // Each write hears of its own failure.
        upload.on('error', () => undefined)
        const done = (work: (done: (error?: Error | null) => void) => void): Promise<void> =>
          new Promise((resolve, reject) => {
            work(error => (error === undefined || error === null ? resolve() : reject(error)))
          })
        let isOffered = false
        return {
          write: chunk => done(then => upload.write(chunk, then)),
          keep: async place => {
            isOffered = true
            await done(then => upload.end(then))
            if (!(await takeFrom(process, file, Date.now()))) throw new Error('an upload has been swept')
            await keep(idOf(place), file)
            await unkept.deleteOne({ _id: { $eq: file } })
          },
          discard: async () => {
            // Whether it is kept where keeping failed, nobody knows yet: left to `sweep`, which looks later.
            if (isOffered) return
            upload.destroy()
            await remove(file)
          },
        }
      }),

    find: place =>
      run(async () => {
        await ready()
        const row = await kept.findOne({ _id: { $eq: idOf(place) } })
        if (row === null) return undefined
        const { file } = keptRow.parse(row)
        const stored = await files.findOne({ _id: { $eq: file } })
        if (stored === null) return undefined
        return {
          identity: file.toHexString(),
          size: fileRow.parse(stored).length,
          read: ({ first, last }) =>
            piecesOf(bucket.openDownloadStream(file, { start: first, end: last + 1 })),
        }
      }),

    removeAllOf: owner =>
      run(async () => {
        await ready()
        // A slash sorts right before a zero.
        const ofOwner = { _id: { $gte: `${owner}/`, $lt: `${owner}0` } }
        for await (const row of kept.find(ofOwner)) {
          await remove(keptRow.parse(row).file)
          await kept.deleteOne({ _id: { $eq: row._id } })
        }
      }),

    isEmpty: () => run(async () => (await kept.findOne({}, { projection: { _id: 1 } })) === null),

    sweep: () =>
      run(async () => {
        await ready()
        const old = Date.now() - forgottenMilliseconds
        for await (const row of unkept.find()) {
          const { _id, process, since } = unkeptRow.parse(row)
          if (!hasEnded(process) && since > old) continue
          if (!(await takeFrom(process, _id, since))) continue
          // Kept, but its process ended before it said so.
          if ((await kept.findOne({ file: { $eq: _id } })) !== null)
            await unkept.deleteOne({ _id: { $eq: _id } })
          else await remove(_id)
        }
      }),
  }
}

/**
 * Contents in GridFS, in the MongoDB database that the URL names, and `_auth`. What is kept is on the disks of a majority
 * when it answers.
 */
export const mongoContent = (url: string, keys: ContentKeys): MongoContentStore => {
  const mongo = openMongo(url)
  return { ...contentStore(engineIn(mongo), keys), close: () => mongo.close() }
}
