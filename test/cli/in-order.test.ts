import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inOrder, type Work } from '../../cli/in-order.ts'

const bounds = { most: 4, mostBytes: 10 }

/** Pieces of work that end when the test says so. */
const makeBench = (kinds: readonly Partial<Omit<Work<number>, 'run'>>[]) => {
  const begun: number[] = []
  const ends = new Map<number, () => void>()
  let pulled = 0
  async function* works(): AsyncGenerator<Work<number>> {
    for (const [n, kind] of kinds.entries()) {
      pulled += 1
      yield {
        looksAt: [],
        bytes: 1,
        ...kind,
        run: () =>
          new Promise(resolve => {
            begun.push(n)
            ends.set(n, () => resolve(n))
          }),
      }
    }
  }
  const given: number[] = []
  const done = (async () => {
    for await (const n of inOrder(works(), bounds)) given.push(n)
  })()
  return {
    begun,
    given,
    done,
    pulled: () => pulled,
    end: async (...which: readonly number[]) => {
      for (const n of which) ends.get(n)?.()
      await turn()
    },
  }
}

describe('work in order', () => {
  it('is done at the same time, and given in its order', async () => {
    const bench = makeBench([{}, {}, {}])
    await turn()
    expect(bench.begun).toEqual([0, 1, 2])
    await bench.end(2, 1)
    expect(bench.given).toEqual([])
    await bench.end(0)
    expect(bench.given).toEqual([0, 1, 2])
  })

  it('is never more than so much, however much there is: no more is taken either', async () => {
    const bench = makeBench(Array.from({ length: 1_000 }, () => ({})))
    for (let n = 0; n < 1_000; n += 1) {
      await turn()
      expect(bench.begun.length - n).toBe(Math.min(4, 1_000 - n))
      expect(bench.pulled() - n).toBeLessThanOrEqual(5)
      await bench.end(n)
    }
    await bench.done
  })

  it('never holds more than so much, unless one piece alone is', async () => {
    const bench = makeBench([{ bytes: 6 }, { bytes: 4 }, { bytes: 11 }, { bytes: 1 }])
    await turn()
    expect(bench.begun).toEqual([0, 1])
    await bench.end(0)
    expect(bench.begun).toEqual([0, 1])
    await bench.end(1)
    expect(bench.begun).toEqual([0, 1, 2])
    await bench.end(2)
    expect(bench.begun).toEqual([0, 1, 2, 3])
  })

  it('waits for what changes what it looks at, and for what looks at what it changes', async () => {
    const bench = makeBench([{ changes: 'person' }, { looksAt: ['person'] }, { changes: 'person' }])
    await turn()
    expect(bench.begun).toEqual([0])
    await bench.end(0)
    expect(bench.begun).toEqual([0, 1])
    await bench.end(1)
    expect(bench.begun).toEqual([0, 1, 2])
    await bench.end(2)
    await bench.done
  })

  it('looks at one thing at the same time', async () => {
    const bench = makeBench([{ looksAt: ['hospital'] }, { looksAt: ['hospital'] }, { looksAt: ['hospital'] }])
    await turn()
    expect(bench.begun).toEqual([0, 1, 2])
    await bench.end(0, 1, 2)
    await bench.done
  })

  it('sees and leaves what it would, were it done one after the other', async () => {
    const name = fc.constantFrom('a', 'b', 'c')
    const piece = fc.record({
      changes: fc.option(name, { nil: undefined }),
      looksAt: fc.array(name, { maxLength: 2 }),
      turns: fc.integer({ min: 0, max: 5 }),
    })
    type Piece = typeof piece extends fc.Arbitrary<infer A> ? A : never
    const run = async (pieces: readonly Piece[], most: number) => {
      const state = new Map<string, number>()
      async function* works(): AsyncGenerator<Work<string>> {
        for (const [n, { changes, looksAt, turns }] of pieces.entries())
          yield {
            ...(changes === undefined ? {} : { changes }),
            looksAt,
            bytes: 0,
            run: async () => {
              for (let i = 0; i < turns; i += 1) await turn()
              const seen = [...looksAt, ...(changes ?? '')].map(at => state.get(at))
              for (let i = 0; i < turns; i += 1) await turn()
              if (changes !== undefined) state.set(changes, n)
              return JSON.stringify(seen)
            },
          }
      }
      const results: string[] = []
      for await (const result of inOrder(works(), { most, mostBytes: 1 })) results.push(result)
      return { results, state: Object.fromEntries([...state].sort()) }
    }
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async pieces => {
        expect(await run(pieces, 5)).toEqual(await run(pieces, 1))
      }),
      { numRuns: 50 },
    )
  })

  it('begins no more once nobody wants it, and is waited for', async () => {
    const begun: number[] = []
    const ended: number[] = []
    async function* works(): AsyncGenerator<Work<number>> {
      for (let n = 0; n < 10; n += 1)
        yield {
          changes: n === 2 ? 'slow' : `${n}`,
          looksAt: n === 3 ? ['slow'] : [],
          bytes: 1,
          run: async () => {
            begun.push(n)
            for (let i = 0; i < 10 * n; i += 1) await turn()
            ended.push(n)
            return n
          },
        }
    }
    for await (const n of inOrder(works(), bounds)) if (n === 1) break
    expect(begun).not.toContain(3)
    expect(begun).toContain(2)
    expect(ended).toEqual(begun)
  })

  it('that fails is a failure of all', async () => {
    async function* works(): AsyncGenerator<Work<number>> {
      yield { looksAt: [], bytes: 1, run: () => Promise.reject(new Error('a bug')) }
      yield { looksAt: [], bytes: 1, run: () => Promise.reject(new Error('another')) }
    }
    await expect(inOrder(works(), bounds).next()).rejects.toThrow('a bug')
  })
})
