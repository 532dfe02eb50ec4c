import { createHash, createSecretKey, type KeyObject } from 'node:crypto'
import * as E from '#fp/Either'
import type { SubjectKey, SubjectKeys } from '../auth/subject-keys.ts'
import type {
  ByteRange,
  ContentCutShort,
  ContentDamaged,
  ContentErased,
  ContentName,
  ContentStore,
  ContentTooLarge,
  ContentUnavailable,
} from '../commands/content-store.ts'
import { attempted } from './attempted.ts'
import {
  clearPlaceOf,
  contentEncryption,
  decryptedRange,
  encryptedSize,
  isChanged,
  ownerOf,
  placeOf,
} from './content-cipher.ts'
import type { ContentSource, Incoming, StoredContent } from './stored-content.ts'

const verifiedMilliseconds = 600_000
const mostVerified = 4_096

const attempt = <A>(work: () => Promise<A>): Promise<E.Either<ContentUnavailable, A>> =>
  attempted(work, cause => ({ _tag: 'ContentUnavailable', cause }))

const damaged: ContentDamaged = { _tag: 'ContentDamaged' }

const wholeOf = ({ size }: ContentName): ByteRange => ({ first: 0, last: size - 1 })

/** Writes the bytes as they come; a piece is taken only when the one before it has been written. */
export const takeIn = async (
  bytes: AsyncIterable<Uint8Array>,
  limit: number,
  incoming: Pick<Incoming, 'write'>,
): Promise<E.Either<ContentUnavailable | ContentTooLarge | ContentCutShort, ContentName>> => {
  const pieces = bytes[Symbol.asyncIterator]()
  const hash = createHash('sha256')
  let size = 0
  for (;;) {
    const next = await pieces.next().then(
      piece => E.right(piece),
      (cause: unknown) => E.left<ContentCutShort>({ _tag: 'ContentCutShort', cause }),
    )
    if (E.isLeft(next)) return next
    if (next.right.done === true) return E.right({ size, sha256: hash.digest('hex') })
    const piece = next.right.value
    size += piece.length
    hash.update(piece)
    const written =
      size > limit
        ? E.left<ContentTooLarge>({ _tag: 'ContentTooLarge', limit })
        : await attempt(() => incoming.write(piece))
    if (E.isRight(written)) continue
    await pieces.return?.()
    return written
  }
}

/** What is written to an upload, encrypted; `end` writes what is left. */
const encryptedInto = ({ write }: Pick<Incoming, 'write'>, key: KeyObject) => {
  const encryption = contentEncryption(key)
  const writeAll = async (frames: readonly Buffer[]) => {
    for (const frame of frames) await write(frame)
  }
  return {
    begin: () => write(encryption.head),
    write: (chunk: Uint8Array) => writeAll(encryption.add(chunk)),
    end: () => writeAll(encryption.end()),
  }
}

/** The bytes, the last piece of them only when all of them have the hash they should have. */
export async function* checked(bytes: AsyncIterable<Uint8Array>, sha256: string): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  let held: Uint8Array | undefined
  for await (const piece of bytes) {
    hash.update(piece)
    if (held !== undefined) yield held
    held = piece
  }
  if (hash.digest('hex') !== sha256) throw new Error('a content is not what was kept')
  if (held !== undefined) yield held
}

/** The things whose bytes were read and found right, and when; the latest of them. */
const makeVerified = () => {
  const times = new Map<string, number>()
  return {
    has: (identity: string): boolean => times.has(identity),
    isFresh: (identity: string): boolean => Date.now() - (times.get(identity) ?? 0) < verifiedMilliseconds,
    add: (identity: string): void => {
      times.delete(identity)
      const oldest = times.keys().next().value
      if (times.size >= mostVerified && oldest !== undefined) times.delete(oldest)
      times.set(identity, Date.now())
    },
  }
}

/** What is kept of a content, in clear as it is read. */
interface ClearSource extends Pick<ContentSource, 'identity'> {
  readonly read: (range: ByteRange) => AsyncIterable<Uint8Array>
}

/** Contents are encrypted under the key of their person, or one of the hub. */
export type ContentKeys = Pick<SubjectKeys, 'find' | 'findOrMake' | 'hubSecret'>

const erased: ContentErased = { _tag: 'ContentErased' }

/**
 * The port of commands on an engine: names contents by their hash, encrypts them, and finds out what was damaged or exchanged.
 * The bytes are read whole before the first of them is given; then the engine's word that it is the same thing counts for ten
 * minutes. A whole read is checked again as it goes.
 */
