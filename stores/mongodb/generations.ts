import type { Db, UpdateFilter } from 'mongodb'
import { z } from 'zod'
import type { Generation, ModelCheckpoint, ModelShape } from '../../projections/read-store.ts'
import { startOfLog } from '../start-of-log.ts'
import type { Keyed } from './client.ts'
import { insertNew, untilDone } from './insert-new.ts'

const generationRow = z.object({
  name: z.string(),
  version: z.number(),
  number: z.number(),
  position: z.bigint(),
  eventId: z.string(),
  /** None in rows of the releases before. */
  clock: z.bigint().default(0n),
  retired: z.boolean(),
  /** Of the lease under which it is fed; 0 before there was one. */
  token: z.number(),
  /** When it was begun, fed or retired last, in ms since the epoch. */
  changedAt: z.number(),
})
export type GenerationRow = z.infer<typeof generationRow>

const modelsRow = z.object({
  /** By model and version: how many generations were ever begun, so that no number comes again. */
  made: z.record(z.string(), z.number()),
  /** By model and version: the generation served. */
  served: z.record(z.string(), z.number()),
  /** By the name of the generation's collection. */
  generations: z.record(z.string(), generationRow),
})
export type Models = z.infer<typeof modelsRow>

interface Stored extends Keyed, Models {}

const id = 'models'
const nothing: Models = { made: {}, served: {}, generations: {} }

export const versionName = ({ name, version }: { name: string; version: number }): string =>
  `${name}_${version}`
export const collectionName = ({ model, number }: Pick<Generation, 'model' | 'number'>): string =>
  `${versionName(model)}_${number}`

export const servedIn = (models: Models, model: ModelShape): GenerationRow | undefined => {
  const number = models.served[versionName(model)]
  return number === undefined ? undefined : models.generations[collectionName({ model, number })]
}

export const generationOf = (
  model: ModelShape,
  { number, position, eventId, clock }: GenerationRow,
): Generation => ({
  model,
  number,
  checkpoint: { position, eventId, clock },
})

export const standsIn = (models: Models, generation: Generation): boolean => {
  const row = models.generations[collectionName(generation)]
  return (
    row !== undefined &&
    !row.retired &&
    row.position === generation.checkpoint.position &&
    (generation.token === undefined || row.token === generation.token)
  )
}

/** The generations of all read models, their checkpoints, and which are served. */
export interface Generations {
  readonly read: () => Promise<Models>
  /** A new one, of a number never used before, not served. */
  readonly add: (model: ModelShape) => Promise<Generation>
  /** Serves it unless another one is. */
  readonly serveFirst: (generation: Generation) => Promise<void>
  /** From now on only this token, or a later one, moves it. */
  readonly claim: (row: GenerationRow, token: number) => Promise<void>
  /** Moves all of them from where they stand, or none: whether it did. */
  readonly move: (generations: readonly Generation[], checkpoint: ModelCheckpoint) => Promise<boolean>
  /** Serves all of them instead of what is served, or none: whether it did. */
  readonly serve: (generations: readonly Generation[], onlyIfAsFar: boolean) => Promise<boolean>
  /** Ends one, served or not, if nothing has changed it since it was read: whether it did. */
  readonly retire: (row: GenerationRow) => Promise<boolean>
  readonly forget: (collection: string) => Promise<void>
}

/**
 * They are one document: a guarded update of it moves several checkpoints, or switches several models, at once, and
 * needs no transaction.
 */
