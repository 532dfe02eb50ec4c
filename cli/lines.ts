/** A line of a file, without its end; without bytes where it was longer than may be held. */
export interface Line {
  /** Counts from 1. */
  readonly number: number
  readonly bytes: Buffer | undefined
  /** Bytes of the file up to the end of this line. */
  readonly end: number
}

const lineFeed = 0x0a
const carriageReturn = 0x0d

const withoutReturn = (bytes: Buffer): Buffer =>
  bytes.at(-1) === carriageReturn ? bytes.subarray(0, -1) : bytes

/**
 * The lines of a file as it is read, ended by LF or CRLF, the last one also by the end of the file. Of a line that is
 * longer than `most` bytes nothing is kept.
 */
export async function* linesOf(chunks: AsyncIterable<Buffer>, most: number): AsyncGenerator<Line> {
  let parts: Buffer[] = []
  let length = 0
  let number = 1
  let end = 0

  const add = (part: Buffer): void => {
    length += part.length
    end += part.length
    // One byte more: a carriage return may turn out to belong to the line's end.
    if (length > most + 1) parts = []
    else parts.push(part)
  }

  const take = (): Line => {
    const bytes = length > most + 1 ? undefined : withoutReturn(Buffer.concat(parts))
    const line = { number, bytes: bytes !== undefined && bytes.length > most ? undefined : bytes, end }
    parts = []
    length = 0
    number += 1
    return line
  }

  for await (const chunk of chunks) {
    let start = 0
    for (let at = chunk.indexOf(lineFeed); at >= 0; at = chunk.indexOf(lineFeed, start)) {
      add(chunk.subarray(start, at))
      end += 1
      yield take()
      start = at + 1
    }
    add(chunk.subarray(start))
  }
  if (length > 0) yield take()
}
