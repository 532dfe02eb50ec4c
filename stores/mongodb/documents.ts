import type { Collection, Db } from 'mongodb'
import { z } from 'zod'
import type {
  Document,
  DocumentPage,
  FieldChange,
  FieldValue,
  Held,
  ModelShape,
  Query,
} from '../../projections/read-store.ts'
import { mostCharacters } from '../stored.ts'
import type { Keyed } from './client.ts'
import { insertAllNew } from './insert-new.ts'
import { filterOf, pathOf, sortOf, withoutNul } from './query.ts'

/** So many documents a command: each answers long before the limit of a silent server. */
const mostAtOnce = 200
/** FerretDB holds a connection to its engine for every replacement of a command: fifty would stop it. */
const mostReplacedAtOnce = 30

const inRuns = <A>(all: readonly A[], most: number): readonly A[][] =>
  Array.from({ length: Math.ceil(all.length / most) }, (_, n) => all.slice(n * most, (n + 1) * most))

interface Stored extends Keyed {
  readonly revision: number
  readonly position: bigint
  readonly text: string | null
  readonly fields: Readonly<Record<string, FieldValue>>
}

const fieldValue = z.union([z.string(), z.bigint(), z.null()])
const heldRow = z.object({
  _id: z.string(),
  revision: z.number(),
  position: z.bigint(),
  text: z.string().nullable(),
})
const wholeRow = heldRow.extend({ fields: z.record(z.string(), fieldValue) })
const foundRow = z.object({
  _id: z.string(),
  text: z.string(),
  fields: z.record(z.string(), fieldValue).optional(),
})

const storedOf = (model: ModelShape, { key, revision, position, text, fields }: Document): Stored => ({
  _id: key,
  revision,
  position,
  text,
  fields: Object.fromEntries(Object.keys(model.fields).map(name => [name, withoutNul(fields[name] ?? null)])),
})

const heldOf = ({ _id, revision, position, text }: z.infer<typeof heldRow>): Held => ({
  key: _id,
  revision,
  position,
  text,
})

const documentOf = (row: z.infer<typeof wholeRow>): Document => ({ ...heldOf(row), fields: row.fields })

/** The documents of one generation of a read model, in a collection of this name. */
export interface Documents {
  /** An empty collection with the model's indexes. */
  readonly make: () => Promise<void>
  readonly get: (key: string) => Promise<Held | undefined>
  readonly find: (query: Query) => Promise<DocumentPage>
  readonly count: (equals: Query['equals'], most: number) => Promise<number>
  readonly load: (keys: readonly string[]) => Promise<readonly Document[]>
  readonly keysAbout: (about: Pick<Query, 'equals' | 'keys'>) => Promise<readonly string[]>
  /** All after a key, removed ones too, in the order of their keys. */
  readonly after: (key: string | undefined, most: number) => Promise<readonly Document[]>
  /** Each replaces one of an older position only. */
  readonly write: (documents: readonly Document[]) => Promise<void>
  /** Each changes a document of an older position only. */
  readonly change: (changes: readonly FieldChange[]) => Promise<void>
}

/** Inserts what is new and replaces the rest where it is older. Never an upsert: a guarded one may insert twice. */
const writeSome = async (collection: Collection<Stored>, documents: readonly Stored[]): Promise<void> => {
  const keys = documents.map(({ _id }) => _id)
  const existingRows = await collection.find({ _id: { $in: keys } }, { projection: { _id: 1 } }).toArray()
  const existingKeys = new Set(existingRows.map(({ _id }) => _id))
  const inserted = documents.filter(({ _id }) => !existingKeys.has(_id))
  const others = [
    ...documents.filter(({ _id }) => existingKeys.has(_id)),
    ...(await insertAllNew(collection, inserted)),
  ]
  const replacements = others.map(({ _id, ...replacement }) => ({
    replaceOne: { filter: { _id: { $eq: _id }, position: { $lt: replacement.position } }, replacement },
  }))
  for (const some of inRuns(replacements, mostReplacedAtOnce))
    await collection.bulkWrite(some, { ordered: false })
}

