import { setTimeout as wait } from 'node:timers/promises'
import * as E from '#fp/Either'
import { type Broken, isBroken } from './failure.ts'

const firstPauseMilliseconds = 500
const longestPauseMilliseconds = 60_000

/** How long to wait after so many failures in a row: what the hub asks for, or longer each time. */
export const pauseAfter = (failures: number, { retryMilliseconds }: Broken): number =>
  Math.max(
    retryMilliseconds,
    Math.min(firstPauseMilliseconds * 2 ** Math.min(failures - 1, 10), longestPauseMilliseconds),
  )

/** Ends early with the signal. */
export const pause = async (milliseconds: number, signal: AbortSignal): Promise<void> => {
  await wait(milliseconds, undefined, { signal }).catch(() => undefined)
}

export const waitingSentence = (url: string, { reason }: Broken, milliseconds: number): string =>
  `${url} cannot be asked (${reason}); next attempt in ${Math.ceil(milliseconds / 1000)} s.`

export interface Patience {
  readonly url: string
  /** How long to go on after the first failure, in milliseconds. */
  readonly most: number
  readonly signal: AbortSignal
  readonly complain: (sentence: string) => void
}

/** Repeats what is safe to repeat while it breaks; gives the last failure where it takes too long, or with the signal. */
export const patiently = async <A, Failure extends { readonly _tag: string }>(
  { url, most, signal, complain }: Patience,
  attempt: () => Promise<E.Either<Failure | Broken, A>>,
): Promise<E.Either<Failure | Broken, A>> => {
  let since: number | undefined
  for (let failures = 1; ; failures += 1) {
    const outcome = await attempt()
    if (E.isRight(outcome) || !isBroken(outcome.left)) return outcome
    since ??= performance.now()
    const milliseconds = pauseAfter(failures, outcome.left)
    if (signal.aborted || performance.now() + milliseconds - since > most) return outcome
    complain(waitingSentence(url, outcome.left, milliseconds))
    await pause(milliseconds, signal)
    if (signal.aborted) return outcome
  }
}
