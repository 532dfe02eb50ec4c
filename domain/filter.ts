import { parseDay } from './instant.ts'
import { type JsonObject, member } from './json.ts'

/**
 * How a filter compares: text without regard to case; names of people also without regard to diacritics and to the
 * amount of white space; days by the date as it is written; flags as they are.
 */
export interface Filter {
  readonly kind: 'text' | 'name' | 'day' | 'flag'
  /** The fields it looks at; the first that is set counts. */
  readonly fields: readonly string[]
  /** The known words of the field. An empty text in such a field counts as not set. */
  readonly vocabulary?: readonly string[]
}

/** Text as filters compare it: NFC, without regard to case, without NUL (which not every engine stores). */
export const folded = (text: string): string =>
  text.normalize('NFC').toLowerCase().toUpperCase().toLowerCase().normalize('NFC').replaceAll('\0', '')

/** Letters that Unicode does not decompose: as passports write them (ICAO 9303, part 3, section 6), but `ø` as `o`. */
const plainLetters: Readonly<Record<string, string>> = {
  ø: 'o',
  đ: 'd',
  ð: 'd',
  ł: 'l',
  ħ: 'h',
  æ: 'ae',
  œ: 'oe',
  þ: 'th',
}

/**
 * A name as filters compare it: folded, without marks (Unicode's category M), each white space as one space, none at
 * the ends. It can have eighteen times the characters of the name.
 */
export const foldedName = (name: string): string =>
  folded(name.normalize('NFKD').replaceAll(/\p{M}/gu, ''))
    .replaceAll(/[øđðłħæœþ]/g, letter => plainLetters[letter] ?? letter)
    .replaceAll(/\s+/g, ' ')
    .trim()

/** The value that a text stands for in a filter; undefined for a text that is none. */
export const filterTerm = ({ kind }: Pick<Filter, 'kind'>, text: string): string | bigint | undefined => {
  switch (kind) {
    case 'text':
      return folded(text)
    case 'name':
      return foldedName(text)
    case 'day':
      return parseDay(text)
    case 'flag':
      return text === 'true' ? 1n : text === 'false' ? 0n : undefined
  }
}

/** The value by which an item is found by a filter; null is never found. */
export const filterValue = (filter: Filter, item: JsonObject): string | bigint | null => {
  for (const field of filter.fields) {
    const value = member(item, field)
    if (filter.kind === 'flag' && typeof value === 'boolean') return BigInt(value)
    if (filter.kind === 'flag' || typeof value !== 'string') continue
    if (value === '' && filter.vocabulary !== undefined) continue
    return filterTerm(filter, value) ?? null
  }
  return null
}
