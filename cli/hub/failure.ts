import type { InvalidPart } from '../../domain/rejection.ts'

/** Something that may go better in a while: a connection that broke, a hub that is busy. */
export interface Broken {
  readonly _tag: 'Broken'
  readonly reason: string
  /** The least time to wait that the hub asks for. */
  readonly retryMilliseconds: number
  /** What it answered, if it did. */
  readonly status: number | undefined
}

/** The hub said no, and will again. */
export interface Refused {
  readonly _tag: 'Refused'
  readonly status: number
  /** The hub's own sentence; empty where it gave none. */
  readonly detail: string
  readonly errors: readonly InvalidPart[]
}

/** The hub gives no token for these credentials. */
export interface NoToken {
  readonly _tag: 'NoToken'
  readonly sentence: string
}

/** Why a request to a hub came to nothing. */
export type HubFailure = Broken | Refused | NoToken

export const broken = (reason: string, retryMilliseconds = 0, status?: number): Broken => ({
  _tag: 'Broken',
  reason,
  retryMilliseconds,
  status,
})

export const isBroken = (thrown: unknown): thrown is Broken =>
  typeof thrown === 'object' && thrown !== null && '_tag' in thrown && thrown._tag === 'Broken'
