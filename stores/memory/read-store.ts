import * as E from '#fp/Either'
import type {
  Document,
  FieldValue,
  Generation,
  ModelCheckpoint,
  ModelShape,
  Query,
  ReadModels,
  ReadModelWriter,
} from '../../projections/read-store.ts'
import { startOfLog } from '../start-of-log.ts'
import { upToCharacters } from '../up-to-characters.ts'
import { validityOf } from '../validity.ts'

interface Stored {
  readonly model: ModelShape
  readonly number: number
  state: 'served' | 'building' | 'retired'
  checkpoint: ModelCheckpoint
  token: number
  readonly documents: Map<string, Document>
}

const compare = (a: FieldValue, b: FieldValue): number =>
  a === b ? 0 : a === null ? -1 : b === null ? 1 : a < b ? -1 : 1

/** Read models that live as long as their process: for tests. */
export const memoryReadStore = (): ReadModels & ReadModelWriter => {
  const all: Stored[] = []
  const of = ({ name, version }: ModelShape) =>
    all.filter(stored => stored.model.name === name && stored.model.version === version)
  const servedOf = (model: ModelShape) => of(model).find(stored => stored.state === 'served')
  const generationOf = ({ model, number, checkpoint }: Stored): Generation => ({ model, number, checkpoint })
  const find = ({ model, number }: Generation) => of(model).find(stored => stored.number === number)

  const begin = (model: ModelShape, state: Stored['state']): Stored => {
    const stored = {
      model,
      number: (of(model).at(-1)?.number ?? -1) + 1,
      state,
      checkpoint: startOfLog,
      token: 0,
      documents: new Map(),
    }
    all.push(stored)
    return stored
  }

  const matching = (model: ModelShape, query: Query) => {
    const { equals, keys, ranges = [], validAt, orderedBy, descending, after } = query
    const orderOf = ({ key, fields }: Document): [FieldValue, string] => [
      orderedBy === undefined ? null : (fields[orderedBy] ?? null),
      key,
    ]
    const byOrder = (a: [FieldValue, string], b: [FieldValue, string]) =>
      (compare(a[0], b[0]) || compare(a[1], b[1])) * (descending ? -1 : 1)
    const isInRanges = ({ fields }: Document) =>
      ranges.every(({ field, from, until }) => {
        const value = fields[field] ?? null
        return (
          value !== null &&
          (from === undefined || compare(value, from) >= 0) &&
          (until === undefined || compare(value, until) < 0)
        )
      })
    const isValid = ({ fields }: Document): boolean => {
      if (validAt === undefined) return true
      const { from, to, clockFrom, clockTo } = validityOf(model)
      const { position, time } = validAt
      const isOpen = compare(fields[to] ?? null, position) > 0
      return (
        compare(fields[from] ?? null, position) <= 0 &&
        (time === undefined
          ? isOpen
          : compare(fields[clockFrom] ?? null, time) <= 0 &&
            (isOpen || compare(fields[clockTo] ?? null, time) > 0))
      )
    }
    return [...(servedOf(model)?.documents.values() ?? [])]
      .filter(({ text }) => text !== null)
      .filter(({ fields }) =>
        Object.entries(equals).every(([name, value]) => value !== null && fields[name] === value),
      )
      .filter(({ key }) => keys === undefined || (key >= keys.from && key < keys.until))
      .filter(isInRanges)
      .filter(isValid)
      .filter(document => after === undefined || byOrder(orderOf(document), [after.value, after.key]) > 0)
      .sort((a, b) => byOrder(orderOf(a), orderOf(b)))
  }

  const stands = (generation: Generation): boolean => {
    const stored = find(generation)
    return (
      stored !== undefined &&
      stored.state !== 'retired' &&
      stored.checkpoint.position === generation.checkpoint.position &&
      (generation.token === undefined || generation.token === stored.token)
    )
  }

  return {
    get: async (model, key) => E.right(servedOf(model)?.documents.get(key)),
    find: async (model, query) => {
      const documents = []
      let bytes = 0
      for (const { key, text, fields } of matching(model, query)) {
        bytes += Buffer.byteLength(text ?? '')
        if (documents.length === query.limit || (documents.length > 0 && bytes > query.mostBytes))
          return E.right({ documents, more: true })
        const orderedBy = query.orderedBy === undefined ? null : (fields[query.orderedBy] ?? null)
        documents.push({ key, text: text ?? '', orderedBy })
      }
      return E.right({ documents, more: false })
    },
    count: async (model, equals, most) => {
      const query = { equals, descending: false, limit: most, mostBytes: 0 }
      return E.right(Math.min(most, matching(model, query).length))
    },
    checkpoint: async model => E.right(servedOf(model)?.checkpoint ?? startOfLog),
    served: async (model, token) => {
      const stored = servedOf(model) ?? begin(model, 'served')
      if (token === undefined) return E.right(generationOf(stored))
      stored.token = Math.max(stored.token, token)
      return E.right({ ...generationOf(stored), token })
    },
    begin: async model => E.right(generationOf(begin(model, 'building'))),
    load: async (generation, keys) =>
      E.right(keys.flatMap(key => find(generation)?.documents.get(key) ?? [])),
    keysAbout: async (generation, { equals, keys }) =>
      E.right(
        [...(find(generation)?.documents.values() ?? [])]
          .filter(({ key }) => keys === undefined || (key >= keys.from && key < keys.until))
          .filter(({ fields }) => Object.entries(equals).every(([name, value]) => fields[name] === value))
          .map(({ key }) => key),
      ),
    documentsAfter: async (generation, after, most) => {
      const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))
      const documents = [...(find(generation)?.documents.values() ?? [])]
        .filter(({ key }) => after === undefined || byBytes(key, after) > 0)
        .sort((a, b) => byBytes(a.key, b.key))
      return E.right(upToCharacters(documents.slice(0, most)))
    },
    commit: async (changes, checkpoint) => {
      if (!changes.every(({ generation }) => stands(generation))) return E.left({ _tag: 'Superseded' })
      for (const { generation, documents, fieldChanges = [] } of changes) {
        const stored = find(generation)
        if (stored === undefined) continue
        stored.checkpoint = checkpoint
        for (const document of documents) {
          const before = stored.documents.get(document.key)
          if (before === undefined || document.position > before.position)
            stored.documents.set(document.key, document)
        }
        for (const { key, position, fields } of fieldChanges) {
          const before = stored.documents.get(key)
          if (before !== undefined && position > before.position)
            stored.documents.set(key, { ...before, position, fields: { ...before.fields, ...fields } })
        }
      }
      return E.right(undefined)
    },
    confirm: async generations =>
      generations.every(stands) ? E.right(undefined) : E.left({ _tag: 'Superseded' }),
    serve: async (generations, condition) => {
      const behind = generations.some(({ model, checkpoint }) => {
        const served = servedOf(model)
        return served !== undefined && served.checkpoint.position > checkpoint.position
      })
      if (behind && condition === 'if as far') return E.right(false)
      for (const generation of generations) {
        for (const stored of of(generation.model))
          stored.state = stored.number === generation.number ? 'served' : 'retired'
      }
      return E.right(true)
    },
    purge: async () => E.right(undefined),
    sweep: async (_, generations) => {
      const dropped = all.findIndex(
        ({ state }) => state === 'retired' || (state === 'building' && generations === 'all not served'),
      )
      if (dropped >= 0) all.splice(dropped, 1)
      return E.right(dropped >= 0)
    },
  }
}
