const bytes = 880 * 1024

/** As many members or elements as fit. */
const filled = (
  one: (n: number) => string,
  [open, close]: readonly [string, string] = ['[', ']'],
  limit = bytes,
): string => {
  const parts: string[] = []
  for (let n = 0, size = 0; size < limit; n += 1) {
    const part = one(n)
    parts.push(part)
    size += Buffer.byteLength(part) + 1
  }
  return `${open}${parts.join(',')}${close}`
}

const object = ['{', '}'] as const
const listOf = (value: string): string => `{"list":${value}}`

/** Bodies of nearly 900 KiB, each of which is dear to look at in a way of its own. */
export const bodyShapes: Readonly<Record<string, string>> = {
  'small numbers': listOf(filled(n => String(n % 10))),
  texts: listOf(filled(n => `"s${n % 1000}"`)),
  objects: listOf(filled(n => `{"a":${n % 10}}`)),
  'members of one object': listOf(filled(n => `"k${n}":1`, object)),
  'members of the item': filled(n => `"k${n}":1`, object),
  'objects 62 levels deep': listOf(filled(n => `${'{"a":'.repeat(61)}${n}${'}'.repeat(61)}`)),
  'one long text': listOf(`"${'a'.repeat(bytes)}"`),
  escapes: listOf(`"${'\\u00e9\\n\\"'.repeat(bytes / 10)}"`),
  'numbers of 17 digits': listOf(filled(n => `1.${1e15 + n}`)),
  exponents: listOf(filled(n => `${(n % 9) + 1}e${n % 20}`, undefined, bytes / 4)),
  'large integers': listOf(filled(n => `100000000000000${n % 9}0`)),
  'names that are numbers': listOf(filled(n => `"${(n * 7919) % 1000003}":1`, object)),
  'such names in the item': filled(n => `"${n}":1`, object),
  'names that are not ASCII': listOf(filled(n => `"ключ${n}":"значение ${n % 100}"`, object)),
}
