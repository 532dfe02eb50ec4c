import { rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import * as E from '#fp/Either'
import { copyHashed, hashOf, makeFolder, namesIn, sizeOf, sync } from './files.ts'
import { type BackedUpFile, listed, type Manifest, readManifest } from './manifest.ts'

export type RestoreStep = 'databases' | 'contents copied'

/** Why nothing was put back. */
export type RestoreRefusal =
  /** There is no manifest: it is no backup, or one that was broken off. */
  | { readonly _tag: 'NoBackup' }
  | { readonly _tag: 'FolderNotEmpty' }
  /** A file of the backup is gone, or is not what the manifest says. */
  | { readonly _tag: 'FileDamaged'; readonly path: string }

/** Where everything is until all of it was verified: a hub that is started on the folder finds none. */
const stagingName = '.restoring'
const masterKeyFile = 'master.key'

/** A backup as it was copied, in a folder of its own within the new one. */
export interface Staged {
  readonly manifest: Manifest
  readonly folder: string
  /** Puts all of it in its place, the log last. */
  readonly settle: () => Promise<void>
  readonly discard: () => Promise<void>
}

/**
 * Copies a backup into a folder that holds nothing but perhaps the master key, and holds each file against the manifest. With `without`
 * contents that are gone or damaged are left out, and named to it.
 */
export const stageBackup = async (
  backup: string,
  dataDir: string,
  report: (step: RestoreStep, count: number) => void,
  without?: (path: string) => void,
): Promise<E.Either<RestoreRefusal, Staged>> => {
  const manifest = await readManifest(backup)
  if (manifest === undefined) return E.left({ _tag: 'NoBackup' })
  if (manifest === 'damaged') return E.left({ _tag: 'FileDamaged', path: 'manifest.json' })
  const others = (await namesIn(dataDir)).filter(name => name !== masterKeyFile && name !== stagingName)
  if (others.length > 0) return E.left({ _tag: 'FolderNotEmpty' })
  const folder = join(dataDir, stagingName)
  await makeFolder(dataDir)
  const discard = () => rm(folder, { recursive: true, force: true })
  await discard()
  await makeFolder(folder)

  const copy = async ({ path, size, sha256 }: BackedUpFile, to: string): Promise<boolean> => {
    if ((await sizeOf(join(backup, path))) !== size) return false
    return (await copyHashed(join(backup, path), to)) === sha256
  }
  const damaged = async (path: string): Promise<E.Either<RestoreRefusal, never>> => {
    await discard()
    return E.left({ _tag: 'FileDamaged', path })
  }

  const { events, auth, relay } = manifest.databases
  let count = 0
  for (const [name, file] of Object.entries({ events, auth, relay })) {
    if (file === undefined) continue
    count += 1
    report('databases', count)
    if (!(await copy(file, join(folder, `${name}.db`)))) return damaged(file.path)
  }
  const list = manifest.contents
  const listPath = join(backup, list.path)
  if ((await sizeOf(listPath)) !== list.size || (await hashOf(listPath)) !== list.sha256)
    return damaged(list.path)
  let contents = 0
  for await (const file of listed(listPath)) {
    contents += 1
    report('contents copied', contents)
    const to = join(folder, file.path)
    if (file.path.startsWith('content/') && (await copy(file, to))) await sync(dirname(to))
    else if (without === undefined) return damaged(file.path)
    else {
      without(file.path)
      await rm(to, { force: true })
    }
  }
  return E.right({
    manifest,
    folder,
    discard,
    settle: async () => {
      for (const name of ['content', 'relay.db', 'auth.db', 'events.db'])
        if ((await sizeOf(join(folder, name))) !== undefined)
          await rename(join(folder, name), join(dataDir, name))
      await sync(dataDir)
      await discard()
    },
  })
}
