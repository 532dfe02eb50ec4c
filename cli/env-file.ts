import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import * as E from '#fp/Either'
import { settings } from '../config.ts'

const names = settings.map(({ name }) => name)

/**
 * The settings in a file of lines `NAME=value`, `#` before a comment; else what is wrong with it. Node takes an option of this name
 * for its own, wherever it stands, unless `--` comes before the script.
 */
export const envFile = (path: string): E.Either<string, Readonly<Record<string, string | undefined>>> => {
  let values: Readonly<Record<string, string | undefined>>
  try {
    values = parseEnv(readFileSync(path, 'utf8'))
  } catch {
    return E.left(`--env-file: ${path} cannot be read`)
  }
  // A typo must not leave a setting at its default.
  const unknown = Object.keys(values).filter(name => !names.includes(name))
  return unknown.length === 0
    ? E.right(values)
    : E.left(`--env-file: ${path} sets ${unknown.join(', ')}, which is no setting: see \`config\``)
}
