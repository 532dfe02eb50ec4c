import { z } from 'zod'
import { type Broken, broken, isBroken } from '../hub/failure.ts'
import { eventsIn } from './feed-lines.ts'
import { type History, type HistoryBatch, historyFailure, isHistoryFailure, isInTimes } from './history.ts'
import type { Hub } from './hub.ts'
import { partsOfPosition } from './position-parts.ts'
import type { ReplayRequest } from './request.ts'

const mostFailures = 6
const firstPauseMilliseconds = 500

const pageShape = z.object({ events: z.array(z.unknown()), next: z.string() })

type Pause = (milliseconds: number, signal: AbortSignal) => Promise<void>

/**
 * The history as a running hub's feed tells it. An answer that breaks, or that ends as if all were told though the hub has more
 * (a token has expired), is asked for again from its last whole line on; after six attempts without an event it gives up.
 */
export const feedHistory = (
  hub: Hub,
  { to, filter }: Pick<ReplayRequest, 'to' | 'filter'>,
  pause: Pause,
): History => {
  const types = filter.types?.join(',')
  const isShown = isInTimes(filter)
  const end = to === undefined ? undefined : partsOfPosition(to)

  const hasMore = async (after: string | undefined, signal: AbortSignal): Promise<boolean> => {
    let place = after
    for (;;) {
      const answer = await hub.get('/feed', { after: place, types, limit: '1' }, 'application/json', signal)
      const page = pageShape.safeParse(await answer.json())
      if (!page.success)
        throw historyFailure('failed', 'The hub answers something else than a feed of this release.')
      if (page.data.events.length > 0) return true
      if (page.data.next === place) return false
      place = page.data.next
    }
  }

  async function* batches(start: string | undefined, signal: AbortSignal): AsyncGenerator<HistoryBatch> {
    let after = start
    let failures = 0
    let hasAnswered = false
    while (!signal.aborted) {
      try {
        const answer = await hub.get('/feed', { after, types }, 'application/x-ndjson', signal)
        hasAnswered = true
        for await (const events of eventsIn(answer)) {
          const [first] = events
          if (end !== undefined && first !== undefined && partsOfPosition(first.position)?.log !== end.log)
            throw historyFailure(
              'wrong option',
              '--to: is from before the hub was moved: give a later position.',
            )
          const last = events.at(-1)
          if (last === undefined) continue
          const isPastEnd = end !== undefined && last.number >= end.number
          yield {
            events: events.filter(
              ({ number, parsed }) => (end === undefined || number <= end.number) && isShown(parsed),
            ),
            next: last.number,
          }
          if (isPastEnd || signal.aborted) return
          after = last.position
          failures = 0
        }
        if (!(await hasMore(after, signal))) return
        throw broken('it ended its answer early')
      } catch (thrown) {
        if (signal.aborted) return
        if (!isBroken(thrown)) throw thrown
        failures += 1
        await recover(thrown, failures, hasAnswered, signal)
      }
    }
  }

  const recover = async (
    { reason, retryMilliseconds }: Broken,
    failures: number,
    hasAnswered: boolean,
    signal: AbortSignal,
  ): Promise<void> => {
    if (!hasAnswered && retryMilliseconds === 0)
      throw historyFailure('failed', `${hub.url} cannot be asked: ${reason}.`)
    if (failures > mostFailures)
      throw historyFailure(
        'failed',
        `${hub.url} cannot be read on, after ${mostFailures} attempts: ${reason}.`,
      )
    await pause(Math.max(retryMilliseconds, firstPauseMilliseconds * 2 ** (failures - 1)), signal)
  }

  return { batches }
}

/** What is wrong with the positions that are asked for, as the hub itself says. */
export const positionProblems = async (
  hub: Hub,
  { after, to }: Pick<ReplayRequest, 'after' | 'to'>,
  signal: AbortSignal,
): Promise<readonly string[]> => {
  const problems: string[] = []
  for (const [option, position] of [
    ['--after', after],
    ['--to', to],
  ] as const) {
    if (position === undefined) continue
    try {
      const answer = await hub.get('/feed', { after: position, limit: '1' }, 'application/json', signal)
      await answer.body?.cancel()
    } catch (thrown) {
      if (isBroken(thrown)) throw historyFailure('failed', `${hub.url} cannot be asked: ${thrown.reason}.`)
      if (!isHistoryFailure(thrown) || thrown.is !== 'wrong option') throw thrown
      problems.push(`${option}: "${position}" is no position of the log of ${hub.url}, or past its end`)
    }
  }
  const [first, last] = [partsOfPosition(after ?? ''), partsOfPosition(to ?? '')]
  if (problems.length === 0 && first?.log === last?.log && first !== undefined && last !== undefined)
    if (last.number < first.number) problems.push('--to: must not be before --after')
  return problems
}