const fewKeys = 16

export const documentsIn = (db: Db, name: string, model: ModelShape): Documents => {
  const collection = db.collection<Stored>(name)
  return {
    make: async () => {
      await collection.drop()
      const indexes = model.indexes.map(({ fields, also = [] }, i) => ({
        name: `${name}_${i}`,
        key: Object.fromEntries(
          [
            ...fields.map(field => pathOf(model, field)),
            // Also where the shape leaves the key out: the server sorts all that it finds, or nothing.
            '_id',
            ...also.map(field => pathOf(model, field)),
          ].map(path => [path, 1 as const]),
        ),
      }))
      if (indexes.length > 0) await collection.createIndexes(indexes)
    },

    get: async key => {
      const row = await collection.findOne({ _id: { $eq: key } }, { projection: { fields: 0 } })
      return row === null ? undefined : heldOf(heldRow.parse(row))
    },

    find: async query => {
      const filter = filterOf(model, query)
      if (filter === undefined) return { documents: [], more: false }
      const { orderedBy, limit, mostBytes } = query
      const order = orderedBy === undefined ? {} : { [pathOf(model, orderedBy)]: 1 }
      const cursor = collection
        .find(filter, { projection: { text: 1, ...order } })
        .sort(sortOf(model, query))
        .limit(limit + 1)
      const documents = []
      let bytes = 0
      for await (const row of cursor) {
        const { _id, text, fields } = foundRow.parse(row)
        bytes += Buffer.byteLength(text)
        if (documents.length === limit || (documents.length > 0 && bytes > mostBytes))
          return { documents, more: true }
        const value = orderedBy === undefined ? null : fields?.[orderedBy]
        documents.push({ key: _id, text, orderedBy: value ?? null })
      }
      return { documents, more: false }
    },

    count: async (equals, most) => {
      const filter = filterOf(model, { equals, descending: false, limit: most, mostBytes: 0 })
      return filter === undefined ? 0 : collection.countDocuments(filter, { limit: most })
    },

    load: async keys => {
      // Not every server that speaks the protocol finds several keys by its index: few are asked for one by one.
      const rows =
        keys.length > fewKeys
          ? await collection.find({ _id: { $in: [...keys] } }).toArray()
          : (await Promise.all(keys.map(key => collection.findOne({ _id: { $eq: key } })))).filter(
              row => row !== null,
            )
      const byKey = new Map(
        rows.map(row => {
          const document = documentOf(wholeRow.parse(row))
          return [document.key, document]
        }),
      )
      return keys.flatMap(key => byKey.get(key) ?? [])
    },

    keysAbout: async about => {
      const filter = filterOf(model, { ...about, descending: false, limit: 0, mostBytes: 0 })
      if (filter === undefined) return []
      const rows = await collection.find(filter, { projection: { _id: 1 } }).toArray()
      return rows.map(({ _id }) => _id)
    },

    after: async (key, most) => {
      const cursor = collection
        .find(key === undefined ? {} : { _id: { $gt: key } })
        .sort({ _id: 1 })
        .limit(most)
      const documents: Document[] = []
      let characters = 0
      for await (const row of cursor) {
        const document = documentOf(wholeRow.parse(row))
        characters += document.text?.length ?? 0
        if (documents.length > 0 && characters > mostCharacters) break
        documents.push(document)
      }
      return documents
    },

    write: async documents => {
      for (const some of inRuns(documents, mostAtOnce))
        await writeSome(
          collection,
          some.map(document => storedOf(model, document)),
        )
    },

    change: async changes => {
      const updates = changes.map(({ key, position, fields }) => ({
        updateOne: {
          filter: { _id: { $eq: key }, position: { $lt: position } },
          update: {
            $set: {
              position,
              ...Object.fromEntries(
                Object.entries(fields).map(([field, value]) => [pathOf(model, field), withoutNul(value)]),
              ),
            },
          },
        },
      }))
      for (const some of inRuns(updates, mostReplacedAtOnce))
        await collection.bulkWrite(some, { ordered: false })
    },
  }
}
