import { create } from 'content-disposition'
import { type JsonObject, member } from '../../domain/json.ts'

const mostCharacters = 100

const textIn = (item: JsonObject, field: string): string => {
  const value = member(item, field)
  return typeof value === 'string' ? value : ''
}

/**
 * A text as it may stand in a file's name on any system: no controls (those that turn the direction of writing and so
 * disguise an extension among them), no separators of paths, nothing that a shell or Windows reads as more than a letter,
 * no dots or spaces at its ends.
 */
const harmless = (text: string): string =>
  [...text.toWellFormed().normalize('NFC')]
    .filter(character => !/[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}]/u.test(character))
    .map(character => (/["*/:<>?\\|%$`]/.test(character) ? '_' : character))
    .slice(0, mostCharacters)
    .join('')
    .replace(/^[\s.~-]+|[\s.]+$/gu, '')

/** `Content-Disposition` of a document's content: saved under the document's description, never shown in its place. */
export const attachment = (document: JsonObject): string => {
  const title = harmless(textIn(document, 'description'))
  const name = title === '' ? harmless(textIn(document, 'id')) : title
  const extension = /^\.?([A-Za-z0-9]{1,16})$/.exec(textIn(document, 'extension'))?.[1]
  const isThere = extension === undefined || name.toLowerCase().endsWith(`.${extension.toLowerCase()}`)
  return create(isThere ? name : `${name}.${extension}`)
}
