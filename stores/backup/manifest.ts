import { createReadStream } from 'node:fs'
import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { sizeOf, sync } from './files.ts'

const fileShape = z.object({
  path: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/),
  size: z.int(),
  sha256: z.string(),
})

/** A file of a backup: its path in it, its bytes, and SHA-256 (hex) of them. */
export type BackedUpFile = z.infer<typeof fileShape>

const manifestShape = z.object({
  format: z.literal(1),
  /** The release that took it. */
  release: z.string(),
  hub: z.string(),
  /** Of the last event of the log in it. */
  position: z.string().regex(/^\d+$/),
  /** ISO 8601; the log is as it was then. */
  takenAt: z.string(),
  databases: z.object({ events: fileShape, auth: fileShape.optional(), relay: fileShape.optional() }),
  /** A file with a line of JSON for each content. */
  contents: fileShape.extend({ count: z.int(), bytes: z.int() }),
})

/** What makes a backup of a folder: written last, so that one broken off is none. */
export type Manifest = z.infer<typeof manifestShape>

export const manifestFile = 'manifest.json'

/** The manifest of a backup; undefined where there is none, `damaged` where it is no manifest. */
export const readManifest = async (folder: string): Promise<Manifest | 'damaged' | undefined> => {
  const path = join(folder, manifestFile)
  if ((await sizeOf(path)) === undefined) return undefined
  try {
    return manifestShape.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch {
    return 'damaged'
  }
}

/** Puts the manifest in its place in one step: the backup before it is one until then. */
export const writeManifest = async (folder: string, manifest: Manifest): Promise<void> => {
  const next = join(folder, `${manifestFile}.part`)
  const handle = await open(next, 'w', 0o600)
  try {
    await handle.writeFile(`${JSON.stringify(manifest, undefined, 2)}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(next, join(folder, manifestFile))
  await sync(folder)
}

/** The lines of a list of contents, one by one. Throws where one is none. */
export async function* listed(path: string): AsyncGenerator<BackedUpFile> {
  for await (const line of createInterface({
    input: createReadStream(path),
    crlfDelay: Number.POSITIVE_INFINITY,
  }))
    yield fileShape.parse(JSON.parse(line))
}
