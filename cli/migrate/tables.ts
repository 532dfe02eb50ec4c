import { domiciliaryUnits } from '../../domain/domiciliary-units.ts'
import { institutions } from '../../domain/institutions.ts'
import { pages } from '../../domain/pages.ts'
import { people } from '../../domain/people.ts'
import { personalDocuments } from '../../domain/personal-documents.ts'
import type { Resource } from '../../domain/resource.ts'

/** A table of the original's database, and the resource that its rows become items of. */
export interface Table {
  readonly name: string
  readonly resource: Resource
  /** Its key columns beside `id`, each with the field that it becomes. */
  readonly keys: Readonly<Record<string, string>>
  /** Whether a row holds bytes beside its `data`. */
  readonly hasDocument: boolean
}

/** In the order in which they go in: what others refer to comes before them. */
export const tables: readonly Table[] = [
  { name: 'people', resource: people, keys: {}, hasDocument: false },
  { name: 'institutions', resource: institutions, keys: {}, hasDocument: false },
  { name: 'dus', resource: domiciliaryUnits, keys: {}, hasDocument: false },
  { name: 'pols', resource: pages, keys: { book: 'book' }, hasDocument: false },
  {
    name: 'personal_docs',
    resource: personalDocuments,
    keys: { fedacct: 'person', pol: 'page' },
    hasDocument: true,
  },
]

/** The columns that a table must have. */
export const columnsOf = ({ keys, hasDocument }: Table): readonly string[] => [
  'id',
  'data',
  ...Object.keys(keys),
  ...(hasDocument ? ['document'] : []),
]

/** The bytes of a row's `document`, which stay in the database until they are asked for. */
export interface RowDocument {
  readonly size: number
  /** In lower-case hex, as the database made it. */
  readonly sha256: string
  readonly sha512: string
}

export interface Row {
  readonly table: Table
  /** Its `id`. */
  readonly key: string
  /** The key columns beside `id`. */
  readonly columns: Readonly<Record<string, string | null>>
  /** Its `data` as JSON text; null where there is none, undefined where there is more than can be held. */
  readonly data: string | null | undefined
  readonly document: RowDocument | undefined
}
