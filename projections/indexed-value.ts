import { createHash } from 'node:crypto'
import type { FieldValue } from './read-store.ts'

/** Bytes in UTF-8: some engines refuse an index entry of more than 2,600, and an entry holds up to five values. */
const mostBytes = 400

/**
 * What a read model stores of a filter's value, and what its queries look for. A long text is stored as its hash: no
 * text that is stored as it is has capital letters.
 */
export const indexedValue = (value: FieldValue): FieldValue =>
  typeof value === 'string' && Buffer.byteLength(value) > mostBytes
    ? `SHA-256 ${createHash('sha256').update(value).digest('base64url')}`
    : value
