import type { ByteRange } from '../../commands/content-store.ts'

/**
 * What a `Range` header asks for of so many bytes (RFC 9110, section 14.1.2). Several ranges, another unit, and what is no
 * range are ignored, as section 14.2 allows: the whole is answered.
 */
export const rangeIn = (header: string | undefined, size: number): ByteRange | 'whole' | 'unsatisfiable' => {
  const [, from = '', to = ''] = /^bytes=[\t ]*(\d*)-(\d*)[\t ]*$/i.exec(header ?? '') ?? []
  if (from === '' && to === '') return 'whole'
  const end = size - 1
  if (from === '')
    return size === 0 || Number(to) === 0
      ? 'unsatisfiable'
      : { first: Math.max(0, size - Number(to)), last: end }
  const first = Number(from)
  const last = to === '' ? Number.POSITIVE_INFINITY : Number(to)
  if (last < first) return 'whole'
  return first > end ? 'unsatisfiable' : { first, last: Math.min(last, end) }
}
