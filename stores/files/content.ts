import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ContentStore } from '../../commands/content-store.ts'
import { type ContentKeys, contentStore } from '../content.ts'
import { hasEnded, processName } from '../process-name.ts'
import { type ContentPlace, forgottenMilliseconds, type StoredContent } from '../stored-content.ts'

const pieceBytes = 64 * 1024

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'

/** What the file is, as its file system knows it: every write to it, and every other file in its place, is another one. */
const identityOf = async (
  handle: FileHandle,
): Promise<{ readonly identity: string; readonly size: number }> => {
  const { dev, ino, size, mtimeNs, ctimeNs } = await handle.stat({ bigint: true })
  return { identity: [dev, ino, size, mtimeNs, ctimeNs].join('/'), size: Number(size) }
}

/** Runs `work` on the open file; undefined where there is none. */
const onFile = async <A>(path: string, work: (handle: FileHandle) => Promise<A>): Promise<A | undefined> => {
  const handle = await open(path, 'r').catch((error: unknown) => {
    if (isMissing(error)) return undefined
    throw error
  })
  if (handle === undefined) return undefined
  try {
    return await work(handle)
  } finally {
    await handle.close()
  }
}

const writeAll = async (handle: FileHandle, chunk: Uint8Array): Promise<void> => {
  for (let written = 0; written < chunk.length; )
    written += (await handle.write(chunk, written, chunk.length - written)).bytesWritten
}

async function* piecesOf(handle: FileHandle, first: number, last: number): AsyncGenerator<Uint8Array> {
  for (let at = first; at <= last; ) {
    const length = Math.min(pieceBytes, last - at + 1)
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(length), 0, length, at)
    if (bytesRead === 0) throw new Error('a file of contents is shorter than it was')
    at += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}

/** None where there is no such folder. */
const namesIn = (folder: string): Promise<readonly string[]> =>
  readdir(folder).catch((error: unknown) => {
    if (isMissing(error)) return []
    throw error
  })

/** Puts what the folder says on the disk: a file that was renamed into it is there after a power cut. */
const syncFolder = async (path: string): Promise<void> => {
  await onFile(path, handle => handle.sync())
}

/**
 * Contents as files of a folder, readable by their owner only: `ab/abcd…` for the name `abcd…`, and `people/OWNER/NAME` for what
 * is about somebody. An upload is a file of `incoming/` until it is kept: then it is synced, moved to its place in one step, and
 * the folders are synced too. The folder is made with the first upload.
 */
export const fileContent = (folder: string, keys: ContentKeys): ContentStore => {
  const incoming = join(folder, 'incoming')
  const people = join(folder, 'people')
  const folderOf = ({ name, owner }: ContentPlace): string =>
    owner === undefined ? join(folder, name.slice(0, 2)) : join(people, owner)

  const stored: StoredContent = {
    begin: async () => {
      await mkdir(incoming, { recursive: true, mode: 0o700 })
      const path = join(incoming, processName().replaceAll('/', '+'))
      const handle = await open(path, 'wx', 0o600)
      return {
        write: chunk => writeAll(handle, chunk),
        keep: async place => {
          await handle.sync()
          const own = folderOf(place)
          await mkdir(own, { recursive: true, mode: 0o700 })
          await rename(path, join(own, place.name))
          const above = place.owner === undefined ? [] : [people]
          for (const path of [own, ...above, folder, dirname(folder)]) await syncFolder(path)
        },
        discard: async () => {
          await handle.close()
          await rm(path, { force: true })
        },
      }
    },

    find: place => {
      const path = join(folderOf(place), place.name)
      return onFile(path, async handle => {
        const seen = await identityOf(handle)
        return {
          ...seen,
          read: async function* ({ first, last }) {
            const now = await open(path, 'r')
            try {
              if ((await identityOf(now)).identity !== seen.identity)
                throw new Error('a file of contents has become another one')
              yield* piecesOf(now, first, last)
            } finally {
              await now.close()
            }
          },
        }
      })
    },

    removeAllOf: async owner => {
      await rm(join(people, owner), { recursive: true, force: true })
      if ((await namesIn(people)).length > 0) await syncFolder(people)
    },

    isEmpty: async () => {
      for (const owner of await namesIn(people))
        if ((await namesIn(join(people, owner))).length > 0) return false
      for (const shard of await namesIn(folder))
        if (shard.length === 2 && (await namesIn(join(folder, shard))).length > 0) return false
      return true
    },

    sweep: async () => {
      for (const name of await namesIn(incoming)) {
        const path = join(incoming, name)
        const age = await stat(path).then(
          ({ mtimeMs }) => Date.now() - mtimeMs,
          () => 0,
        )
        if (hasEnded(name.replaceAll('+', '/')) || age > forgottenMilliseconds)
          await rm(path, { force: true })
      }
    },
  }
  return contentStore(stored, keys)
}
