import { createHash, randomUUID } from 'node:crypto'
import { readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import * as E from '#fp/Either'
import { errorSummary } from '../../api/http/error-summary.ts'
import { bytesOf } from '../hub/ask.ts'
import { type Broken, type HubFailure, isBroken } from '../hub/failure.ts'
import type { InboxMessage } from './inbox.ts'
import { makeFolder, syncFolder, writeSynced } from './synced-files.ts'

/** The folder takes no more. */
export interface NotWritten {
  readonly _tag: 'NotWritten'
  readonly code: string
}

/** What came as the content of a message is not what was sent. */
export interface ContentDiffers {
  readonly _tag: 'ContentDiffers'
}

export type KeepFailure = HubFailure | NotWritten | ContentDiffers

/** Where a message is kept: names in the folder. */
export interface Kept {
  readonly file: string
  readonly contentFile: string | undefined
}

export interface MessageFiles {
  /** A message that is there already stays as it is. After this it is on the disk. */
  readonly keep: (
    message: InboxMessage,
    content: () => Promise<E.Either<HubFailure, Response>>,
  ) => Promise<E.Either<KeepFailure, Kept>>
}

const notWritten = (error: unknown): NotWritten => ({
  _tag: 'NotWritten',
  code: String(errorSummary(error).code ?? 'unknown reason'),
})

/** What another run was ended in the middle of; it is nobody's once it did not change for an hour. */
const leftoverForm = /^\.\d{8}T\d{6,15}Z-[\w-]+\.(?:json|content)\.[0-9a-f-]{36}\.part$/
const leftoverMilliseconds = 3_600_000

const removeLeftovers = async (folder: string): Promise<void> => {
  for (const name of await readdir(folder)) {
    if (!leftoverForm.test(name)) continue
    const path = join(folder, name)
    const facts = await stat(path).catch(() => undefined)
    if (facts !== undefined && Date.now() - facts.mtimeMs > leftoverMilliseconds)
      await rm(path, { force: true })
  }
}

const sizeOf = async (path: string): Promise<number | undefined> =>
  (await stat(path).catch(() => undefined))?.size

/** `2026-03-01T09:30:00.000Z` as `20260301T093000000Z`: names are in the order in which messages were sent. */
const nameOf = ({ sentAt, id }: InboxMessage): string => `${sentAt.replaceAll(/[-:.]/g, '')}-${id}`

const messageFilesIn = (folder: string): MessageFiles => {
  const write = (name: string, bytes: AsyncIterable<Uint8Array>): Promise<string> =>
    writeSynced(join(folder, `.${name}.${randomUUID()}.part`), bytes)

  /** The content of a message, as far as it is what was sent. */
  async function* verified(answer: Response, { size, sha256 }: NonNullable<InboxMessage['content']>) {
    const hash = createHash('sha256')
    let length = 0
    for await (const piece of bytesOf(answer)) {
      hash.update(piece)
      length += piece.length
      yield piece
    }
    if (length !== size || hash.digest('hex') !== sha256) throw differs
  }

  const writeContent = async (
    name: string,
    answer: Response,
    content: NonNullable<InboxMessage['content']>,
  ): Promise<E.Either<Broken | NotWritten | ContentDiffers, string>> => {
    try {
      return E.right(await write(name, verified(answer, content)))
    } catch (thrown) {
      await answer.body?.cancel().catch(() => undefined)
      return E.left(isBroken(thrown) ? thrown : thrown === differs ? differs : notWritten(thrown))
    }
  }

  const isThere = async (message: InboxMessage, { file, contentFile }: Kept): Promise<boolean> =>
    (await sizeOf(join(folder, file))) !== undefined &&
    (contentFile === undefined || (await sizeOf(join(folder, contentFile))) === message.content?.size)

  return {
    keep: async (message, readContent) => {
      const { content } = message
      const hasContent = content !== null && content !== undefined
      const name = nameOf(message)
      const kept: Kept = {
        file: `${name}.json`,
        contentFile: hasContent ? `${name}.content` : undefined,
      }
      if (await isThere(message, kept)) {
        // Whoever wrote it may have been ended before its name was on the disk.
        return attempt(() => syncFolder(folder), kept)
      }
      const parts: [path: string, name: string][] = []
      if (hasContent && kept.contentFile !== undefined) {
        const answer = await readContent()
        if (E.isLeft(answer)) return answer
        const written = await writeContent(kept.contentFile, answer.right, content)
        if (E.isLeft(written)) return written
        parts.push([written.right, kept.contentFile])
      }
      return attempt(async () => {
        try {
          parts.push([await write(kept.file, onePiece(`${message.json}\n`)), kept.file])
          for (const [path, to] of parts) await rename(path, join(folder, to))
          await syncFolder(folder)
        } catch (error) {
          for (const [path] of parts) await rm(path, { force: true })
          throw error
        }
      }, kept)
    },
  }
}

const differs: ContentDiffers = { _tag: 'ContentDiffers' }

async function* onePiece(text: string) {
  yield Buffer.from(text)
}

const attempt = async <A>(work: () => Promise<void>, result: A): Promise<E.Either<NotWritten, A>> => {
  try {
    await work()
    return E.right(result)
  } catch (error) {
    return E.left(notWritten(error))
  }
}

/** A folder for messages, a file for each and one for its content; made for its owner only where there is none. */
export const openMessageFiles = async (folder: string): Promise<E.Either<NotWritten, MessageFiles>> =>
  attempt(async () => {
    await makeFolder(folder)
    await removeLeftovers(folder)
  }, messageFilesIn(folder))
