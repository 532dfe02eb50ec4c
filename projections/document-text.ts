import type { Document, ModelShape } from './read-store.ts'

const parts = ['revision', 'position', 'text'] as const

/**
 * What a document says, as one text: equal texts are equal documents, whatever engine keeps them. Which event a removed document
 * was touched by last says nothing: an erasure removes also what was removed before, where it finds it.
 */
export const documentText = ({ fields: shape }: ModelShape, document: Document): string => {
  const { key, revision, position, text, fields } = document
  const values = Object.keys(shape).map(name => {
    const value = fields[name] ?? null
    return typeof value === 'bigint' ? { integer: String(value) } : value
  })
  return JSON.stringify([key, revision, text === null ? '' : String(position), text, ...values])
}

/** The names of what differs between two documents of one key; never what it says. */
export const differingParts = ({ fields: shape }: ModelShape, one: Document, other: Document): string[] => [
  ...parts.filter(part => one[part] !== other[part]),
  ...Object.keys(shape).filter(name => (one.fields[name] ?? null) !== (other.fields[name] ?? null)),
]
