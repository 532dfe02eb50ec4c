/** Something that may go better in a while: a connection that broke, a hub that is busy. */
export interface Broken {
  readonly _tag: 'Broken'
  readonly reason: string
  /** The least time to wait that the hub asks for. */
  readonly retryMilliseconds: number
}

export const broken = (reason: string, retryMilliseconds = 0): Broken => ({
  _tag: 'Broken',
  reason,
  retryMilliseconds,
})

export const isBroken = (thrown: unknown): thrown is Broken =>
  typeof thrown === 'object' && thrown !== null && '_tag' in thrown && thrown._tag === 'Broken'
