import { createCipheriv, createDecipheriv, type KeyObject, randomFillSync } from 'node:crypto'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { StoredNewEvent } from './stored.ts'

const nonceBytes = 12
const tagBytes = 16
/** Texts of more bytes are deflated first: in base64 they would be larger than what an event server takes. */
const deflatedFrom = 512 * 1024
/** The least at which Deno’s zlib makes codes of its own for a text, as Node’s does at 1: both take the same texts then. */
const deflateLevel = 2
const mostText = 16 * 1024 * 1024

const [plain, deflated] = ['1', '2'] as const

/** Whether the data of a stored event is encrypted. In clear it is a JSON object. */
export const isEncrypted = (data: string): boolean => data.startsWith(plain) || data.startsWith(deflated)

type Place = Pick<StoredNewEvent, 'id' | 'type'> & { readonly stream: string }

/** What a ciphertext is bound to: in another place it is not opened. No name holds a NUL. */
const boundTo = ({ stream, id, type }: Place): Buffer => Buffer.from(`${stream}\0${id}\0${type}`)

// A random byte costs little where many are taken at once.
const pool = Buffer.alloc(nonceBytes * 256)
let taken = pool.length
const freshNonce = (): Buffer => {
  if (taken === pool.length) {
    randomFillSync(pool)
    taken = 0
  }
  taken += nonceBytes
  return pool.subarray(taken - nonceBytes, taken)
}

/**
 * The data of an event, encrypted under a key of 256 bits: AES-256-GCM (NIST SP 800-38D) with a nonce of its own, as base64 of
 * nonce, ciphertext and tag, behind a digit that names the form.
 */
export const encrypted = (key: KeyObject, place: Place, data: string): string => {
  const isLong = Buffer.byteLength(data) > deflatedFrom
  const nonce = freshNonce()
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(boundTo(place))
  const text = isLong
    ? cipher.update(deflateRawSync(data, { level: deflateLevel }))
    : cipher.update(data, 'utf8')
  const bytes = Buffer.concat([nonce, text, cipher.final(), cipher.getAuthTag()])
  return `${isLong ? deflated : plain}${bytes.toString('base64')}`
}

/** The data as it was; undefined where it was encrypted under another key, for another place, or was changed since. */
export const decrypted = (key: KeyObject, place: Place, data: string): string | undefined => {
  const bytes = Buffer.from(data.slice(1), 'base64')
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes), {
      authTagLength: tagBytes,
    })
    decipher.setAAD(boundTo(place)).setAuthTag(bytes.subarray(-tagBytes))
    const text = decipher.update(bytes.subarray(nonceBytes, -tagBytes))
    decipher.final()
    return (data.startsWith(deflated) ? inflateRawSync(text, { maxOutputLength: mostText }) : text).toString(
      'utf8',
    )
  } catch {
    return undefined
  }
}
