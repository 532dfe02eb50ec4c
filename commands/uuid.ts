import { createHash } from 'node:crypto'

const namespace = Buffer.from('6f1c1f0d2b4e4a2c9d0a7c5f3e8b9a61', 'hex')

/** UUID version 5 (RFC 9562, section 5.5) of the given parts, in a namespace of our own. */
export const uuidOf = (...parts: readonly string[]): string => {
  const hash = createHash('sha1').update(namespace).update(JSON.stringify(parts)).digest()
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80
  const hex = hash.toString('hex', 0, 16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
