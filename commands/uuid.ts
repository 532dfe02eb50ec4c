import { hash } from 'node:crypto'

const namespace = Buffer.from('6f1c1f0d2b4e4a2c9d0a7c5f3e8b9a61', 'hex')

/** UUID version 5 (RFC 9562, section 5.5) of the given parts, in a namespace of our own. */
export const uuidOf = (...parts: readonly string[]): string => {
  const name = Buffer.from(JSON.stringify(parts))
  const hex = hash('sha1', Buffer.concat([namespace, name]), 'hex')
  const variant = ((Number.parseInt(hex.slice(16, 18), 16) & 0x3f) | 0x80).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(18, 20)}-${hex.slice(20, 32)}`
}