export const contentStore = (stored: StoredContent, keys: ContentKeys): ContentStore => {
  const verified = makeVerified()
  /** Readings under way: who asks for the same waits for the same. */
  const reading = new Map<string, Promise<boolean>>()

  const secretOf = async (): Promise<Buffer> => {
    const secret = await keys.hubSecret()
    if (E.isLeft(secret)) throw secret.left.cause
    return secret.right
  }

  /** The key for contents of a person, or of nobody. Undefined where there never was one. */
  const keyOf = async (
    subject: string | undefined,
    look: ContentKeys['find'],
  ): Promise<SubjectKey | undefined> => {
    if (subject === undefined) return createSecretKey(await secretOf())
    const found = await look([subject])
    if (E.isLeft(found)) throw found.left.cause
    return found.right.get(subject)
  }

  const find = async (content: ContentName): Promise<ClearSource | ContentErased | undefined> => {
    const key = await keyOf(content.subject, keys.find)
    if (key === 'destroyed') return erased
    const secret = await secretOf()
    const source = key && (await stored.find(placeOf(secret, content)))
    if (key !== undefined && source !== undefined) {
      if (source.size !== encryptedSize(content.size)) return undefined
      const read = (range: ByteRange) => decryptedRange(key, content.size, range, source.read)
      return { identity: source.identity, read }
    }
    const clear = await stored.find(clearPlaceOf(content))
    return clear?.size === content.size ? clear : undefined
  }

  const isRight = async (source: ClearSource, content: ContentName): Promise<boolean> => {
    const hash = createHash('sha256')
    try {
      for await (const piece of source.read(wholeOf(content))) hash.update(piece)
    } catch (error) {
      if (isChanged(error)) return false
      throw error
    }
    return hash.digest('hex') === content.sha256
  }

  const readOnce = (source: ClearSource, content: ContentName): Promise<boolean> => {
    const { identity } = source
    const begun = reading.get(identity)
    if (begun !== undefined) return begun
    const reads = isRight(source, content).finally(() => reading.delete(identity))
    reading.set(identity, reads)
    return reads
  }

  return {
    receive: async (bytes, limit, work, subject) => {
      const key = await attempt(() => keyOf(subject, keys.findOrMake))
      if (E.isLeft(key)) return key
      if (key.right === 'destroyed') return E.left(erased)
      const contentKey = key.right
      if (contentKey === undefined)
        return E.left({ _tag: 'ContentUnavailable', cause: new Error('a person has no key') })
      const begun = await attempt(() => stored.begin())
      if (E.isLeft(begun)) return begun
      const incoming = begun.right
      try {
        const encrypting = encryptedInto(incoming, contentKey)
        const started = await attempt(() => encrypting.begin())
        if (E.isLeft(started)) return started
        const taken = await takeIn(bytes, limit, encrypting)
        if (E.isLeft(taken)) return taken
        const ended = await attempt(() => encrypting.end())
        if (E.isLeft(ended)) return ended
        const content = taken.right
        let isKept = false
        const keep = () =>
          attempt(async () => {
            const named = subject === undefined ? content : { ...content, subject }
            if (!isKept) await incoming.keep(placeOf(await secretOf(), named))
            isKept = true
          })
        return await work({ ...content, keep })
      } finally {
        // What cannot be removed now is swept later.
        await incoming.discard().catch(() => undefined)
      }
    },

    verify: async content => {
      const source = await attempt(() => find(content))
      if (E.isLeft(source)) return source
      const thing = source.right
      if (thing === undefined) return E.left(damaged)
      if ('_tag' in thing) return E.left(thing)
      if (verified.isFresh(thing.identity)) return E.right(undefined)
      const right = await attempt(() => readOnce(thing, content))
      if (E.isLeft(right)) return right
      if (!right.right) return E.left(damaged)
      verified.add(thing.identity)
      return E.right(undefined)
    },

    read: async function* (content, range) {
      const source = await find(content)
      if (source === undefined || '_tag' in source || !verified.has(source.identity))
        throw new Error('a content is no longer what was verified')
      yield* range === undefined ? checked(source.read(wholeOf(content)), content.sha256) : source.read(range)
    },

    removeAllOf: subject => attempt(async () => stored.removeAllOf(ownerOf(await secretOf(), subject))),
    isEmpty: () => attempt(() => stored.isEmpty()),
    sweep: () => attempt(() => stored.sweep()),
  }
}
