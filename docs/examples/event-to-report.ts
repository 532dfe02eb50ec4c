import { parseInstant } from '../../domain/instant.ts'
import type { FeedEntry } from '../../projections/feed-entry.ts'

/** Hours from each event to its report, by the type of the event. */
type Delays = Map<string, number[]>

export const initial: Delays = new Map()

const hourMilliseconds = 3_600_000

/** A time without a zone is UTC, as the hub takes it. */
const millisecondsOf = (time: string): number => Date.parse(`${parseInstant(time)}Z`)

export const apply = (delays: Delays, { data, occurredAt }: FeedEntry): Delays => {
  const { type, date } = data ?? {}
  if (typeof type !== 'string' || typeof date !== 'string' || occurredAt === undefined) return delays
  const hours = (millisecondsOf(occurredAt) - millisecondsOf(date)) / hourMilliseconds
  return delays.set(type, [...(delays.get(type) ?? []), hours])
}

export const result = (delays: Delays) =>
  Object.fromEntries(
    [...delays].map(([type, hours]) => {
      const sorted = hours.toSorted((a, b) => a - b)
      return [
        type,
        {
          events: hours.length,
          medianHours: sorted[Math.floor(hours.length / 2)],
          longestHours: sorted.at(-1),
        },
      ]
    }),
  )
