import { createHash } from 'node:crypto'
import * as E from '#fp/Either'
import { hubStream, type KeptPosition, positionsStream } from '../../domain/hub-events.ts'
import { parseText, type StoredEvent, type StoredLog } from '../stored.ts'
import { along, type MovingStore, stop } from './failure.ts'
import type { Meaning } from './meaning.ts'

/** The epoch that a log of the embedded engine is in. */
export const firstEpoch = 0

const { signal } = new AbortController()

/** The events of a log after a position, up to its head. */
async function* eventsOf(store: MovingStore, log: StoredLog, after: bigint): AsyncGenerator<StoredEvent> {
  for await (const { events } of along(store, log.follow(after, { signal, toHead: true }))) yield* events
}

/** Whether the new log holds nothing. Its head would be looked for among all that others have on the same server. */
export const holdsNothing = async (target: StoredLog): Promise<boolean> => {
  for await (const _ of eventsOf('new events', target, 0n)) return false
  return true
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The event as the new log keeps it: its metadata holds its former position as well. */
export const copyOf = (event: StoredEvent): StoredEvent => {
  const metadata = parseText(event.metadata)
  if (!isObject(metadata) || event.isDamaged) return stop({ _tag: 'EventDamaged', stream: event.stream })
  const former = { epoch: firstEpoch, position: String(event.position) }
  return { ...event, metadata: JSON.stringify({ ...metadata, former }) }
}

/** Whether an event of the new log tells of the move itself. */
const isOfTheMove = ({ stream, revision }: StoredEvent): boolean =>
  (stream === hubStream && revision > 0) || stream === positionsStream(firstEpoch)

/** What an event says, whatever key it is encrypted under: null for data that nobody can read any more. */
const lineOf = ({ stream, revision, id, type, metadata }: StoredEvent, data: string | undefined): string =>
  `${JSON.stringify([stream, revision, id, type, data ?? null, metadata])}\n`

/** What the new log holds of the old one: its first events, as they were, in their order. */
export interface Copied {
  readonly events: number
  /** The former position of the last; 0 where there is none. */
  readonly upTo: bigint
  /** SHA-256 (hex) over what the events say, as they were read back. */
  readonly digest: string
  /** Every so many events one, and the last. */
  readonly places: readonly KeptPosition[]
}

export type Report = (position: bigint) => void

/**
 * Reads the new log back, each time from where it was, and holds each event against the old one. Undefined where it
 * holds anything that is no copy, or not in its place.
 */
export const makeReadBack = (
  source: StoredLog,
  target: StoredLog,
  { meant }: Meaning,
  placesEvery: number,
): ((report: Report) => Promise<Copied | undefined>) => {
  const digest = createHash('sha256')
  const places: KeptPosition[] = []
  let events = 0
  let [upTo, position] = [0n, 0n]
  let last: KeptPosition | undefined

  return async report => {
    const originals = eventsOf('old events', source, upTo)
    try {
      for await (const copy of eventsOf('new events', target, position)) {
        position = copy.position
        if (isOfTheMove(copy)) continue
        const { value: original } = await originals.next()
        const line = lineOf(copy, await meant(copy))
        if (original === undefined || line !== lineOf(copyOf(original), await meant(original)))
          return undefined
        digest.update(line)
        upTo = original.position
        last = [String(upTo), String(position)]
        if (events % placesEvery === 0) places.push(last)
        events += 1
        report(upTo)
      }
    } finally {
      await originals.return(undefined)
    }
    return {
      events,
      upTo,
      digest: digest.copy().digest('hex'),
      places: last === undefined || places.at(-1) === last ? places : [...places, last],
    }
  }
}

const mostTogether = 100
/** Encrypted they take a third more, and an append holds 1 MiB at most. */
const mostBytes = 512 * 1024

/** Events that may share an append: one stream's, one after the other. */
async function* togetherIn(events: AsyncIterable<StoredEvent>): AsyncGenerator<readonly StoredEvent[]> {
  let together: StoredEvent[] = []
  let bytes = 0
  for await (const event of events) {
    const eventBytes = Buffer.byteLength(event.data)
    const fits =
      together[0]?.stream === event.stream &&
      together.length < mostTogether &&
      bytes + eventBytes <= mostBytes
    if (!fits && together.length > 0) {
      yield together
      together = []
      bytes = 0
    }
    together.push(event)
    bytes += eventBytes
  }
  if (together.length > 0) yield together
}

async function* upToPosition(events: AsyncIterable<StoredEvent>, until: bigint): AsyncGenerator<StoredEvent> {
  for await (const event of events) {
    if (event.position > until) return
    yield event
  }
}

/**
 * Appends copies of the events after `after` up to `until`, one append after the other: the order of the new log is that of
 * the old one. What is about a person is encrypted on the way, where it was not before. An append that was stored before, by a run that was killed, is found to be so by the log.
 */
export const copyEvents = async (
  source: StoredLog,
  target: StoredLog,
  { encrypted }: Meaning,
  { after, until }: { readonly after: bigint; readonly until: bigint },
  report: Report,
): Promise<void> => {
  const append = async (events: readonly StoredEvent[]): Promise<void> => {
    const [first] = events
    if (first === undefined) return
    const expected = first.revision === 0 ? 'no-stream' : first.revision - 1
    const appended = await target.append(first.stream, expected, events)
    if (E.isRight(appended)) return
    const failure = appended.left
    if (failure._tag === 'LogUnavailable')
      stop({ _tag: 'StoreUnavailable', store: 'new events', cause: failure.cause })
    // A run that was killed may have left the first of them only.
    else if (events.length > 1) for (const event of events) await append([event])
    else stop({ _tag: 'CopyDiffers', store: 'new events' })
  }
  for await (const together of togetherIn(upToPosition(eventsOf('old events', source, after), until))) {
    await append((await encrypted(together)).map(copyOf))
    report(together.at(-1)?.position ?? after)
  }
}
