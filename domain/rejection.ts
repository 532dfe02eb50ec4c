/** What is wrong with one part of a request: a JSON Pointer (RFC 6901) into the body, a query parameter or a header. */
export type InvalidPart =
  | { readonly pointer: string; readonly detail: string }
  | { readonly parameter: string; readonly detail: string }
  | { readonly header: string; readonly detail: string }

/** Why a command yields no events. Facts, not texts: the words for people are made at the edge. */
export type Rejection =
  | { readonly _tag: 'NeverWas'; readonly what: string }
  | { readonly _tag: 'Removed'; readonly what: string }
  /** The person it was about is forgotten. */
  | { readonly _tag: 'Erased' }
  | { readonly _tag: 'StaleRevision'; readonly revision?: number }
  | { readonly _tag: 'ExistsWithOtherContent'; readonly what: string }
  | { readonly _tag: 'WrongState'; readonly detail: string }
  | { readonly _tag: 'FieldNotAllowed'; readonly field: string; readonly detail: string }
  | { readonly _tag: 'NotAllowed' }
  | { readonly _tag: 'Invalid'; readonly errors: readonly InvalidPart[] }
  | { readonly _tag: 'ItemTooLarge' }
  | { readonly _tag: 'KeyUsedForAnotherRequest' }

const mostErrors = 100

/** A rejection that names what is wrong: the first hundred parts, so that an answer is not much longer than its request. */
export const invalid = (...errors: readonly InvalidPart[]): Rejection => ({
  _tag: 'Invalid',
  errors: errors.slice(0, mostErrors),
})
