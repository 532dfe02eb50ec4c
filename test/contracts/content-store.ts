import { createHash, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import * as E from '#fp/Either'
import type { ByteRange, ContentName, ContentStore } from '../../commands/content-store.ts'
import { left, right } from '../support/either.ts'
import { keepIt } from '../support/keep-content.ts'

/** A store to try, and ways to do to it what happens to one. */
export interface ContentTarget {
  readonly store: ContentStore
  /** Changes a byte of what is kept under this hash. */
  readonly damage: (sha256: string) => Promise<void>
  /** Takes a piece out of the middle, or the end off, of what is kept under this hash. */
  readonly losePiece: (sha256: string) => Promise<void>
  readonly lose: (sha256: string) => Promise<void>
  /** How many pieces of uploads that were not kept are left. */
  readonly remains: () => Promise<number>
  readonly close: () => Promise<void>
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

async function* inPieces(bytes: Uint8Array, length = 70_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}

const read = async (store: ContentStore, content: ContentName, range?: ByteRange): Promise<Buffer> => {
  const pieces: Uint8Array[] = []
  for await (const piece of store.read(content, range)) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** What every engine of contents must do; `open` gives an empty one. */
export const contentStoreContract = (name: string, open: () => Promise<ContentTarget>) => {
  describe(`the store of contents on ${name}`, () => {
    let target: ContentTarget
    let store: ContentStore
    beforeAll(async () => {
      target = await open()
      store = target.store
    })
    afterAll(() => target.close())

    const keep = (bytes: Uint8Array) => right(store.receive(inPieces(bytes), bytes.length, keepIt))

    it('knows whether it holds any content', async () => {
      const empty = await open()
      expect(await right(empty.store.isEmpty())).toBe(true)
      await right(empty.store.receive(inPieces(randomBytes(9)), 9, async () => E.right(undefined)))
      expect(await right(empty.store.isEmpty())).toBe(true)
      await right(empty.store.receive(inPieces(randomBytes(9)), 9, keepIt))
      expect(await right(empty.store.isEmpty())).toBe(false)
      await empty.close()
    })

    it.each([0, 1, 65_536, 261_120, 1_000_000])('gives back %i bytes as they came', async size => {
      const bytes = randomBytes(size)
      const content = await keep(bytes)
      expect(content).toEqual({ size, sha256: sha256(bytes) })
      await right(store.verify(content))
      expect((await read(store, content)).equals(bytes)).toBe(true)
      expect(await target.remains()).toBe(0)
    })

    it('gives any range of the bytes', async () => {
      const bytes = randomBytes(600_000)
      const content = await keep(bytes)
      await right(store.verify(content))
      const place = fc.nat(bytes.length - 1)
      await fc.assert(
        fc.asyncProperty(place, place, async (one, other) => {
          const range = { first: Math.min(one, other), last: Math.max(one, other) }
          const part = await read(store, content, range)
          expect(part.equals(bytes.subarray(range.first, range.last + 1))).toBe(true)
        }),
        { numRuns: 30 },
      )
    })

    it('keeps the same bytes once, also when they come twice at a time', async () => {
      const bytes = randomBytes(300_000)
      const contents = await Promise.all([keep(bytes), keep(bytes), keep(bytes)])
      contents.push(await keep(bytes))
      for (const content of contents) {
        expect(content).toEqual(contents[0])
        await right(store.verify(content))
        expect((await read(store, content)).equals(bytes)).toBe(true)
      }
    })

    describe('of a person', () => {
      const keepOf = async (subject: string, bytes: Uint8Array): Promise<ContentName> => ({
        ...(await right(store.receive(inPieces(bytes), bytes.length, keepIt, subject))),
        subject,
      })

      it('is given as it came, whole and in ranges, and not as somebody else’s', async () => {
        const bytes = randomBytes(200_000)
        const content = await keepOf('A', bytes)
        await right(store.verify(content))
        expect((await read(store, content)).equals(bytes)).toBe(true)
        const range = { first: 65_530, last: 131_080 }
        expect((await read(store, content, range)).equals(bytes.subarray(range.first, range.last + 1))).toBe(
          true,
        )
        expect(await left(store.verify({ ...content, subject: 'B' }))).toEqual({ _tag: 'ContentDamaged' })
      })

      it('is removed with all of theirs, as often as it is said; others keep the same bytes', async () => {
        const bytes = randomBytes(1000)
        const [ofA, second, ofB] = [
          await keepOf('A', bytes),
          await keepOf('A', randomBytes(10)),
          await keepOf('B', bytes),
        ]
        await right(store.removeAllOf('A'))
        await right(store.removeAllOf('A'))
        await right(store.removeAllOf('NOBODY'))
        for (const content of [ofA, second])
          expect(await left(store.verify(content))).toEqual({ _tag: 'ContentDamaged' })
        await right(store.verify(ofB))
        expect(await target.remains()).toBe(0)
      })
    })

    it('goes on giving the bytes to a reader when they are kept again', async () => {
      const bytes = randomBytes(1_500_000)
      const content = await keep(bytes)
      await right(store.verify(content))
      const pieces = store.read(content)[Symbol.asyncIterator]()
      const first = await pieces.next()
      await keep(bytes)
      const rest = [first.value as Uint8Array]
      for (let next = await pieces.next(); next.done !== true; next = await pieces.next())
        rest.push(next.value)
      expect(Buffer.concat(rest).equals(bytes)).toBe(true)
    })

    it('takes a piece only when the one before it has been written', async () => {
      const piece = randomBytes(50_000)
      let pieces = 0
      async function* endless() {
        for (;;) {
          pieces += 1
          yield piece
        }
      }
      const limit = 20 * piece.length
      const refused = await left(store.receive(endless(), limit, keepIt))
      expect(refused).toEqual({ _tag: 'ContentTooLarge', limit })
      expect(pieces).toBe(21)
      expect(await target.remains()).toBe(0)
    })

    it('takes exactly as many bytes as it may', async () => {
      const bytes = randomBytes(100_000)
      expect(await left(store.receive(inPieces(bytes), 99_999, keepIt))).toMatchObject({ limit: 99_999 })
      expect(await right(store.receive(inPieces(bytes), 100_000, keepIt))).toMatchObject({ size: 100_000 })
    })

    it('leaves nothing of bytes that were cut short, were not kept, or met a failure', async () => {
      const bytes = randomBytes(400_000)
      const content = { size: bytes.length, sha256: sha256(bytes) }
      async function* broken() {
        yield* inPieces(bytes)
        throw new Error('the client is gone')
      }
      expect(await left(store.receive(broken(), 1e6, keepIt))).toMatchObject({ _tag: 'ContentCutShort' })
      await right(store.receive(inPieces(bytes), 1e6, async () => E.right('not kept')))
      expect(await left(store.receive(inPieces(bytes), 1e6, async () => E.left({ _tag: 'No' })))).toEqual({
        _tag: 'No',
      })
      const bug = store.receive(inPieces(bytes), 1e6, () => Promise.reject(new Error('a bug')))
      await expect(bug).rejects.toThrow('a bug')
      expect(await target.remains()).toBe(0)
      expect(await left(store.verify(content))).toEqual({ _tag: 'ContentDamaged' })
    })

    it('does not find what was never kept, nor another size', async () => {
      const bytes = randomBytes(1000)
      const content = await keep(bytes)
      const damaged = { _tag: 'ContentDamaged' }
      expect(await left(store.verify({ ...content, size: 999 }))).toEqual(damaged)
      expect(await left(store.verify({ size: 1000, sha256: sha256(Buffer.from('other')) }))).toEqual(damaged)
      await expect(read(store, { ...content, size: 999 })).rejects.toThrow()
    })

    it('never gives what it has not verified', async () => {
      const content = await keep(randomBytes(1000))
      await expect(read(store, content)).rejects.toThrow()
    })

    it('finds damage before the first byte, and takes the right bytes in its place', async () => {
      const bytes = randomBytes(500_000)
      const content = await keep(bytes)
      await target.damage(content.sha256)
      expect(await left(store.verify(content))).toEqual({ _tag: 'ContentDamaged' })
      expect(await left(store.verify(content))).toEqual({ _tag: 'ContentDamaged' })
      await keep(bytes)
      await right(store.verify(content))
      expect((await read(store, content)).equals(bytes)).toBe(true)
    })

    it('finds that a piece is missing, and takes the whole in its place', async () => {
      const bytes = randomBytes(1_000_000)
      const content = await keep(bytes)
      await target.losePiece(content.sha256)
      expect(await left(store.verify(content))).toEqual({ _tag: 'ContentDamaged' })
      await keep(bytes)
      await right(store.verify(content))
      expect((await read(store, content)).equals(bytes)).toBe(true)
    })

    it('breaks off before the last byte of what was damaged after it was verified', async () => {
      const bytes = randomBytes(500_000)
      const content = await keep(bytes)
      await right(store.verify(content))
      await target.damage(content.sha256)
      let given = 0
      const reading = async () => {
        for await (const piece of store.read(content)) given += piece.length
      }
      await expect(reading()).rejects.toThrow()
      expect(given).toBeLessThan(bytes.length)
    })

    it('looks again after ten minutes', async () => {
      const content = await keep(randomBytes(500_000))
      await right(store.verify(content))
      await target.damage(content.sha256)
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 600_001 })
      try {
        expect(await left(store.verify(content))).toEqual({ _tag: 'ContentDamaged' })
      } finally {
        vi.useRealTimers()
      }
    })

    it('finds that what it kept is gone', async () => {
      const content = await keep(randomBytes(500_000))
      await right(store.verify(content))
      await target.lose(content.sha256)
      expect(E.isLeft(await store.verify(content))).toBe(true)
      await expect(read(store, content)).rejects.toThrow()
    })

    it('sweeps what is an hour old and was neither kept nor given up', async () => {
      const kept = await keep(randomBytes(1000))
      const bytes = randomBytes(500_000)
      let swept: [number, number] | undefined
      await right(
        store.receive(inPieces(bytes), 1e6, async received => {
          await right(store.sweep())
          const young = await target.remains()
          vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_001 })
          await right(store.sweep()).finally(() => vi.useRealTimers())
          swept = [young, await target.remains()]
          expect(await left(received.keep())).toMatchObject({ _tag: 'ContentUnavailable' })
          return E.right(undefined)
        }),
      )
      expect(swept?.[0]).toBeGreaterThan(0)
      expect(swept?.[1]).toBe(0)
      await right(store.verify(kept))
      const neverKept = { size: bytes.length, sha256: sha256(bytes) }
      expect(await left(store.verify(neverKept))).toEqual({ _tag: 'ContentDamaged' })
    })
  })
}
