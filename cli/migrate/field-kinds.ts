import { z } from 'zod'
import { catalogue } from '../../domain/catalogue.ts'
import type { Json } from '../../domain/json.ts'
import { losesValue } from '../../domain/number-literal.ts'
import type { Resource } from '../../domain/resource.ts'

/** What a field takes, as far as it counts for texts that mean something else: a word is one of a closed vocabulary. */
export type FieldKind = 'number' | 'flag' | 'word' | 'other'

const takes = (schema: z.core.$ZodType, value: Json): boolean => z.safeParse(schema, value).success

/** Words of a vocabulary that is closed; undefined for any other field. */
const vocabularyOf = (schema: z.core.$ZodType): readonly unknown[] | undefined => {
  const inner = schema instanceof z.ZodOptional || schema instanceof z.ZodNullable ? schema.unwrap() : schema
  if (inner !== schema) return vocabularyOf(inner)
  const words = inner instanceof z.ZodType ? inner.meta()?.enum : undefined
  return Array.isArray(words) ? words : undefined
}

const kindOfSchema = (schema: z.core.$ZodType): FieldKind => {
  if (vocabularyOf(schema) !== undefined) return 'word'
  if (takes(schema, 'no number')) return 'other'
  if (takes(schema, true)) return 'flag'
  return takes(schema, 0) || takes(schema, 1) ? 'number' : 'other'
}

const kindsOf = ({ fields }: Resource): ReadonlyMap<string, FieldKind> =>
  new Map(Object.entries(fields).map(([field, schema]) => [field, kindOfSchema(schema)]))

const kinds = new Map(catalogue.map(resource => [resource.name, kindsOf(resource)]))

/** Fields that are flags wherever they are declared: they are so too where they are not. */
const flagsElsewhere = new Set(
  [...kinds.values()].flatMap(fields =>
    [...fields].filter(([field, kind]) => {
      const everywhere = [...kinds.values()].map(all => all.get(field)).filter(one => one !== undefined)
      return kind === 'flag' && everywhere.every(one => one === 'flag')
    }),
  ),
)
const flagNames = new Set([...flagsElsewhere].map(([field]) => field))

export const kindOf = (resource: Resource, field: string): FieldKind =>
  kinds.get(resource.name)?.get(field) ?? (flagNames.has(field) ? 'flag' : 'other')

/** Whether a field takes a word; what is no word of a vocabulary is taken by the rules of the field. */
export const takesWord = ({ fields }: Resource, field: string, word: Json): boolean => {
  const schema = Object.hasOwn(fields, field) ? fields[field] : undefined
  return schema === undefined || takes(schema, word)
}

const numberForm = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

/** The number that a text is, unless it would not keep its value. */
export const numberIn = (text: string): number | undefined => {
  const literal = text.trim().replace(/^\+/, '')
  return numberForm.test(literal) && !losesValue(literal) ? Number(literal) : undefined
}

const flagWords: Readonly<Record<string, boolean>> = {
  ...{ true: true, t: true, yes: true, y: true, on: true, 1: true },
  ...{ false: false, f: false, no: false, n: false, off: false, 0: false },
}

/** The flag that a text, or 0 or 1, is. */
export const flagIn = (value: string | number): boolean | undefined => {
  const word = String(value).trim().toLowerCase()
  return Object.hasOwn(flagWords, word) ? flagWords[word] : undefined
}
