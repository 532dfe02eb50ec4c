import * as E from '#fp/Either'
import type { Checkpoints } from '../../projections/checkpoints.ts'
import type { Leases } from '../../projections/leases.ts'
import type { Generation, ModelShape, ReadModels, ReadModelWriter } from '../../projections/read-store.ts'
import { attempted } from '../attempted.ts'
import { startOfLog } from '../start-of-log.ts'
import { checkpointsIn } from './checkpoints.ts'
import { type Attempt, openMongo } from './client.ts'
import { type Documents, documentsIn } from './documents.ts'
import {
  collectionName,
  generationOf,
  generationsIn,
  type Models,
  servedIn,
  standsIn,
  versionName,
} from './generations.ts'
import { untilDone } from './insert-new.ts'
import { leasesIn } from './leases.ts'
import { unlessSuperseded } from './superseded.ts'

const keepRetiredMilliseconds = 60_000
/** Other processes switch generations: what is served is looked up again after this long. */
const lookAgainMilliseconds = 1_000

export interface MongoReadStore extends ReadModels, ReadModelWriter {
  readonly leases: Leases
  readonly checkpoints: Checkpoints
  readonly close: () => Promise<void>
}

/**
 * Read models in the MongoDB database that the URL names. A generation is a collection of its own; where all of them
 * stand is one document. No transactions: a commit writes its documents first, each guarded by its position, and the
 * checkpoint after. So a commit that fails may have written some of them; its repeat finds them there. Each commit is on
 * the disks of a majority when it answers, whatever `within` says.
 */
export const mongoReadStore = (url: string): MongoReadStore => {
  const mongo = openMongo(url)
  const db = mongo.readModels
  const attempt: Attempt = work =>
    attempted(
      () => mongo.run(work),
      cause => ({ _tag: 'ReadUnavailable', cause }),
    )
  const generations = generationsIn(db)
  const documentsOf = (generation: Pick<Generation, 'model' | 'number'>): Documents =>
    documentsIn(db, collectionName(generation), generation.model)

  let cached: { readonly models: Promise<Models>; readonly until: number } | undefined
  const recent = async (): Promise<Models> => {
    const now = Date.now()
    if (cached !== undefined && cached.until > now) return cached.models
    const models = generations.read()
    const mine = { models, until: now + lookAgainMilliseconds }
    cached = mine
    models.catch(() => {
      if (cached === mine) cached = undefined
    })
    return models
  }
  const lookAgain = () => {
    cached = undefined
  }

  const served = async (model: ModelShape): Promise<Documents> => {
    const row = servedIn(await recent(), model)
    if (row === undefined) throw new Error('this read model has not been begun')
    return documentsOf({ model, number: row.number })
  }

  const begin = async (model: ModelShape): Promise<Generation> => {
    const generation = await generations.add(model)
    await documentsOf(generation).make()
    return generation
  }

  const stand = async (all: readonly Generation[]): Promise<boolean> => {
    const models = await generations.read()
    return all.every(generation => standsIn(models, generation))
  }

  /** Drops what a commit has made anew by writing to it after it had been dropped. No number of a generation comes again. */
  const dropForgotten = async (all: readonly Generation[]): Promise<void> => {
    const { generations: present } = await generations.read()
    for (const name of all.map(collectionName))
      if (!Object.hasOwn(present, name)) await db.collection(name).drop()
  }

  /** Drops collections that commits have made so and left, for their process was killed. */
  const dropStrays = async (models: readonly ModelShape[]): Promise<void> => {
    const collections = await db.listCollections({}, { nameOnly: true }).toArray()
    const { generations: present } = await generations.read()
    const strays = collections
      .map(({ name }) => name)
      .filter(name => models.some(model => model.name === /^(.+)_\d+_\d+$/.exec(name)?.[1]))
      .filter(name => !Object.hasOwn(present, name))
    for (const name of strays) await db.collection(name).drop()
  }

  return {
    get: (model, key) => attempt(async () => (await served(model)).get(key)),

    find: (model, query) => attempt(async () => (await served(model)).find(query)),

    count: (model, equals, most) => attempt(async () => (await served(model)).count(equals, most)),

    checkpoint: model =>
      attempt(async () => {
        const row = servedIn(await generations.read(), model)
        return row === undefined ? startOfLog : generationOf(model, row).checkpoint
      }),

    served: (model, token) =>
      attempt(() =>
        untilDone(async () => {
          // Readers go with the projector to what is served now.
          lookAgain()
          const row = servedIn(await generations.read(), model)
          if (row !== undefined && token === undefined) return generationOf(model, row)
          if (row === undefined || token === undefined) {
            await generations.serveFirst(await begin(model))
            return undefined
          }
          await generations.claim(row, token)
          // Read again: whoever had the lease before may have moved it until just now.
          const claimed = servedIn(await generations.read(), model)
          return claimed?.number === row.number ? { ...generationOf(model, claimed), token } : undefined
        }),
      ),

    begin: model => attempt(() => begin(model)),

    load: (generation, keys) => attempt(() => documentsOf(generation).load(keys)),

    keysAbout: (generation, about) => attempt(() => documentsOf(generation).keysAbout(about)),

    documentsAfter: (generation, key, most) => attempt(() => documentsOf(generation).after(key, most)),

    commit: (changes, checkpoint) =>
      unlessSuperseded(
        attempt(async () => {
          const moved = changes.map(({ generation }) => generation)
          if (!(await stand(moved))) return false
          await Promise.all(
            changes.map(async ({ generation, documents, fieldChanges = [] }) => {
              await documentsOf(generation).write(documents)
              await documentsOf(generation).change(fieldChanges)
            }),
          )
          if (await generations.move(moved, checkpoint)) return true
          await dropForgotten(moved)
          return false
        }),
      ),

    confirm: all => unlessSuperseded(attempt(() => stand(all))),

    serve: (all, condition) =>
      attempt(async () => {
        const isDone = await generations.serve(all, condition === 'if as far')
        lookAgain()
        return isDone
      }),

    sweep: (models, which) =>
      attempt(async () => {
        const { served, generations: all } = await generations.read()
        const old = Object.values(all).filter(row => {
          const present = models.find(({ name }) => name === row.name)
          const isOldVersion = present !== undefined && row.version < present.version
          const isServed = served[versionName(row)] === row.number
          const isIdle = row.changedAt < Date.now() - keepRetiredMilliseconds
          return isServed ? isOldVersion && isIdle : isIdle || which === 'all not served'
        })
        let isBeingFed = false
        for (const row of old) {
          if (!(await generations.retire(row))) {
            isBeingFed = true
            continue
          }
          const name = `${versionName(row)}_${row.number}`
          // Forgotten first: whoever writes to it afterwards knows that it is gone.
          await generations.forget(name)
          await db.collection(name).drop()
          return true
        }
        await dropStrays(models)
        return isBeingFed && which === 'all not served'
      }),

    // What the server keeps of it elsewhere, such as its oplog, it lets go by itself.
    purge: async () => E.right(undefined),

    leases: leasesIn(db, attempt),
    checkpoints: checkpointsIn(db, attempt),

    close: () => mongo.close(),
  }
}
