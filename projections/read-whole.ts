import * as E from '#fp/Either'
import type { EventFeed } from './event-feed.ts'
import type { ModelShape, ReadModels } from './read-store.ts'

/** A whole read model: what its documents say, by key, and the position it has come to. */
export interface Whole<A> {
  readonly position: bigint
  readonly documents: ReadonlyMap<string, A>
}

const nothing: Whole<never> = { position: 0n, documents: new Map<string, never>() }

/** All documents of a read model, if it is of this very log and answers; else none, at the log's beginning. */
export const readWhole = async <A>(
  reads: Pick<ReadModels, 'checkpoint' | 'find'>,
  feed: Pick<EventFeed, 'eventIdAt'>,
  model: ModelShape,
  parse: (text: string) => A,
): Promise<Whole<A>> => {
  const documents = new Map<string, A>()
  const checkpoint = await reads.checkpoint(model)
  if (E.isLeft(checkpoint) || checkpoint.right.position === 0n) return nothing
  const idAtCheckpoint = await feed.eventIdAt(checkpoint.right.position)
  if (E.isLeft(idAtCheckpoint) || idAtCheckpoint.right !== checkpoint.right.eventId) return nothing
  const query = { equals: {}, descending: false, limit: 1000, mostBytes: 2 ** 24 }
  let after: string | undefined
  do {
    const place = after === undefined ? {} : { after: { value: null, key: after } }
    const page = await reads.find(model, { ...query, ...place })
    if (E.isLeft(page)) return nothing
    for (const { key, text } of page.right.documents) documents.set(key, parse(text))
    after = page.right.more ? page.right.documents.at(-1)?.key : undefined
  } while (after !== undefined)
  return { position: checkpoint.right.position, documents }
}
