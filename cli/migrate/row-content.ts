import { randomUUID } from 'node:crypto'
import { lookup } from 'mime-types'
import * as E from '#fp/Either'
import type { Failure } from '../../api/http/problem.ts'
import { contentWriter } from '../../commands/content.ts'
import type { CommandContext } from '../../commands/handle.ts'
import { readItem } from '../../commands/items.ts'
import type { Core } from '../../core.ts'
import { contentOf, unknownType } from '../../domain/content.ts'
import type { ItemState } from '../../domain/item.ts'
import { type JsonObject, member } from '../../domain/json.ts'
import type { Identity, Resource } from '../../domain/resource.ts'
import { pieceBytes } from './original.ts'
import type { Note } from './row-keys.ts'
import type { RowDocument } from './tables.ts'
import { isUntouched } from './untouched.ts'

/** What came of a document's bytes; `stopped` where nobody can tell, because a store or the original is away. */
export type ContentResult =
  | { readonly is: 'added' | 'changed' | 'present'; readonly position: bigint | undefined }
  | { readonly is: 'refused'; readonly reason: string }
  | { readonly is: 'stopped'; readonly failure: Failure }

/** The media type that an extension stands for: `pdf`, `.PDF`, `scan.pdf`. */
export const typeOfExtension = (extension: unknown): string =>
  typeof extension === 'string' ? lookup(extension.trim()) || unknownType : unknownType

const sha512In = (data: JsonObject): string | undefined => {
  const hash = member(data, 'hash')
  return typeof hash === 'string' && hash.trim() !== '' ? hash.trim().toLowerCase() : undefined
}

/** Why the bytes of a document cannot be its content; undefined where they can. */
export const contentProblem = (
  data: JsonObject,
  document: RowDocument,
  mostBytes: number,
): string | undefined => {
  const sha512 = sha512In(data)
  if (sha512 !== undefined && sha512 !== document.sha512)
    return 'its content is not taken: document does not have the SHA-512 that data.hash says'
  return document.size > mostBytes
    ? `its content is not taken: document has more than ${mostBytes} bytes, the limit that MAX_CONTENT sets`
    : undefined
}

/** What nobody could check. */
export const contentNotes = (data: JsonObject): readonly Note[] =>
  sha512In(data) === undefined
    ? [{ reason: 'data.hash is missing: document is taken as it is, unchecked' }]
    : []

/** So much of a document is held at once: a piece, and the text that the driver reads it from. */
export const heldOf = ({ size }: RowDocument): number => 3 * Math.min(size, pieceBytes)

interface Hub extends Pick<Core, 'ports' | 'contents' | 'writeItem' | 'config'> {
  readonly dry: boolean
}

interface ContentToStore {
  readonly resource: Resource
  readonly identity: Identity
  /** Of the row. */
  readonly data: JsonObject
  readonly document: RowDocument
  readonly bytes: () => AsyncIterable<Uint8Array>
}

/** Whether the item has exactly these bytes already. */
export const hasContent = (state: ItemState, { size, sha256 }: RowDocument): boolean => {
  const content = state.is === 'present' ? contentOf(state.item) : undefined
  return content?.sha256 === sha256 && content.size === size
}

/** Gives an item the bytes of its row, unless it has them. What somebody else gave it since stays. */
export const storeContent = async (
  { ports, contents, writeItem, config, dry }: Hub,
  { resource, identity, data, document, bytes }: ContentToStore,
  by: CommandContext,
): Promise<ContentResult> => {
  const problem = contentProblem(data, document, config.mostContentBytes)
  if (problem !== undefined) return { is: 'refused', reason: problem }
  const state = await readItem(ports.log)(resource, identity)
  if (E.isLeft(state)) return { is: 'stopped', failure: state.left }
  if (hasContent(state.right, document)) return { is: 'present', position: undefined }
  const another = state.right.is === 'present' && contentOf(state.right.item) !== undefined
  const untouched = await isUntouched(ports.log, resource, identity)
  if (E.isLeft(untouched)) return { is: 'stopped', failure: untouched.left }
  if (another && !untouched.right)
    return { is: 'refused', reason: 'its content is not taken: in the hub it has another one' }
  const is = another ? 'changed' : 'added'
  if (dry) return { is, position: undefined }
  const command = { mayAdd: true, mayReplace: another, onlyNew: false, preconditions: {} }
  const context = { ...by, commandId: randomUUID() }
  const written = await contentWriter(
    ports.log,
    writeItem,
    contents,
  )<Failure>({
    resource,
    identity,
    command,
    conditional: false,
    commandId: context.commandId,
    type: typeOfExtension(member(data, 'extension')),
    limit: config.mostContentBytes,
    bytes,
    arrived: ({ sha256 }) =>
      sha256 === document.sha256
        ? E.right({ command, context })
        : E.left({ _tag: 'ContentCutShort', cause: 'other bytes than the database hashed' }),
  })
  return E.isLeft(written)
    ? { is: 'stopped', failure: written.left }
    : { is: written.right.added ? is : 'present', position: written.right.position }
}
