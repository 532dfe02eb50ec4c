import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MessageBodies } from '../../commands/message-bodies.ts'
import type { KeptBody } from '../../domain/message-shapes.ts'
import { left, right } from '../support/either.ts'

/** A store to try, and ways to do to it what happens to one. */
export interface BodiesTarget {
  readonly bodies: MessageBodies
  /** Changes a byte of the last piece of a body; undefined where nothing outlives the process. */
  readonly damage?: (id: string) => Promise<void>
  /** Takes the first piece of a body away, as a removal does that is broken off. */
  readonly loseFirstPiece?: (id: string) => Promise<void>
  /** How many pieces it holds, of whatever body. */
  readonly remains?: () => Promise<number>
  readonly close: () => Promise<void>
}

const [kibibyte, mebibyte] = [1024, 1024 * 1024]
const late = Date.UTC(2100, 0)
const end = Date.UTC(2200, 0)
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

function* inPieces(bytes: Uint8Array, length: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}

/** What every engine of the bodies of messages must do; `open` gives an empty one. */
export const messageBodiesContract = (name: string, open: () => Promise<BodiesTarget>) => {
  describe(`the store of the bodies of messages on ${name}`, () => {
    let target: BodiesTarget
    let bodies: MessageBodies
    beforeAll(async () => {
      target = await open()
      bodies = target.bodies
    })
    afterAll(() => target.close())

    const keep = (bytes: Uint8Array, dueAt = late) => right(bodies.keep('m', [bytes], bytes.length, dueAt))
    const read = async (body: KeptBody): Promise<Buffer | undefined> => {
      const pieces = await right(bodies.read(body))
      return pieces === undefined ? undefined : Buffer.concat(await Array.fromAsync(pieces))
    }
    const due = async (before = end) => (await right(bodies.due(before, 100))).map(({ id }) => id)
    /** What is there of bodies and pieces once all that is due was removed. */
    const swept = async () => {
      for (const id of await due()) await right(bodies.remove(id))
      return { due: await due(), pieces: (await target.remains?.()) ?? 0 }
    }
    const nothing = { due: [], pieces: 0 }

    it.each([
      ['nothing', 0, 1],
      ['a byte', 1, 1],
      ['a whole piece', 256 * kibibyte, 999],
      ['several pieces and a byte', mebibyte + 1, 7_001],
      ['bytes that come one by one', 3 * kibibyte, 1],
    ])('gives back %s as it came', async (_, size, length) => {
      const bytes = randomBytes(size)
      const body = await right(bodies.keep('m', inPieces(bytes, length), size, late))
      expect(body).toEqual({ id: expect.stringMatching(/./), size, sha256: sha256(bytes) })
      expect((await read(body))?.equals(bytes)).toBe(true)
    })

    it('keeps the bytes as they were when it took them, though the sender uses its buffer again', async () => {
      const buffer = Buffer.alloc(1000)
      async function* sent() {
        for (let n = 0; n < 300; n += 1) yield buffer.fill(n % 251)
      }
      const body = await right(bodies.keep('m', sent(), mebibyte, late))
      const expected = Buffer.concat(Array.from({ length: 300 }, (_, n) => Buffer.alloc(1000, n % 251)))
      expect(body.sha256).toBe(sha256(expected))
      expect((await read(body))?.equals(expected)).toBe(true)
    })

    it('keeps the same bytes twice, each to be removed by itself', async () => {
      const [one, other] = [await keep(Buffer.from('same')), await keep(Buffer.from('same'))]
      expect(one.id).not.toBe(other.id)
      await right(bodies.remove(one.id))
      expect(await read(one)).toBeUndefined()
      expect(String(await read(other))).toBe('same')
    })

    it('keeps several at once apart', async () => {
      const all = Array.from({ length: 8 }, (_, n) => randomBytes(n * 100_000))
      const kept = await Promise.all(
        all.map(bytes => right(bodies.keep('m', inPieces(bytes, 30_011), mebibyte, late))),
      )
      for (const [n, body] of kept.entries())
        expect((await read(body))?.equals(all[n] ?? Buffer.of(1)), `${n}`).toBe(true)
    })

    it('takes exactly as many bytes as it may', async () => {
      const bytes = randomBytes(600 * kibibyte)
      expect(await left(bodies.keep('m', inPieces(bytes, 5_000), bytes.length - 1, late))).toEqual({
        _tag: 'ContentTooLarge',
        limit: bytes.length - 1,
      })
      expect(await right(bodies.keep('m', inPieces(bytes, 5_000), bytes.length, late))).toMatchObject({
        size: bytes.length,
      })
    })

    it('takes little more than it may of bytes without an end, and leaves their sender', async () => {
      await swept()
      let [taken, isLeft] = [0, false]
      async function* endless() {
        try {
          for (;;) {
            taken += kibibyte
            yield Buffer.alloc(kibibyte)
          }
        } finally {
          isLeft = true
        }
      }
      await left(bodies.keep('m', endless(), 300 * kibibyte, late))
      expect(taken).toBeLessThanOrEqual(2 * 256 * kibibyte)
      expect(isLeft).toBe(true)
      expect({ due: await due(), pieces: (await target.remains?.()) ?? 0 }).toEqual(nothing)
    })

    it.each([
      ['at once', 0],
      ['in the middle', 600 * kibibyte],
    ])('leaves nothing that is not due later of bytes that break off %s', async (_, after) => {
      await swept()
      async function* broken() {
        yield* inPieces(randomBytes(after), 10_000)
        throw new Error('the sender is gone')
      }
      expect(await left(bodies.keep('m', broken(), mebibyte, 5))).toMatchObject({ _tag: 'ContentCutShort' })
      expect(await swept()).toEqual(nothing)
    })

    it('gives what is due in order, with the message it was kept for, and so many at most', async () => {
      await swept()
      const at = async (message: string, dueAt: number) =>
        (await right(bodies.keep(message, [Buffer.from(message)], 10, dueAt))).id
      const [third, first, second] = [await at('c', 30), await at('a', 10), await at('b', 20)]
      expect(await right(bodies.due(end, 10))).toEqual([
        { id: first, message: 'a' },
        { id: second, message: 'b' },
        { id: third, message: 'c' },
      ])
      expect(await right(bodies.due(end, 2))).toHaveLength(2)
      expect(await due(30)).toEqual([first, second])
      expect(await due(10)).toEqual([])
    })

    it('looks at a body again when it is told to', async () => {
      await swept()
      const { id } = await keep(Buffer.from('later'), 10)
      await right(bodies.postpone(id, late))
      expect(await due(late)).toEqual([])
      expect(await due(late + 1)).toEqual([id])
      await right(bodies.postpone(id, 5))
      expect(await due(6)).toEqual([id])
      await right(bodies.postpone('never-was', 5))
      expect(await due()).toEqual([id])
    })

    it('removes a body with all its pieces, as often as it is told to', async () => {
      await swept()
      const body = await keep(randomBytes(mebibyte), 10)
      await right(bodies.remove(body.id))
      expect(await read(body)).toBeUndefined()
      expect({ due: await due(), pieces: (await target.remains?.()) ?? 0 }).toEqual(nothing)
      await right(bodies.remove(body.id))
      await right(bodies.remove('never-was'))
    })

    it('removes the rest of a body whose removal was broken off', async context => {
      if (target.loseFirstPiece === undefined) return context.skip('nothing outlives the process')
      await swept()
      const { id } = await keep(randomBytes(mebibyte), 10)
      await target.loseFirstPiece(id)
      await right(bodies.remove(id))
      expect({ due: await due(), pieces: await target.remains?.() }).toEqual(nothing)
    })

    it('breaks off before the last byte of what was damaged or lost', async context => {
      const { damage, loseFirstPiece } = target
      if (damage === undefined || loseFirstPiece === undefined)
        return context.skip('nothing outlives the process')
      for (const harm of [damage, loseFirstPiece])
        for (const size of [1, mebibyte + 1]) {
          const body = await keep(randomBytes(size))
          await harm(body.id)
          let given = 0
          const reading = async () => {
            for await (const piece of (await right(bodies.read(body))) ?? []) given += piece.length
          }
          await expect(reading()).rejects.toThrow('not what was kept')
          expect(given).toBeLessThan(size)
        }
    })
  })
}
