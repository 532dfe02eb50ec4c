import { z } from 'zod'
import { actorShape } from '../../domain/event.ts'
import type { JsonObject } from '../../domain/json.ts'
import type { FeedEntry } from '../../projections/feed-entry.ts'
import { bytesOf } from '../hub/ask.ts'
import { broken } from '../hub/failure.ts'
import { linesOf } from '../lines.ts'
import { type HistoryEvent, historyFailure } from './history.ts'
import { partsOfPosition } from './position-parts.ts'

const mostLineBytes = 8 * 1024 * 1024
const mostLines = 500

const isRecord = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const entryShape: z.ZodType<FeedEntry> = z.looseObject({
  position: z.string(),
  stream: z.string(),
  revision: z.int(),
  type: z.string(),
  resource: z.string().exactOptional(),
  id: z.string().exactOptional(),
  person: z.string().exactOptional(),
  data: z.custom<JsonObject>(isRecord).exactOptional(),
  actor: actorShape,
  recordedAt: z.string(),
  occurredAt: z.string().exactOptional(),
})

export interface FeedEvent extends HistoryEvent {
  readonly number: bigint
  readonly parsed: FeedEntry
}

const eventIn = (bytes: Buffer | undefined): FeedEvent => {
  let value: unknown
  try {
    value = JSON.parse(bytes?.toString('utf8') ?? '')
  } catch {
    throw broken('a line of its answer is cut off')
  }
  const parsed = entryShape.safeParse(value)
  if (!parsed.success)
    throw historyFailure('failed', 'The hub answers something else than a feed of this release.')
  const text = bytes?.toString('utf8') ?? ''
  const { data: entry } = parsed
  return {
    position: entry.position,
    number: partsOfPosition(entry.position)?.number ?? 0n,
    parsed: entry,
    entry: () => entry,
    json: () => text,
  }
}

/** The events of an answer, some at a time; those that came whole before it broke are given first. */
export async function* eventsIn(answer: Response): AsyncGenerator<readonly FeedEvent[]> {
  let events: FeedEvent[] = []
  try {
    for await (const { bytes } of linesOf(bytesOf(answer), mostLineBytes)) {
      events.push(eventIn(bytes))
      if (events.length < mostLines) continue
      yield events
      events = []
    }
  } catch (thrown) {
    if (events.length > 0) yield events
    throw thrown
  }
  if (events.length > 0) yield events
}
