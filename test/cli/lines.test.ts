import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { linesOf } from '../../cli/lines.ts'

async function* chunksOf(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const read = async (text: string, size = 7, most = 100) => {
  const lines: [number, string | undefined, number][] = []
  for await (const { number, bytes, end } of linesOf(chunksOf(Buffer.from(text), size), most))
    lines.push([number, bytes?.toString(), end])
  return lines
}

describe('the lines of a file', () => {
  it.each([
    ['', []],
    ['a', [[1, 'a', 1]]],
    ['a\n', [[1, 'a', 2]]],
    [
      'a\r\nb',
      [
        [1, 'a', 3],
        [2, 'b', 4],
      ],
    ],
    [
      '\n\nc',
      [
        [1, '', 1],
        [2, '', 2],
        [3, 'c', 3],
      ],
    ],
  ])('of %j', async (text, lines) => {
    expect(await read(text)).toEqual(lines)
  })

  it('are the same however the file arrives', async () => {
    const texts = fc.array(fc.string({ unit: fc.constantFrom('a', 'é', '\r') }), {
      minLength: 1,
      maxLength: 6,
    })
    await fc.assert(
      fc.asyncProperty(texts, fc.integer({ min: 1, max: 9 }), async (parts, size) => {
        const text = parts.join('\n')
        expect(await read(text, size)).toEqual(await read(text, 1_000))
        expect((await read(`${text}\n`, size)).map(([, line]) => line)).toEqual(
          parts.map(part => part.replace(/\r$/, '')),
        )
      }),
    )
  })

  it('that are too long are told and not kept; what follows is whole', async () => {
    const text = `${'x'.repeat(10)}\r\n${'y'.repeat(11)}\n${'z'.repeat(5_000)}\nlast`
    expect((await read(text, 3, 10)).map(([number, line]) => [number, line])).toEqual([
      [1, 'x'.repeat(10)],
      [2, undefined],
      [3, undefined],
      [4, 'last'],
    ])
  })
})
