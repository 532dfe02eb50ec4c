/** The store of the read models, with what lies beside them, does not answer. */
export interface ReadUnavailable {
  readonly _tag: 'ReadUnavailable'
  readonly cause: unknown
}
