import { type FileHandle, open, readFile, stat, writeFile } from 'node:fs/promises'
import * as E from '#fp/Either'
import type { LineFormat } from './formats.ts'
import { type Output, type WriteFailure, writeFailureOf } from './output.ts'

/** What a file was begun with; the same again goes on with it. */
export type Description = Readonly<Record<string, string | null>>

const lookBackBytes = 64 * 1024
const lineFeed = 0x0a

/** Beside the file: what it was begun with, for its lines cannot tell which events were left out. */
export const descriptionFile = (file: string): string => `${file}.replay`

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason'

const parsed = (text: string): Description | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Description) : undefined
  } catch {
    return undefined
  }
}

/** The options in which two descriptions differ, as they are written. */
const differences = (before: Description, now: Description): string => {
  const shown = (value: string | null | undefined) => value ?? 'none'
  return [...new Set([...Object.keys(before), ...Object.keys(now)])]
    .filter(name => (before[name] ?? null) !== (now[name] ?? null))
    .map(name => `${name} was ${shown(before[name])} and is ${shown(now[name])} now`)
    .join('; ')
}

/** The offset after the last line feed before `end`; 0 where there is none. */
const lineStartBefore = async (file: FileHandle, end: number): Promise<number> => {
  for (let until = end; until > 0; ) {
    const from = Math.max(0, until - lookBackBytes)
    const { buffer } = await file.read(Buffer.alloc(until - from), 0, until - from, from)
    const at = buffer.lastIndexOf(lineFeed)
    if (at >= 0) return from + at + 1
    until = from
  }
  return 0
}

const textBetween = async (file: FileHandle, from: number, until: number): Promise<string> =>
  (await file.read(Buffer.alloc(until - from), 0, until - from, from)).buffer.toString('utf8')

interface Place {
  /** Bytes of whole lines. */
  readonly end: number
  readonly last: string | undefined
}

/** Where a file that was begun before ends with a whole line; undefined where it is no such file. */
const placeIn = async (file: FileHandle, format: LineFormat, size: number): Promise<Place | undefined> => {
  const end = await lineStartBefore(file, size)
  const head = Buffer.byteLength(format.head)
  if (end < head || end === 0) {
    const begun = await textBetween(file, 0, Math.min(size, head))
    return head === 0 || format.head.startsWith(begun) ? { end: 0, last: undefined } : undefined
  }
  if ((await textBetween(file, 0, head)) !== format.head) return undefined
  if (end === head) return { end, last: undefined }
  const line = await textBetween(file, await lineStartBefore(file, end - 1), end)
  const last = format.positionIn(line.trimEnd())
  return last === undefined ? undefined : { end, last }
}

const outputAt = (file: FileHandle, format: LineFormat, { end: begun, last }: Place): Output => {
  let end = begun
  const attempt = async (work: () => Promise<void>): Promise<E.Either<WriteFailure, void>> => {
    try {
      await work()
      return E.right(undefined)
    } catch (error) {
      return E.left(writeFailureOf(error))
    }
  }
  const append = async (text: string): Promise<void> => {
    const bytes = Buffer.from(text)
    for (let written = 0; written < bytes.length; )
      written += (await file.write(bytes, written, bytes.length - written, end + written)).bytesWritten
    end += bytes.length
  }
  return {
    last,
    write: events => attempt(() => append((end === 0 ? format.head : '') + format.textOf(events))),
    leave: () => file.close(),
    close: async () => {
      const closed = await attempt(async () => {
        // A full disk may have taken some of the lines that come after these.
        await file.truncate(end)
        if (end === 0) await append(format.head)
        await file.sync()
      })
      await file.close().catch(() => undefined)
      return closed
    },
  }
}

/**
 * Opens a file for a history, or goes on with one behind its last whole line. Gives a sentence where it is another file than
 * one that was begun with the same description; nothing of it is changed then.
 */
export const openFile = async (
  path: string,
  format: LineFormat,
  description: Description,
): Promise<E.Either<string, Output>> => {
  const facts = await stat(path).catch(() => undefined)
  if (facts !== undefined && !facts.isFile()) return E.left(`${path} is no file: name one with --out.`)
  const isBegun = facts !== undefined && facts.size > 0
  try {
    if (!isBegun) {
      await writeFile(descriptionFile(path), `${JSON.stringify(description)}\n`, { mode: 0o600 })
      return E.right(outputAt(await open(path, 'w', 0o600), format, { end: 0, last: undefined }))
    }
    const before = parsed(await readFile(descriptionFile(path), 'utf8').catch(() => ''))
    if (before === undefined)
      return E.left(
        `${path} is there already, and ${descriptionFile(path)}, which says how replay began it, is not: name a new file with --out.`,
      )
    const changes = differences(before, description)
    if (changes !== '')
      return E.left(`${path} was begun with other options (${changes}): name a new file with --out.`)
    const file = await open(path, 'r+')
    const place = await placeIn(file, format, facts.size)
    if (place !== undefined) return E.right(outputAt(file, format, place))
    await file.close()
    return E.left(`The last line of ${path} is none of replay’s: name a new file with --out.`)
  } catch (error) {
    return E.left(`${path} cannot be written: ${codeOf(error)}.`)
  }
}
