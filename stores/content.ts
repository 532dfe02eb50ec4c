import { createHash } from 'node:crypto'
import * as E from '#fp/Either'
import type {
  ByteRange,
  ContentCutShort,
  ContentDamaged,
  ContentName,
  ContentStore,
  ContentTooLarge,
  ContentUnavailable,
} from '../commands/content-store.ts'
import { attempted } from './attempted.ts'
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

/**
 * The port of commands on an engine: names contents by their hash, and finds out what was damaged or exchanged. The bytes
 * are read whole before the first of them is given; then the engine's word that it is the same thing counts for ten
 * minutes. A whole read is checked again as it goes.
 */
export const contentStore = (stored: StoredContent): ContentStore => {
  const verified = makeVerified()
  /** Readings under way: who asks for the same waits for the same. */
  const reading = new Map<string, Promise<boolean>>()

  const isRight = async (source: ContentSource, content: ContentName): Promise<boolean> => {
    const hash = createHash('sha256')
    for await (const piece of source.read(wholeOf(content))) hash.update(piece)
    return hash.digest('hex') === content.sha256
  }

  const readOnce = (source: ContentSource, content: ContentName): Promise<boolean> => {
    const { identity } = source
    const begun = reading.get(identity)
    if (begun !== undefined) return begun
    const reads = isRight(source, content).finally(() => reading.delete(identity))
    reading.set(identity, reads)
    return reads
  }

  return {
    receive: async (bytes, limit, work) => {
      const begun = await attempt(() => stored.begin())
      if (E.isLeft(begun)) return begun
      const incoming = begun.right
      try {
        const taken = await takeIn(bytes, limit, incoming)
        if (E.isLeft(taken)) return taken
        const content = taken.right
        let isKept = false
        const keep = () =>
          attempt(async () => {
            if (!isKept) await incoming.keep(content.sha256)
            isKept = true
          })
        return await work({ ...content, keep })
      } finally {
        // What cannot be removed now is swept later.
        await incoming.discard().catch(() => undefined)
      }
    },

    verify: async content => {
      const source = await attempt(() => stored.find(content.sha256))
      if (E.isLeft(source)) return source
      const thing = source.right
      if (thing === undefined || thing.size !== content.size) return E.left(damaged)
      if (verified.isFresh(thing.identity)) return E.right(undefined)
      const right = await attempt(() => readOnce(thing, content))
      if (E.isLeft(right)) return right
      if (!right.right) return E.left(damaged)
      verified.add(thing.identity)
      return E.right(undefined)
    },

    read: async function* (content, range) {
      const source = await stored.find(content.sha256)
      if (source === undefined || source.size !== content.size || !verified.has(source.identity))
        throw new Error('a content is no longer what was verified')
      yield* range === undefined ? checked(source.read(wholeOf(content)), content.sha256) : source.read(range)
    },

    isEmpty: () => attempt(() => stored.isEmpty()),
    sweep: () => attempt(() => stored.sweep()),
  }
}
