import type { Either } from '#fp/Either'
import type { HistoryEvent } from './history.ts'

/** Why no more could be written; `closed` where whoever read it has gone. */
export type WriteFailure =
  | { readonly _tag: 'OutputClosed' }
  | { readonly _tag: 'WriteFailed'; readonly code: string | undefined }

export const writeFailureOf = (error: unknown): WriteFailure => {
  const code =
    error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return code === 'EPIPE' ? { _tag: 'OutputClosed' } : { _tag: 'WriteFailed', code }
}

/** Where the lines of a history go. */
export interface Output {
  /** The position of the last event that is there already; undefined where there is none. */
  readonly last: string | undefined
  readonly write: (events: readonly HistoryEvent[]) => Promise<Either<WriteFailure, void>>
  /** Lets go of it as it was found. */
  readonly leave: () => Promise<void>
  /** Ends with a whole line. After this it is on the disk, where it is a file. */
  readonly close: () => Promise<Either<WriteFailure, void>>
}
