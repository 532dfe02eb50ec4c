import type { Document } from '../projections/read-store.ts'
import { mostCharacters } from './stored.ts'

/** As many of the first documents as may be read at once, one at least where there is one. */
export const upToCharacters = (documents: Iterable<Document>): readonly Document[] => {
  const some: Document[] = []
  let characters = 0
  for (const document of documents) {
    characters += document.text?.length ?? 0
    if (some.length > 0 && characters > mostCharacters) return some
    some.push(document)
  }
  return some
}
