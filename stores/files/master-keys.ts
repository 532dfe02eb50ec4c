import { randomBytes, randomUUID } from 'node:crypto'
import { link, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import * as E from '#fp/Either'
import type { MasterKey, MasterKeys, MasterKeyUnusable } from '../../auth/master-keys.ts'

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined

/** 32 bytes, as 64 hex digits or in base64. */
const keyOfLine = (line: string): Buffer | undefined => {
  const key = /^[0-9a-fA-F]{64}$/.test(line) ? Buffer.from(line, 'hex') : Buffer.from(line, 'base64')
  return key.length === 32 ? key : undefined
}

const textOf = (keys: readonly Buffer[]): string => keys.map(key => `${key.toString('hex')}\n`).join('')

const writeSynced = async (path: string, text: string): Promise<void> => {
  const handle = await open(path, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

const syncFolder = async (path: string): Promise<void> => {
  const handle = await open(dirname(path), 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Master keys in a file, readable by its owner only: one a line, 32 bytes as 64 hex digits or in base64, the first of them wraps. */
export const masterKeysIn = (path: string, keyOfBytes: (key: Buffer) => MasterKey): MasterKeys => {
  const unusable = (reason: MasterKeyUnusable['reason']): E.Either<MasterKeyUnusable, never> =>
    E.left({ _tag: 'MasterKeyUnusable', file: path, reason })

  return {
    file: path,

    read: async () => {
      let text: string
      try {
        text = await readFile(path, 'utf8')
      } catch (error) {
        return unusable(codeOf(error) === 'ENOENT' ? 'missing' : 'unreadable')
      }
      const keys: Buffer[] = []
      for (const line of text.split('\n').map(line => line.trim())) {
        if (line === '') continue
        const key = keyOfLine(line)
        if (key === undefined) return unusable('not a key')
        keys.push(key)
      }
      return keys.length === 0 ? unusable('not a key') : E.right(keys.map(keyOfBytes))
    },

    make: async () => {
      const own = `${path}.${randomUUID()}`
      try {
        // Under its name it is whole from the first moment; another process's stays.
        await writeSynced(own, textOf([randomBytes(32)]))
        await link(own, path).catch((error: unknown) => {
          if (codeOf(error) !== 'EEXIST') throw error
        })
        await syncFolder(path)
        return E.right(undefined)
      } catch {
        return unusable('unreadable')
      } finally {
        await rm(own, { force: true })
      }
    },

    replace: async keys => {
      const next = `${path}.next`
      try {
        await rm(next, { force: true })
        await writeSynced(next, textOf(keys.map(({ key }) => key.export())))
        await rename(next, path)
        await syncFolder(path)
        return E.right(undefined)
      } catch {
        return unusable('unreadable')
      }
    },
  }
}
