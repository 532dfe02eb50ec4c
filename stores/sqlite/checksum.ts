import { crc32 } from 'node:zlib'
import type { StoredEvent } from '../stored.ts'

/**
 * SQLite stores NULL where the three bits of a shorter number's length are zero. A number of six bytes has two of them set: no
 * single flipped bit makes an event look as if it had no checksum.
 */
const sixBytes = 2 ** 40

/** CRC-32 (ISO 3309) over every column of an event, as `events.checksum` keeps it. It finds every single flipped bit. */
export const checksumOf = ({ position, stream, revision, id, type, data, metadata }: StoredEvent): number => {
  // No name holds a NUL; with the length no character can move from one text to the next.
  const head = crc32(`${position}\0${stream}\0${revision}\0${id}\0${type}\0${data.length}\0`)
  return sixBytes + crc32(metadata, crc32(data, head))
}
