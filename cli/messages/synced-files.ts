import { type FileHandle, mkdir, open, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

const writeAll = async (file: FileHandle, bytes: Uint8Array): Promise<void> => {
  for (let written = 0; written < bytes.length; )
    written += (await file.write(bytes, written, bytes.length - written)).bytesWritten
}

/** Puts the names in a folder on the disk: a file that was renamed in it is there after a power cut. */
export const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Makes a folder, and those above it that are not there, on the disk. */
export const makeFolder = async (folder: string): Promise<void> => {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  const above = dirname(resolve(first))
  for (let path = dirname(resolve(folder)); path.length >= above.length; path = dirname(path)) {
    await syncFolder(path)
    if (path === above) return
  }
}

/** Writes a new file, for its owner only, and gives its path: its bytes are on the disk then, its name is not. Throws, and leaves none. */
export const writeSynced = async (path: string, bytes: AsyncIterable<Uint8Array>): Promise<string> => {
  const file = await open(path, 'wx', 0o600)
  try {
    try {
      for await (const piece of bytes) await writeAll(file, piece)
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
  return path
}
