import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import * as E from '#fp/Either'
import { ownerOf } from '../content-cipher.ts'
import { forgottenIn, logIn, writeSnapshot } from '../sqlite/snapshot.ts'
import { contentsIn, hashOf, isPart, makeFolder, namesIn, place, sizeOf, sync } from './files.ts'
import {
  type BackedUpFile,
  listed,
  type Manifest,
  manifestFile,
  readManifest,
  writeManifest,
} from './manifest.ts'

export type BackupStep = 'contents' | 'events.db' | 'auth.db' | 'relay.db' | 'contents listed'
export type ReportBackup = (step: BackupStep, count: number) => void

/** Why no backup was taken. What was in the folder is as before. */
export type BackupRefusal =
  | { readonly _tag: 'NothingToBackUp' }
  /** The folder holds what is no backup. */
  | { readonly _tag: 'FolderTaken' }
  | { readonly _tag: 'BackupOfAnotherHub' }

export interface Taken {
  readonly manifest: Manifest
  /** Contents that were not in the folder yet. */
  readonly added: number
}

const setName = /^set-[0-9TZ-]+$/
const ours = (name: string): boolean =>
  setName.test(name) || [manifestFile, `${manifestFile}.part`, 'content'].includes(name)

const described = async (folder: string, path: string): Promise<BackedUpFile> => {
  const file = join(folder, path)
  return { path, size: (await sizeOf(file)) ?? 0, sha256: await hashOf(file) }
}

/** Puts contents into the backup that are not in it; gives how many. */
const addContents = async (from: string, to: string, report: (count: number) => void): Promise<number> => {
  let [looked, added] = [0, 0]
  let open: string | undefined
  for await (const path of contentsIn(from)) {
    const [source, target] = [join(from, path), join(to, path)]
    looked += 1
    report(looked)
    const size = await sizeOf(source)
    if (size === undefined || size === (await sizeOf(target))) continue
    if (open !== undefined && open !== dirname(target)) await sync(open)
    if (!(await place(source, target))) continue
    open = dirname(target)
    added += 1
  }
  if (open !== undefined)
    for (const folder of [open, join(to, 'people'), to]) await sync(folder).catch(() => undefined)
  return added
}

/**
 * Removes the contents of people who were forgotten before the log is copied. Nothing else is removed because it is not in the hub's
 * folder: that may have been lost.
 */
const removeForgotten = async (authFile: string, to: string): Promise<void> => {
  const { secret, accounts } = forgottenIn(authFile)
  if (secret === undefined) return
  for (const account of accounts)
    await rm(join(to, 'people', ownerOf(Buffer.from(secret), account)), { recursive: true, force: true })
}

/** The hashes of a list that was written before, as far as they are of the paths asked for, in the order of both. */
const hashesOf = (list: AsyncGenerator<BackedUpFile> | undefined) => {
  let current: BackedUpFile | undefined
  let isBegun = false
  const next = async () => {
    current = list === undefined ? undefined : (await list.next()).value
  }
  return async (path: string, size: number): Promise<string | undefined> => {
    if (!isBegun) await next()
    isBegun = true
    while (current !== undefined && current.path < path) await next()
    return current?.path === path && current.size === size ? current.sha256 : undefined
  }
}

/**
 * Copies a hub of the embedded engine from its folder into another one, while it runs: the log first, for what it names is there before
 * it names it and stays some time after. The master key is left out. The backup that is in the folder stays one until the new one is.
 * Not two at a time into one folder.
 */
export const takeBackup = async (
  dataDir: string,
  folder: string,
  release: string,
  report: ReportBackup,
): Promise<E.Either<BackupRefusal, Taken>> => {
  if ((await sizeOf(join(dataDir, 'events.db'))) === undefined) return E.left({ _tag: 'NothingToBackUp' })
  const before = await readManifest(folder)
  const names = await namesIn(folder)
  if (before === 'damaged' || !names.every(ours)) return E.left({ _tag: 'FolderTaken' })
  const present = logIn(join(dataDir, 'events.db'))
  if (present === undefined) return E.left({ _tag: 'NothingToBackUp' })
  if (before !== undefined && before.hub !== present.hub) return E.left({ _tag: 'BackupOfAnotherHub' })

  const takenAt = new Date().toISOString()
  const set = `set-${takenAt.replaceAll(/[:.]/g, '-')}`
  await makeFolder(join(folder, set))
  const [contents, kept] = [join(dataDir, 'content'), join(folder, 'content')]
  // Twice: most before the log, so that whoever is forgotten meanwhile is whole in it or not at all, and what has come since after it.
  let added = await addContents(contents, kept, count => report('contents', count))
  const authFile = join(dataDir, 'auth.db')
  if ((await sizeOf(authFile)) !== undefined) await removeForgotten(authFile, kept)
  const databases: Record<string, BackedUpFile> = {}
  for (const [n, name] of (['events', 'auth', 'relay'] as const).entries()) {
    const file = `${name}.db` as const
    report(file, n)
    if ((await sizeOf(join(dataDir, file))) === undefined) continue
    writeSnapshot(join(dataDir, file), join(folder, set, file))
    databases[name] = await described(folder, `${set}/${file}`)
  }
  added += await addContents(contents, kept, count => report('contents', count))

  const list = `${set}/contents.ndjson`
  const hashBefore = hashesOf(before && listed(join(folder, before.contents.path)))
  let [count, bytes] = [0, 0]
  const lines = async function* () {
    for await (const name of contentsIn(kept)) {
      if (isPart(name)) continue
      const path = `content/${name}`
      const size = (await sizeOf(join(folder, path))) ?? 0
      const sha256 = (await hashBefore(path, size)) ?? (await hashOf(join(folder, path)))
      count += 1
      bytes += size
      report('contents listed', count)
      yield `${JSON.stringify({ path, size, sha256 } satisfies BackedUpFile)}\n`
    }
  }
  await pipeline(Readable.from(lines()), createWriteStream(join(folder, list), { mode: 0o600, flush: true }))
  const { events, ...others } = databases
  const copied = events && logIn(join(folder, events.path))
  if (events === undefined || copied === undefined) return E.left({ _tag: 'NothingToBackUp' })
  const manifest: Manifest = {
    format: 1,
    release,
    hub: copied.hub,
    position: String(copied.position),
    takenAt,
    databases: { events, ...others },
    contents: { ...(await described(folder, list)), count, bytes },
  }
  await sync(join(folder, set))
  await sync(folder)
  await writeManifest(folder, manifest)
  for (const name of await namesIn(folder))
    if (setName.test(name) && name !== set) await rm(join(folder, name), { recursive: true, force: true })
  return E.right({ manifest, added })
}
