import * as E from '#fp/Either'
import type { Failure } from '../../api/http/problem.ts'
import { textLimit } from '../../commands/json-text.ts'
import type { JsonObject } from '../../domain/json.ts'
import { type ImportLine, readLine } from '../import-line.ts'
import { type Result, workOf } from '../import-work.ts'
import type { Work } from '../in-order.ts'
import { contentNotes, heldOf, storeContent } from './row-content.ts'
import { importLineOf, type RowItem } from './row-item.ts'
import type { Note } from './row-keys.ts'
import { type ItemResult, meet } from './row-meeting.ts'
import type { RowDocument } from './tables.ts'
import type { Taker } from './taker.ts'

interface Written {
  /** Of the last event of the item. */
  readonly position: bigint | undefined
  readonly notes: readonly Note[]
}

/** What came of a row. */
export type RowResult = { readonly item: RowItem } & (
  | ({ readonly is: 'added' | 'changed' | 'present' } & Written)
  /** Where its item was written after all, its bytes were not. */
  | { readonly is: 'refused'; readonly reason: string; readonly written?: Written }
  | { readonly is: 'left alone'; readonly reason: string }
  | { readonly is: 'stopped'; readonly failure: Failure }
)

const later = (a: bigint | undefined, b: bigint | undefined): bigint | undefined =>
  a === undefined || (b !== undefined && b > a) ? b : a

const nothing = (item: RowItem, reason: string): Work<RowResult> => ({
  looksAt: [],
  bytes: item.text.length,
  run: async () => ({ item, is: 'refused', reason }),
})

const itemResultOf = async (
  taker: Taker,
  line: ImportLine | undefined,
  result: Result,
): Promise<ItemResult> => {
  if (result.is === 'stopped') return { is: 'stopped', failure: result.failure }
  if (result.is !== 'added' && line !== undefined) return meet(taker, line, result)
  return result.is === 'refused'
    ? { is: 'refused', reason: result.refusal.reason }
    : { is: result.is, position: result.position }
}

/** Gives an item that was written, or is there, the bytes of its row. */
const withContent = async (
  { core, dry, original, by }: Taker,
  item: RowItem,
  { resource, identity }: ImportLine,
  data: JsonObject,
  document: RowDocument,
  written: Extract<ItemResult, { is: 'added' | 'changed' | 'present' }>,
): Promise<RowResult> => {
  const { is, position } = written
  const bytes = () => original.documentOf(item.row, document)
  const stored = await storeContent({ ...core, dry }, { resource, identity, data, document, bytes }, by)
  if (stored.is === 'stopped') return { item, ...stored }
  if (stored.is === 'refused') return { item, ...stored, written: { position, notes: item.notes } }
  return {
    item,
    is: is === 'present' ? stored.is : is,
    position: later(position, stored.position),
    notes: [...item.notes, ...contentNotes(data)],
  }
}

/** The work that a row is: the line of an import that it becomes, and after it the bytes of its document. */
export const workOfRow = (taker: Taker, item: RowItem): Work<RowResult> => {
  const { data, problem } = item
  if (problem !== undefined || data === undefined) return nothing(item, problem ?? 'it has no data')
  const { document } = item.row
  const bytes = Buffer.from(importLineOf(item))
  const work = workOf(
    taker.items,
    { number: 0, end: 0, bytes: bytes.length > textLimit ? undefined : bytes },
    taker.by,
  )
  return {
    ...work,
    bytes: work.bytes + (document === undefined ? 0 : heldOf(document)),
    run: async () => {
      const result = await work.run()
      const isNew = result.is === 'added' && document === undefined
      const read = isNew ? undefined : readLine(bytes)
      const line = read === undefined || E.isLeft(read) ? undefined : read.right
      const written = await itemResultOf(taker, line, result)
      if (written.is === 'refused' || written.is === 'left alone' || written.is === 'stopped')
        return { item, ...written }
      return document === undefined || line === undefined
        ? { item, ...written, notes: item.notes }
        : withContent(taker, item, line, data, document, written)
    },
  }
}
