import type { Either } from '#fp/Either'
import type { ReadUnavailable } from './read-unavailable.ts'

/**
 * Which process works on what: a lease of a name is held by one process at a time. Names are of any text; whoever uses
 * them keeps them apart. Leases lie in the store of what their tokens guard: where they are deleted, tokens begin anew.
 */
export interface Leases {
  /**
   * Takes or keeps the lease of each name for so many milliseconds from now: its token, which rises with each holder;
   * undefined while another process holds it. A process of this host that is known to have ended holds none.
   *
   * A holder may go on working after its lease has run out, until it looks again: what it writes must name its token.
   */
  readonly take: (
    names: readonly string[],
    holder: string,
    milliseconds: number,
  ) => Promise<Either<ReadUnavailable, readonly (number | undefined)[]>>
  /** Gives up those of these names that this process holds. */
  readonly drop: (names: readonly string[], holder: string) => Promise<Either<ReadUnavailable, void>>
}
