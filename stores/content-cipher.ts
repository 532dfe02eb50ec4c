import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import type { ByteRange, ContentName } from '../commands/content-store.ts'
import type { ContentPlace } from './stored-content.ts'

/** Bytes in clear of a frame, but for the last. */
export const frameBytes = 64 * 1024
const tagBytes = 16
const saltBytes = 32
const mark = Buffer.from('THC1')
export const headBytes = mark.length + saltBytes

/**
 * Where a content is kept: names are made with a secret of the hub, so that nobody can try by its name whether a content is one
 * they know. What is the same of two people has two names.
 */
export const placeOf = (secret: Buffer, { sha256, subject }: ContentName): ContentPlace => {
  const named = (...parts: readonly string[]) =>
    createHmac('sha256', secret).update(parts.join('\0')).digest('hex')
  return subject === undefined
    ? { name: named('content', sha256) }
    : { name: named('content', sha256, subject), owner: ownerOf(secret, subject) }
}

export const ownerOf = (secret: Buffer, subject: string): string =>
  createHmac('sha256', secret).update(`owner\0${subject}`).digest('hex')

/** Where contents were kept before they were encrypted: there they still are, in clear. */
export const clearPlaceOf = ({ sha256 }: ContentName): ContentPlace => ({ name: sha256 })

/** The key of one content: no two share one, so that frames can be counted as nonces. */
const keyOf = (key: KeyObject, salt: Buffer): KeyObject =>
  createSecretKey(Buffer.from(hkdfSync('sha256', key, salt, 'thalamus content', 32)))

const nonceOf = (frame: number): Buffer => {
  const nonce = Buffer.alloc(12)
  nonce.writeBigUInt64BE(BigInt(frame), 4)
  return nonce
}

/** Bytes that a content takes where it is kept. */
export const encryptedSize = (size: number): number =>
  headBytes + size + Math.ceil(size / frameBytes) * tagBytes

/**
 * Encrypts bytes as they come: a head (`THC1`, 32 random bytes), then frames of 64 KiB, each AES-256-GCM with its number as the
 * nonce, under a key made of the given one and the head (HKDF, RFC 5869).
 */
export const contentEncryption = (key: KeyObject) => {
  const salt = randomBytes(saltBytes)
  const contentKey = keyOf(key, salt)
  let frames = 0
  let held: Buffer[] = []
  let heldBytes = 0
  const seal = (bytes: Buffer): Buffer => {
    const cipher = createCipheriv('aes-256-gcm', contentKey, nonceOf(frames))
    frames += 1
    return Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()])
  }
  return {
    head: Buffer.concat([mark, salt]),
    /** The frames that are full with these bytes. */
    add: (piece: Uint8Array): readonly Buffer[] => {
      held.push(Buffer.from(piece))
      heldBytes += piece.length
      if (heldBytes < frameBytes) return []
      const bytes = Buffer.concat(held)
      const full: Buffer[] = []
      let at = 0
      for (; at + frameBytes <= bytes.length; at += frameBytes)
        full.push(seal(bytes.subarray(at, at + frameBytes)))
      held = [bytes.subarray(at)]
      heldBytes = bytes.length - at
      return full
    },
    /** What is left, as the last frame. */
    end: (): readonly Buffer[] => (heldBytes === 0 ? [] : [seal(Buffer.concat(held))]),
  }
}

/** What is kept is not what was encrypted: it was changed, cut, or is another one. */
export const changed = (): never => {
  throw Object.assign(new Error('a content is not what was kept'), { code: 'CONTENT_CHANGED' })
}
export const isChanged = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'CONTENT_CHANGED'

async function* inSizes(bytes: AsyncIterable<Uint8Array>, sizes: Iterable<number>): AsyncGenerator<Buffer> {
  let held = Buffer.alloc(0)
  const wanted = sizes[Symbol.iterator]()
  let next = wanted.next()
  for await (const piece of bytes) {
    held = held.length === 0 ? Buffer.from(piece) : Buffer.concat([held, piece])
    while (next.done !== true && held.length >= next.value) {
      yield held.subarray(0, next.value)
      held = held.subarray(next.value)
      next = wanted.next()
    }
  }
  if (next.done !== true) changed()
}

const opened = (key: KeyObject, frame: number, sealed: Buffer): Buffer => {
  const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(frame), { authTagLength: tagBytes })
  decipher.setAuthTag(sealed.subarray(-tagBytes))
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, -tagBytes)), decipher.final()])
  } catch {
    return changed()
  }
}

/** A range of a content of `size` bytes, read from where it is kept: only the frames that it is in. Throws where one was changed. */
export async function* decryptedRange(
  key: KeyObject,
  size: number,
  { first, last }: ByteRange,
  read: (range: ByteRange) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (last < first) return
  let head = Buffer.alloc(0)
  for await (const piece of read({ first: 0, last: headBytes - 1 })) head = Buffer.concat([head, piece])
  if (!head.subarray(0, mark.length).equals(mark)) changed()
  const contentKey = keyOf(key, head.subarray(mark.length))
  const [from, to] = [Math.floor(first / frameBytes), Math.floor(last / frameBytes)]
  const frameSize = (frame: number) => Math.min(frameBytes, size - frame * frameBytes) + tagBytes
  const place = (frame: number) => headBytes + frame * (frameBytes + tagBytes)
  const frames = Array.from({ length: to - from + 1 }, (_, n) => from + n)
  const stored = read({ first: place(from), last: place(to) + frameSize(to) - 1 })
  let frame = from
  for await (const sealed of inSizes(stored, frames.map(frameSize))) {
    const bytes = opened(contentKey, frame, sealed)
    const start = frame * frameBytes
    yield bytes.subarray(Math.max(0, first - start), Math.min(bytes.length, last - start + 1))
    frame += 1
  }
}
