import { readFileSync } from 'node:fs'
import { z } from 'zod'
import * as E from '#fp/Either'
import { takesWord } from './field-kinds.ts'
import type { Table } from './tables.ts'

const shape = z.record(z.string(), z.record(z.string(), z.union([z.string(), z.null()])))

/** For words of the original the words that are stored instead, by field; null leaves the field empty. */
export type WordMap = Readonly<Record<string, Readonly<Record<string, string | null>>>>

const read = (file: string): E.Either<string, WordMap> => {
  let json: unknown
  try {
    json = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    return E.left(
      error instanceof SyntaxError ? `--map: ${file} is not JSON` : `--map: ${file} cannot be read`,
    )
  }
  const parsed = shape.safeParse(json)
  return parsed.success
    ? E.right(parsed.data)
    : E.left(
        `--map: ${file} must be an object of fields, each an object of words: {"FIELD": {"WORD": "WORD"}}`,
      )
}

/** Fields that no table has, and words that no item may have. */
const problemsOf = (map: WordMap, tables: readonly Table[], roleNames: readonly string[]): string[] =>
  Object.entries(map).flatMap(([field, words]) => {
    const known = tables.filter(({ resource }) => Object.hasOwn(resource.fields, field))
    if (known.length === 0) return [`--map: no table has a field ${field} with words of its own`]
    return Object.values(words)
      .filter(word =>
        field === 'roles'
          ? word !== null && !roleNames.includes(word)
          : !known.some(({ resource }) => takesWord(resource, field, word)),
      )
      .map(word => `--map: ${field} cannot be ${JSON.stringify(word)}`)
  })

/** The map that a file holds, or everything that is wrong with it. */
export const readWordMap = (
  file: string | undefined,
  tables: readonly Table[],
  roleNames: readonly string[],
): E.Either<readonly string[], WordMap> => {
  if (file === undefined) return E.right({})
  const map = read(file)
  if (E.isLeft(map)) return E.left([map.left])
  const problems = problemsOf(map.right, tables, roleNames)
  return problems.length > 0 ? E.left(problems) : map
}

/** The word that stands for another one in a field; undefined where the map says nothing of it. */
export const mapped = (map: WordMap, field: string, word: string): string | null | undefined => {
  const words = Object.hasOwn(map, field) ? map[field] : undefined
  return words !== undefined && Object.hasOwn(words, word) ? words[word] : undefined
}
