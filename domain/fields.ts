import { z } from 'zod'
import { parseAccount, parseItemId } from './identifiers.ts'
import { instantPattern, mostCharacters, parseInstant } from './instant.ts'

/**
 * Kinds of known fields. Null is always allowed: clients send every key, set or not. What a rule of ours checks, `meta`
 * says in the words of JSON Schema, for the documentation.
 */
const plainText = z.string({ error: 'must be a text' })

/** Of indexed text, in Unicode code points: engines limit what an index can hold. */
const mostIndexed = 200

const indexedText = plainText
  .refine(text => text.length <= mostIndexed || [...text].length <= mostIndexed, {
    error: `must have at most ${mostIndexed} characters`,
  })
  .meta({ maxLength: mostIndexed })

export const text = plainText.nullish()

/** A text that a filter or an order knows: at most 200 characters. */
export const shortText = indexedText.nullish()

const dateRule = 'must be an existing date, YYYY-MM-DD, or date and time, YYYY-MM-DDTHH:MM:SS'

const instantText =
  'A date and time, which is a moment (in UTC where it has no zone), or a date, which is a day. In the order of a list, for since and for until, a day counts as 00:00 UTC of it. Kept as it was sent.'

/** A date, or a date and time, as `parseInstant` reads it; kept as sent. */
export const date = indexedText
  .refine(value => parseInstant(value) !== undefined, { error: dateRule })
  .meta({ maxLength: mostCharacters, pattern: instantPattern, description: instantText })
  .nullish()

const optionalDate = (description: string) =>
  indexedText
    .refine(value => value === '' || parseInstant(value) !== undefined, { error: dateRule })
    .meta({ maxLength: mostCharacters, pattern: `^$|${instantPattern}`, description })
    .nullish()

/** A `date` that may be an empty text, which counts as null. */
export const dateOrEmpty = optionalDate(`${instantText} An empty text counts as null.`)

/** A day of the calendar. Clients may write it with a time and a zone, which do not count. */
export const day = optionalDate(
  'A day of the calendar where it was written down, not a moment: only the first ten characters are compared. Kept as it was sent. An empty text counts as null.',
)

/** The account of a person; kept in upper case. */
export const account = plainText
  .refine(value => parseAccount(value) !== undefined, {
    error: 'must be a federation account: 1 to 64 of A–Z 0–9 . _ -',
  })
  .meta({ pattern: '^[A-Za-z0-9._-]{1,64}$', description: 'A federation account; kept in upper case.' })
  .nullish()

/** The id of an item of another resource. */
export const itemId = plainText
  .refine(value => parseItemId(value) !== undefined, {
    error: 'must be an id: 1 to 128 of A–Z a–z 0–9 . _ ~ : -',
  })
  .meta({ pattern: '^[A-Za-z0-9._~:-]{1,128}$' })
  .nullish()

/** A word of a closed vocabulary. */
export const word = (vocabulary: readonly string[]) =>
  plainText
    .refine(value => vocabulary.includes(value), { error: `must be one of: ${vocabulary.join(', ')}` })
    .meta({ enum: [...vocabulary] })
    .nullish()

/** A word of a vocabulary that grows with the clients: another word is taken too. An empty text counts as null. */
export const openWord = (vocabulary: readonly string[]) =>
  indexedText
    .meta({
      maxLength: mostIndexed,
      examples: [...vocabulary],
      description: `Known words: ${vocabulary.join(', ')}. Another word is kept as it came, and found by its filter. An empty text counts as null.`,
    })
    .nullish()

const plainNumber = z.number({ error: 'must be a number' })

export const number = plainNumber.nullish()

export const numberFrom = (least: number, most = Number.POSITIVE_INFINITY) =>
  plainNumber
    .refine(value => value >= least && value <= most, {
      error:
        most === Number.POSITIVE_INFINITY ? `must be at least ${least}` : `must be from ${least} to ${most}`,
    })
    .meta({ minimum: least, ...(most === Number.POSITIVE_INFINITY ? {} : { maximum: most }) })
    .nullish()

export const count = plainNumber
  .refine(value => Number.isInteger(value) && value >= 0, { error: 'must be a whole number, 0 or more' })
  .meta({ type: 'integer', minimum: 0 })
  .nullish()

const grades = (least: number, most: number) => [
  { type: 'string', pattern: `^[${least}-${most}]$` },
  { type: 'integer', minimum: least, maximum: most },
]

/** A whole number of a short scale; GNU Health's selections write it as a text. */
export const gradeFrom = (least: number, most: number) =>
  z
    .union([plainText, plainNumber])
    .refine(value => /^\d$/.test(String(value)) && Number(value) >= least && Number(value) <= most, {
      error: `must be a whole number from ${least} to ${most}`,
    })
    .meta({ anyOf: grades(least, most) })
    .nullish()

export const flag = z.boolean({ error: 'must be true or false' }).nullish()

export const object = z.looseObject({}, { error: 'must be an object' }).nullish()

export const objectOrText = z
  .union([z.looseObject({}), plainText], { error: 'must be an object or a text' })
  .nullish()

/** A list whose length is looked at before its entries: a long one costs nothing. */
export const boundedList = <Entry extends z.ZodType>(entry: Entry, most: number, error: string) =>
  z
    .array(z.unknown(), { error })
    .max(most, { error: `must have at most ${most} entries` })
    .pipe(z.array(entry))
    .meta({ maxItems: most })

export const texts = boundedList(indexedText, 1_000, 'must be a list of texts').nullish()

/** Whatever JSON can say: the field is named for the documentation only. */
export const anything = z.unknown().optional()

/** A text, or a number where a sender has one. */
export const textOrNumber = z
  .union([plainText, z.number()], { error: 'must be a text or a number' })
  .nullish()
