import { type Json, type JsonObject, withMembers } from '../../domain/json.ts'
import type { Resource } from '../../domain/resource.ts'
import { flagIn, kindOf, numberIn, takesWord } from './field-kinds.ts'
import { mapped, type WordMap } from './word-map.ts'

interface Converted {
  readonly value: Json
  readonly conversions: readonly string[]
}

const kept = (value: Json): Converted => ({ value, conversions: [] })

const mappedWord = (map: WordMap, field: string, value: Json): Converted => {
  if (Array.isArray(value)) {
    const entries: readonly Json[] = value
    const each = entries.map(entry =>
      typeof entry === 'string' ? mappedWord(map, field, entry) : kept(entry),
    )
    const conversions = [...new Set(each.flatMap(one => one.conversions))]
    return conversions.length === 0
      ? kept(value)
      : { value: each.map(one => one.value).filter(entry => entry !== null), conversions }
  }
  const word = typeof value === 'string' ? mapped(map, field, value) : undefined
  return word === undefined ? kept(value) : { value: word, conversions: [`${field}: a word, by --map`] }
}

const plainValue = (resource: Resource, field: string, value: Json): Converted => {
  if (value === '') return { value: null, conversions: [`${field}: an empty text, now null`] }
  const kind = kindOf(resource, field)
  if (kind === 'number' && typeof value === 'string') {
    const number = numberIn(value)
    return number === undefined
      ? kept(value)
      : { value: number, conversions: [`${field}: a number in a text, now a number`] }
  }
  if (kind === 'flag' && (typeof value === 'string' || typeof value === 'number')) {
    const flag = flagIn(value)
    return flag === undefined
      ? kept(value)
      : { value: flag, conversions: [`${field}: a flag in a text or number, now true or false`] }
  }
  return kept(value)
}

/** The data with each member as the hub stores it: words by the map, then what means null, a number or a flag. */
export const converted = (resource: Resource, data: JsonObject, words: WordMap) => {
  const conversions: string[] = []
  const changed = Object.entries(data).flatMap(([field, value]) => {
    if (field === resource.secretField) return []
    const word = mappedWord(words, field, value)
    const plain = plainValue(resource, field, word.value)
    conversions.push(...word.conversions, ...plain.conversions)
    return plain.value === value ? [] : [[field, plain.value] as const]
  })
  return { data: withMembers(data, Object.fromEntries(changed)), conversions }
}

/** The words outside a closed vocabulary; roles are one. */
export const strangersIn = (resource: Resource, data: JsonObject, roleNames: readonly string[]) =>
  Object.entries(data).flatMap(([field, value]) => {
    if (field === 'roles' && Array.isArray(value) && Object.hasOwn(resource.fields, 'roles'))
      return value
        .filter(role => typeof role === 'string' && !roleNames.includes(role))
        .map(role => ({ field, word: String(role) }))
    return typeof value === 'string' &&
      kindOf(resource, field) === 'word' &&
      !takesWord(resource, field, value)
      ? [{ field, word: value }]
      : []
  })
