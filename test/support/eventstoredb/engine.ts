import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { z } from 'zod'

/** What a server keeps: streams, one order over all of them, and its rules of appending. */
export interface Kept {
  readonly id: string
  readonly stream: string
  readonly revision: bigint
  readonly position: bigint
  readonly type: string
  readonly contentType: string
  readonly data: Uint8Array
  readonly metadata: Uint8Array
}

export type Proposed = Pick<Kept, 'id' | 'type' | 'contentType' | 'data' | 'metadata'>

export type Expectation = 'no stream' | 'any' | bigint

export type Outcome =
  | { readonly kind: 'stored'; readonly revision: bigint; readonly position: bigint }
  | { readonly kind: 'conflict'; readonly current: bigint | undefined }
  | { readonly kind: 'deleted' }

export interface Engine {
  readonly all: readonly Kept[]
  readonly streamOf: (name: string) => readonly Kept[]
  readonly isTombstoned: (name: string) => boolean
  readonly append: (stream: string, expected: Expectation, events: readonly Proposed[]) => Outcome
  /** Hides what there is; revisions go on. */
  readonly delete: (stream: string) => void
  readonly tombstone: (stream: string) => void
  /** Calls back with the events of each append from now on; gives what ends that. */
  readonly listen: (listener: (events: readonly Kept[]) => void) => () => void
}

/** How an event stands in the journal: bigint and bytes as text. */
const journalRow = z.object({
  id: z.string(),
  stream: z.string(),
  revision: z.string().transform(BigInt),
  position: z.string().transform(BigInt),
  type: z.string(),
  contentType: z.string(),
  data: z.base64().transform(text => new Uint8Array(Buffer.from(text, 'base64'))),
  metadata: z.base64().transform(text => new Uint8Array(Buffer.from(text, 'base64'))),
})

const journalLine = (event: Kept): string =>
  `${JSON.stringify({
    ...event,
    revision: String(event.revision),
    position: String(event.position),
    data: Buffer.from(event.data).toString('base64'),
    metadata: Buffer.from(event.metadata).toString('base64'),
  })}\n`

/** Whole lines only: an append that was cut off was not answered. */
const readJournal = (file: string): readonly Kept[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .slice(0, -1)
        .map(line => journalRow.parse(JSON.parse(line)))
    : []

const sizeOf = ({ stream, data, metadata }: Pick<Kept, 'stream' | 'data' | 'metadata'>): bigint =>
  BigInt(113 + 2 * stream.length + data.length + metadata.length)

/** With a journal, events are in that file before an append answers, and there again after a restart. */
export const makeEngine = (journal?: string): Engine => {
  const all: Kept[] = []
  const streams = new Map<string, Kept[]>()
  const hiddenBefore = new Map<string, number>()
  const tombstoned = new Set<string>()
  const listeners = new Set<(events: readonly Kept[]) => void>()
  let end = 548n

  for (const event of journal === undefined ? [] : readJournal(journal)) {
    all.push(event)
    streams.set(event.stream, [...(streams.get(event.stream) ?? []), event])
    end = event.position + sizeOf(event)
  }

  const write = (stream: string, events: readonly Proposed[]): Outcome => {
    const existing = streams.get(stream) ?? []
    const kept = events.map((event, i) => {
      const position = end
      // Positions rise by what a record takes on disk.
      end += sizeOf({ ...event, stream })
      return { ...event, stream, revision: BigInt(existing.length + i), position }
    })
    if (journal !== undefined) appendFileSync(journal, kept.map(journalLine).join(''))
    streams.set(stream, [...existing, ...kept])
    all.push(...kept)
    for (const listener of listeners) listener(kept)
    const last = kept.at(-1)
    return { kind: 'stored', revision: last?.revision ?? -1n, position: last?.position ?? 0n }
  }

  return {
    all,
    streamOf: name => (streams.get(name) ?? []).slice(hiddenBefore.get(name) ?? 0),
    isTombstoned: name => tombstoned.has(name),
    append: (stream, expected, events) => {
      if (tombstoned.has(stream)) return { kind: 'deleted' }
      const existing = streams.get(stream) ?? []
      const isHidden = existing.length > 0 && hiddenBefore.get(stream) === existing.length
      if (expected === 'any' || (expected === 'no stream' && isHidden)) return write(stream, events)
      const first = expected === 'no stream' ? 0 : Number(expected) + 1
      if (first === existing.length) return write(stream, events)
      const repeated = existing.slice(first, first + events.length)
      const last = repeated.at(-1)
      if (
        last !== undefined &&
        repeated.length === events.length &&
        repeated.every((event, i) => event.id === events[i]?.id)
      )
        return { kind: 'stored', revision: last.revision, position: last.position }
      return { kind: 'conflict', current: existing.at(-1)?.revision }
    },
    delete: stream => {
      hiddenBefore.set(stream, streams.get(stream)?.length ?? 0)
    },
    tombstone: stream => {
      tombstoned.add(stream)
    },
    listen: listener => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
