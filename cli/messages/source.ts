import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import * as E from '#fp/Either'
import { errorSummary } from '../../api/http/error-summary.ts'

const jsonType = 'application/json'
const otherType = 'application/octet-stream'

/** A file that stays as it is while it is sent, perhaps more than once. */
export interface Source {
  readonly file: string
  readonly size: number
  readonly type: string
  /** Takes away what was made for it. */
  readonly remove: () => Promise<void>
}

const isJsonType = (type: string): boolean => /^application\/(?:.+\+)?json(?:[\t ]*;|$)/i.test(type.trim())

const isJson = ({ type }: Source): boolean => isJsonType(type)

/** What cannot be read twice goes into a file first. */
const copied = async (bytes: NodeJS.ReadableStream): Promise<Pick<Source, 'file' | 'remove'>> => {
  const folder = await mkdtemp(join(tmpdir(), 'thalamus-send-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  const file = join(folder, 'content')
  try {
    await pipeline(bytes, createWriteStream(file, { mode: 0o600 }))
    return { file, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/** Opens what is to be sent, of the type that was named or that its name says. Gives a sentence where it cannot be read. */
export const openSource = async (
  name: string,
  contentType: string | undefined,
): Promise<E.Either<string, Source>> => {
  const type = contentType ?? (name.toLowerCase().endsWith('.json') ? jsonType : otherType)
  try {
    const isFile = name !== '-' && (await stat(name)).isFile()
    const source = isFile
      ? { file: name, remove: async () => {} }
      : await copied(name === '-' ? process.stdin : createReadStream(name))
    const { size } = await stat(source.file)
    return E.right({ ...source, size, type })
  } catch (error) {
    return E.left(`--file: ${name} cannot be read (${String(errorSummary(error).code ?? 'unknown reason')})`)
  }
}

/**
 * Its text, where it is JSON of at most so many bytes; undefined where it is sent as bytes. Gives a sentence where it
 * is none though its type says so.
 */
export const jsonTextIn = async (
  source: Source,
  most: number,
): Promise<E.Either<string, string | undefined>> => {
  if (!isJson(source) || source.size > most) return E.right(undefined)
  const bytes = await readFile(source.file)
  const text = bytes.toString('utf8')
  try {
    if (!isUtf8(bytes)) throw new Error('it is not UTF-8')
    JSON.parse(text)
    return E.right(text)
  } catch {
    return E.left(
      `--file: is no JSON in UTF-8; with --content-type ${otherType} it is sent as it is, whatever it holds`,
    )
  }
}

/** The `Content-Digest` of it (RFC 9530). */
export const digestOf = async ({ file }: Source): Promise<string> => {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return `sha-256=:${hash.digest('base64')}:`
}