export const generationsIn = (db: Db): Generations => {
  const collection = db.collection<Stored>('models')
  const update = async (
    guard: Readonly<Record<string, unknown>>,
    change: UpdateFilter<Stored>,
  ): Promise<boolean> => (await collection.updateOne({ _id: id, ...guard }, change)).matchedCount === 1
  const is = (value: number | undefined) => (value === undefined ? { $exists: false } : { $eq: value })

  const read = async (): Promise<Models> => {
    const row = await collection.findOne({ _id: id })
    return row === null ? nothing : modelsRow.parse(row)
  }

  const serveOnce = async (
    generations: readonly Generation[],
    onlyIfAsFar: boolean,
  ): Promise<boolean | undefined> => {
    const models = await read()
    const guard: Record<string, unknown> = {}
    const changes: Record<string, unknown> = {}
    const changedAt = Date.now()
    for (const generation of generations) {
      const { model, number, checkpoint } = generation
      const own = collectionName(generation)
      if (models.generations[own]?.retired !== false) return false
      const served = servedIn(models, model)
      if (onlyIfAsFar && served !== undefined) {
        if (served.position > checkpoint.position) return false
        const place = `generations.${collectionName({ model, number: served.number })}.position`
        guard[place] = { $lte: checkpoint.position }
      }
      guard[`served.${versionName(model)}`] = is(models.served[versionName(model)])
      guard[`generations.${own}.retired`] = { $eq: false }
      changes[`served.${versionName(model)}`] = number
      changes[`generations.${own}.changedAt`] = changedAt
      for (const [name, row] of Object.entries(models.generations)) {
        if (name === own || versionName(row) !== versionName(model) || row.retired) continue
        changes[`generations.${name}.retired`] = true
        changes[`generations.${name}.changedAt`] = changedAt
      }
    }
    return (await update(guard, { $set: changes })) ? true : undefined
  }

  return {
    read,

    add: model =>
      untilDone(async () => {
        const made = (await read()).made[versionName(model)]
        const number = made ?? 0
        const { name, version } = model
        const start = { ...startOfLog, retired: false, token: 0, changedAt: Date.now() }
        const row: GenerationRow = { name, version, number, ...start }
        const added = await update(
          { [`made.${versionName(model)}`]: is(made) },
          {
            $set: {
              [`made.${versionName(model)}`]: number + 1,
              [`generations.${collectionName({ model, number })}`]: row,
            },
          },
        )
        if (added) return generationOf(model, row)
        await insertNew(collection, { _id: id, ...nothing })
        return undefined
      }),

    serveFirst: async ({ model, number }) => {
      const models = await read()
      if (servedIn(models, model) !== undefined) return
      const place = `served.${versionName(model)}`
      const row = `generations.${collectionName({ model, number })}`
      await update(
        { [place]: is(models.served[versionName(model)]), [`${row}.retired`]: { $eq: false } },
        { $set: { [place]: number, [`${row}.changedAt`]: Date.now() } },
      )
    },

    claim: async (row, token) => {
      const place = `generations.${versionName(row)}_${row.number}.token`
      await update({ [place]: { $lt: token } }, { $set: { [place]: token } })
    },

    move: (generations, { position, eventId, clock }) => {
      const guard: Record<string, unknown> = {}
      const changes: Record<string, unknown> = {}
      for (const generation of generations) {
        const place = `generations.${collectionName(generation)}`
        guard[`${place}.position`] = { $eq: generation.checkpoint.position }
        guard[`${place}.retired`] = { $eq: false }
        if (generation.token !== undefined) guard[`${place}.token`] = { $eq: generation.token }
        changes[`${place}.position`] = position
        changes[`${place}.eventId`] = eventId
        changes[`${place}.clock`] = clock
        changes[`${place}.changedAt`] = Date.now()
      }
      return update(guard, { $set: changes })
    },

    serve: (generations, onlyIfAsFar) => untilDone(() => serveOnce(generations, onlyIfAsFar)),

    retire: async row => {
      const place = `generations.${versionName(row)}_${row.number}`
      const served = `served.${versionName(row)}`
      const isServed = (await read()).served[versionName(row)] === row.number
      return update(
        {
          [`${place}.changedAt`]: { $eq: row.changedAt },
          [served]: isServed ? { $eq: row.number } : { $ne: row.number },
        },
        { $set: { [`${place}.retired`]: true }, ...(isServed ? { $unset: { [served]: '' } } : {}) },
      )
    },

    forget: async name => {
      await update({}, { $unset: { [`generations.${name}`]: '' } })
    },
  }
}
