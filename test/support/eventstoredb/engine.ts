/** What a server keeps, in memory: streams, one order over all of them, and its rules of appending. */
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

export const makeEngine = (): Engine => {
  const all: Kept[] = []
  const streams = new Map<string, Kept[]>()
  const hiddenBefore = new Map<string, number>()
  const tombstoned = new Set<string>()
  const listeners = new Set<(events: readonly Kept[]) => void>()
  let end = 548n

  const write = (stream: string, events: readonly Proposed[]): Outcome => {
    const there = streams.get(stream) ?? []
    const kept = events.map((event, i) => {
      const position = end
      // Positions rise by what a record takes on disk.
      end += BigInt(113 + 2 * stream.length + event.data.length + event.metadata.length)
      return { ...event, stream, revision: BigInt(there.length + i), position }
    })
    streams.set(stream, [...there, ...kept])
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
      const there = streams.get(stream) ?? []
      const isHidden = there.length > 0 && hiddenBefore.get(stream) === there.length
      if (expected === 'any' || (expected === 'no stream' && isHidden)) return write(stream, events)
      const first = expected === 'no stream' ? 0 : Number(expected) + 1
      if (first === there.length) return write(stream, events)
      const repeated = there.slice(first, first + events.length)
      const last = repeated.at(-1)
      if (
        last !== undefined &&
        repeated.length === events.length &&
        repeated.every((event, i) => event.id === events[i]?.id)
      )
        return { kind: 'stored', revision: last.revision, position: last.position }
      return { kind: 'conflict', current: there.at(-1)?.revision }
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
