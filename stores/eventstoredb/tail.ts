/** There is no event of ours after the one at `last` (0 for none) up to `upTo`, however many of others there are. */
export interface Tail {
  readonly last: bigint
  readonly upTo: bigint
}

/** What this process knows of the log's end, so that nobody looks through others' events twice. */
export interface KnownTail {
  readonly current: () => Tail
  /** An event of ours at `last` and none after it up to `upTo`. Gives `last`. */
  readonly saw: (last: bigint, upTo: bigint) => bigint
  /** From where to go on so that nothing after `after` is missed. */
  readonly from: (after: bigint) => bigint
  /** To be called when the server was lost: it may come back with another log. */
  readonly forget: () => void
}

const nothing: Tail = { last: 0n, upTo: 0n }

export const makeKnownTail = (): KnownTail => {
  let tail = nothing
  return {
    current: () => tail,
    saw: (last, upTo) => {
      if (last > tail.last || (last === tail.last && upTo > tail.upTo)) tail = { last, upTo }
      return last
    },
    from: after => (after >= tail.last && after < tail.upTo ? tail.upTo : after),
    forget: () => {
      tail = nothing
    },
  }
}
