import { z } from 'zod'
import { parseInstant } from './instant.ts'

/** Kinds of known fields. Null is always allowed: clients send every key, set or not. */
const plainText = z.string({ error: 'must be a text' })

// Indexed text is bounded, in Unicode code points: engines limit what an index can hold.
const indexedText = plainText.refine(text => text.length <= 200 || [...text].length <= 200, {
  error: 'must have at most 200 characters',
})

export const text = plainText.nullish()

/** A text that a filter or an order knows: at most 200 characters. */
export const shortText = indexedText.nullish()

/** A date, or a date and time, as `parseInstant` reads it; kept as sent. */
export const date = indexedText
  .refine(value => parseInstant(value) !== undefined, {
    error: 'must be an existing date, YYYY-MM-DD, or date and time, YYYY-MM-DDTHH:MM:SS',
  })
  .nullish()

export const word = (vocabulary: readonly string[]) =>
  plainText
    .refine(value => vocabulary.includes(value), { error: `must be one of: ${vocabulary.join(', ')}` })
    .nullish()

export const flag = z.boolean({ error: 'must be true or false' }).nullish()

export const object = z.looseObject({}, { error: 'must be an object' }).nullish()

/** A list whose length is looked at before its entries: a long one costs nothing. */
export const boundedList = <Entry extends z.ZodType>(entry: Entry, most: number, error: string) =>
  z
    .array(z.unknown(), { error })
    .max(most, { error: `must have at most ${most} entries` })
    .pipe(z.array(entry))

export const texts = boundedList(indexedText, 1_000, 'must be a list of texts').nullish()

/** Whatever JSON can say: the field is named for the documentation only. */
export const anything = z.unknown().optional()

/** A text, or a number where a sender has one. */
export const textOrNumber = z
  .union([plainText, z.number()], { error: 'must be a text or a number' })
  .nullish()
