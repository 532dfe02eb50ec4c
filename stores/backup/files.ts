import { createHash } from 'node:crypto'
import { constants, createReadStream, createWriteStream } from 'node:fs'
import { copyFile, link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined

/** None where there is no such folder. */
export const namesIn = async (folder: string): Promise<readonly string[]> => {
  try {
    return (await readdir(folder)).sort()
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}

/** Undefined where there is no such file. */
export const sizeOf = async (path: string): Promise<number | undefined> => {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Puts a file, or what a folder says of its files, on the disk. */
export const sync = async (path: string): Promise<void> => {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export const makeFolder = (path: string): Promise<unknown> => mkdir(path, { recursive: true, mode: 0o700 })

/** The contents in a folder of them, by their paths in it, in the order of these. Uploads under way are not among them. */
export async function* contentsIn(folder: string): AsyncGenerator<string> {
  for (const name of await namesIn(folder)) {
    if (name.length === 2) for (const file of await namesIn(join(folder, name))) yield `${name}/${file}`
    if (name === 'people')
      for (const owner of await namesIn(join(folder, name)))
        for (const file of await namesIn(join(folder, name, owner))) yield `${name}/${owner}/${file}`
  }
}

const suffix = '.part'
export const isPart = (path: string): boolean => path.endsWith(suffix)

/**
 * Puts a file that never changes at another place as well: a hard link, or a copy on another file system. On the disk under its name when
 * it settles, but for the folder. False where the file is no longer there.
 */
export const place = async (from: string, to: string): Promise<boolean> => {
  const part = `${to}${suffix}`
  await makeFolder(dirname(to))
  await rm(part, { force: true })
  try {
    await link(from, part)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    try {
      await copyFile(from, part, constants.COPYFILE_FICLONE)
    } catch (failure) {
      if (codeOf(failure) === 'ENOENT') return false
      throw failure
    }
    await sync(part)
  }
  await rename(part, to)
  return true
}

/** SHA-256 (hex) of a file. */
export const hashOf = async (path: string): Promise<string> => {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(path)) hash.update(piece)
  return hash.digest('hex')
}

/** Copies a file, and gives SHA-256 (hex) of what was read; on the disk when it settles. */
export const copyHashed = async (from: string, to: string): Promise<string> => {
  const hash = createHash('sha256')
  await makeFolder(dirname(to))
  await pipeline(
    createReadStream(from),
    async function* (pieces: AsyncIterable<Buffer>) {
      for await (const piece of pieces) {
        hash.update(piece)
        yield piece
      }
    },
    createWriteStream(to, { mode: 0o600, flags: 'wx', flush: true }),
  )
  return hash.digest('hex')
}
