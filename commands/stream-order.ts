import type { RecordedEvent } from '../domain/event.ts'

export type OrderBroken = 'a position that does not rise' | 'a gap in its stream'

export interface StreamOrder {
  /** Takes in an event as the log gives it, and says what is wrong with its place. */
  readonly add: (recorded: Pick<RecordedEvent, 'stream' | 'revision' | 'position'>) => OrderBroken | undefined
  /** The next event of this stream may have any revision: one before it could not be read. */
  readonly lose: (stream: string) => void
}

/** Whether positions rise, and revisions count from 0 in each stream. Holds a number for each stream. */
export const makeStreamOrder = (): StreamOrder => {
  const last = new Map<string, number>()
  let before = 0n
  return {
    add: ({ stream, revision, position }) => {
      const rises = position > before
      if (rises) before = position
      const lastRevision = last.get(stream) ?? -1
      last.set(stream, revision)
      if (!rises) return 'a position that does not rise'
      return Number.isNaN(lastRevision) || revision === lastRevision + 1 ? undefined : 'a gap in its stream'
    },
    lose: stream => {
      last.set(stream, Number.NaN)
    },
  }
}
