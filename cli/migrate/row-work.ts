import * as E from '#fp/Either'
import type { Failure } from '../../api/http/problem.ts'
import type { CommandContext } from '../../commands/handle.ts'
import { textLimit } from '../../commands/json-text.ts'
import type { Core } from '../../core.ts'
import { readLine } from '../import-line.ts'
import { workOf } from '../import-work.ts'
import type { Work } from '../in-order.ts'
import type { Original } from './original.ts'
import { contentNotes, heldOf, storeContent } from './row-content.ts'
import { importLineOf, type Note, type RowItem } from './row-item.ts'

/** What came of a row. */
export type RowResult = { readonly item: RowItem } & (
  | ({ readonly is: 'added' | 'present' } & Written)
  /** Where it was written after all, its bytes were not. */
  | { readonly is: 'refused'; readonly reason: string; readonly written?: Written }
  | { readonly is: 'stopped'; readonly failure: Failure }
)

interface Written {
  /** Of the last event of the item. */
  readonly position: bigint | undefined
  readonly notes: readonly Note[]
}

/** With what rows are taken: `items` decides about them, and writes them unless this is a dry run. */
export interface Taker {
  readonly core: Core
  readonly items: Pick<Core, 'acceptItem' | 'policy'>
  readonly dry: boolean
  readonly original: Pick<Original, 'documentOf'>
  readonly by: CommandContext
}

const later = (a: bigint | undefined, b: bigint | undefined): bigint | undefined =>
  a === undefined || (b !== undefined && b > a) ? b : a

const nothing = (item: RowItem, reason: string): Work<RowResult> => ({
  looksAt: [],
  bytes: item.text.length,
  run: async () => ({ item, is: 'refused', reason }),
})

/** The work that a row is: the line of an import that it becomes, and after it the bytes of its document. */
export const workOfRow = (taker: Taker, item: RowItem): Work<RowResult> => {
  if (item.problem !== undefined) return nothing(item, item.problem)
  const { core, items, dry, original, by } = taker
  const { row, data } = item
  const bytes = Buffer.from(importLineOf(item))
  const line = { number: 0, end: 0, bytes: bytes.length > textLimit ? undefined : bytes }
  const work = workOf(items, line, by)
  const { document } = row
  return {
    ...work,
    bytes: work.bytes + (document === undefined ? 0 : heldOf(document)),
    run: async () => {
      const written = await work.run()
      if (written.is === 'refused') return { item, is: 'refused', reason: written.refusal.reason }
      if (written.is === 'stopped') return { item, is: 'stopped', failure: written.failure }
      const { is, position } = written
      const read = document === undefined ? undefined : readLine(bytes)
      if (document === undefined || data === undefined || read === undefined || E.isLeft(read))
        return { item, is, position, notes: item.notes }
      const stored = await storeContent(
        { ...core, dry },
        row,
        read.right.identity,
        data,
        document,
        () => original.documentOf(row, document),
        by,
      )
      if (stored.is === 'stopped') return { item, ...stored }
      if (stored.is === 'refused') return { item, ...stored, written: { position, notes: item.notes } }
      return {
        item,
        is: is === 'added' || stored.is === 'added' ? 'added' : 'present',
        position: later(position, stored.position),
        notes: [...item.notes, ...contentNotes(data)],
      }
    },
  }
}
