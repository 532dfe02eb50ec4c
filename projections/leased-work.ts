import { setTimeout as pause } from 'node:timers/promises'
import * as E from '#fp/Either'
import type { EventUnreadable, LogFailure } from '../domain/log-failure.ts'
import type { Superseded } from './checkpoints.ts'
import type { Leases } from './leases.ts'
import type { ReadUnavailable } from './read-unavailable.ts'
import { together } from './together.ts'

/** A lease is renewed each second, and passes on some seconds after its holder fell silent. */
const leaseMilliseconds = 5_000
const renewMilliseconds = 1_000
const longestPauseMilliseconds = 5_000

export type FollowFailure = LogFailure | ReadUnavailable | Superseded

export interface Bug {
  readonly _tag: 'Bug'
  readonly cause: unknown
}

/** One stretch of work, during which the same leases are held. */
export interface Round {
  /** The tokens of the leases held, by name. */
  readonly tokens: ReadonlyMap<string, number>
  /** Aborts when a lease is won or lost, or cannot be renewed: work ends then. */
  readonly signal: AbortSignal
  /** Tells that the work makes progress: the next failure is the first again. */
  readonly progressed: () => void
}

export interface LeasedWorkOptions {
  readonly leases: Leases
  readonly names: readonly string[]
  /** What this process is called in leases. */
  readonly holder: string
  /**
   * Works under the leases held until the round's signal; also called where none is held. Throws a `FollowFailure`. The
   * leases are kept when it returns early: it is called again in the next round.
   */
  readonly work: (round: Round) => Promise<void>
  readonly report: (failure: FollowFailure | Bug) => void
}

export interface LeasedWork {
  /** The failure that stopped it for good, if one did. */
  readonly stopped: () => EventUnreadable | undefined
  /** Settles when it has ended, after the signal or a failure that stops it; its leases are given up then. */
  readonly ended: Promise<void>
}

const isFollowFailure = (thrown: unknown): thrown is FollowFailure =>
  typeof thrown === 'object' && thrown !== null && '_tag' in thrown

/**
 * Works under leases until the signal, in rounds. It begins again by itself: at once when leases are won or lost, or the
 * work was superseded; after every other failure with growing pauses up to 5 s. An event that cannot be read stops it for good.
 */
export const startLeasedWork = (options: LeasedWorkOptions, signal: AbortSignal): LeasedWork => {
  const { leases, names, holder, work, report } = options
  let stopped: EventUnreadable | undefined
  let failures = 0

  const take = async (): Promise<ReadonlyMap<string, number>> => {
    const taken = await leases.take(names, holder, leaseMilliseconds)
    if (E.isLeft(taken)) throw taken.left
    return new Map(
      names.flatMap((name, i) => {
        const token = taken.right[i]
        return token === undefined ? [] : [[name, token] as const]
      }),
    )
  }

  /** Settles when the leases held are others than these. */
  const renew = async (tokens: ReadonlyMap<string, number>, ending: AbortSignal): Promise<void> => {
    while (!ending.aborted) {
      await pause(renewMilliseconds, undefined, { signal: ending }).catch(() => undefined)
      if (ending.aborted) return
      const renewed = await take()
      if (names.some(name => renewed.get(name) !== tokens.get(name))) return
    }
  }

  const oneRound = async (): Promise<void> => {
    const tokens = await take()
    const progressed = () => {
      failures = 0
    }
    await together(signal, [
      ending => work({ tokens, signal: ending, progressed }),
      (ending, end) => renew(tokens, ending).then(end),
    ])
  }

  const run = async (): Promise<void> => {
    while (!signal.aborted && stopped === undefined) {
      try {
        await oneRound()
      } catch (thrown) {
        const failure = isFollowFailure(thrown) ? thrown : ({ _tag: 'Bug', cause: thrown } as const)
        if (failure._tag === 'Superseded') continue
        report(failure)
        if (failure._tag === 'EventUnreadable') stopped = failure
        failures += 1
        const milliseconds = Math.min(longestPauseMilliseconds, 50 * 2 ** failures)
        await pause(milliseconds, undefined, { signal }).catch(() => undefined)
      }
    }
    await leases.drop(names, holder)
  }

  return { stopped: () => stopped, ended: run() }
}
