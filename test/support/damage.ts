import { randomBytes } from 'node:crypto'
import { closeSync, openSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs'

/** Writes random bytes in the place of a file's, from an offset on, into the very file. */
export const overwrite = (path: string, from = 0): void => {
  const bytes = randomBytes(statSync(path).size - from)
  const file = openSync(path, 'r+')
  writeSync(file, bytes, 0, bytes.length, from)
  closeSync(file)
}

export const damages: readonly (readonly [string, (path: string) => void])[] = [
  ['overwritten with random bytes', path => overwrite(path)],
  ['overwritten behind its first page', path => overwrite(path, 16_384)],
  ['cut to 40,000 bytes', path => truncateSync(path, 40_000)],
  ['a text file', path => writeFileSync(path, 'no database\n'.repeat(1_000))],
  ['beside a write-ahead log of random bytes', path => writeFileSync(`${path}-wal`, randomBytes(40_000))],
]
