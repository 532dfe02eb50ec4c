import { createHash } from 'node:crypto'
import * as E from '#fp/Either'
import { differingParts, documentText } from './document-text.ts'
import type { Document, Generation, ReadModelWriter } from './read-store.ts'
import type { ReadUnavailable } from './read-unavailable.ts'

/** The first document in which two generations differ. */
export interface Difference {
  readonly key: string
  readonly is: 'missing' | 'unexpected' | 'different'
  /** Names of what differs: `text`, `position`, a field. */
  readonly parts: readonly string[]
}

/** A document that the generation served has changed since: what it says, as a digest. */
export interface Changed {
  readonly key: string
  readonly position: bigint
  readonly digest: string
}

/** What came of looking at all documents of a generation that was built and of the one served. */
export interface Walk {
  /** Documents that were compared, and SHA-256 (hex) over them, in the order of their keys. */
  readonly documents: number
  readonly digests: { readonly served: string; readonly built: string }
  readonly difference: Difference | undefined
  /** Not compared: they are of a later position than the built generation. */
  readonly changed: readonly Changed[]
}

const mostAtOnce = 500

async function* documentsOf(
  writer: Pick<ReadModelWriter, 'documentsAfter'>,
  generation: Generation,
): AsyncGenerator<Document> {
  let last: string | undefined
  for (;;) {
    const some = await writer.documentsAfter(generation, last, mostAtOnce)
    if (E.isLeft(some)) throw some.left
    if (some.right.length === 0) return
    yield* some.right
    last = some.right.at(-1)?.key
  }
}

const byBytes = (a: string, b: string): number =>
  a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b))

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

export const digestOf = (generation: Generation, document: Document): string =>
  sha256(documentText(generation.model, document))

/** Documents of two generations side by side, by key. */
async function* pairsOf(
  served: AsyncGenerator<Document>,
  built: AsyncGenerator<Document>,
): AsyncGenerator<readonly [served: Document | undefined, built: Document | undefined]> {
  try {
    let [one, other] = [(await served.next()).value, (await built.next()).value]
    while (one !== undefined || other !== undefined) {
      const order = one === undefined ? 1 : other === undefined ? -1 : byBytes(one.key, other.key)
      yield [order <= 0 ? one : undefined, order >= 0 ? other : undefined]
      if (order <= 0) one = (await served.next()).value
      if (order >= 0) other = (await built.next()).value
    }
  } finally {
    await served.return(undefined)
    await built.return(undefined)
  }
}

/**
 * Compares a generation that stands at its checkpoint with the one served, which has come at least as far and may be fed
 * meanwhile. No snapshot is needed: a document names the position of the event that made it, and those of the served
 * generation are all there up to its checkpoint. One that is of no later position than the built generation's checkpoint is
 * as it was there, and must be equal; one that is of a later position is put aside. Undefined where those are more than
 * `mostChanged`. Throws `ReadUnavailable`.
 */
export const walkBoth = async (
  writer: Pick<ReadModelWriter, 'documentsAfter'>,
  served: Generation,
  built: Generation,
  mostChanged: number,
  report: (documents: number) => void,
): Promise<Walk | undefined> => {
  const { model, checkpoint } = built
  const hashes = { served: createHash('sha256'), built: createHash('sha256') }
  const changed: Changed[] = []
  let difference: Difference | undefined
  let documents = 0
  for await (const [one, other] of pairsOf(documentsOf(writer, served), documentsOf(writer, built))) {
    if (one !== undefined && one.position > checkpoint.position) {
      changed.push({ key: one.key, position: one.position, digest: digestOf(served, one) })
      if (changed.length > mostChanged) return undefined
      continue
    }
    const [oneText, otherText] = [one, other].map(document => document && documentText(model, document))
    if (oneText !== undefined) hashes.served.update(oneText)
    if (otherText !== undefined) hashes.built.update(otherText)
    if (oneText !== otherText) difference ??= differenceOf(built, one, other)
    documents += 1
    report(documents)
  }
  return {
    documents,
    digests: { served: hashes.served.digest('hex'), built: hashes.built.digest('hex') },
    difference,
    changed,
  }
}

const differenceOf = (
  { model }: Generation,
  served: Document | undefined,
  built: Document | undefined,
): Difference | undefined => {
  if (served === undefined)
    return built === undefined ? undefined : { key: built.key, is: 'unexpected', parts: [] }
  return built === undefined
    ? { key: served.key, is: 'missing', parts: [] }
    : { key: served.key, is: 'different', parts: differingParts(model, served, built) }
}

/** Compares what was put aside at the position that the built generation has come to. */
export const compareChanged = async (
  writer: Pick<ReadModelWriter, 'load'>,
  built: Generation,
  changed: readonly Changed[],
): Promise<E.Either<ReadUnavailable, Difference | undefined>> => {
  const here = changed.filter(({ position }) => position === built.checkpoint.position)
  if (here.length === 0) return E.right(undefined)
  const loaded = await writer.load(
    built,
    here.map(({ key }) => key),
  )
  if (E.isLeft(loaded)) return loaded
  const digests = new Map(loaded.right.map(document => [document.key, digestOf(built, document)]))
  const wrong = here.find(({ key, digest }) => digests.get(key) !== digest)
  if (wrong === undefined) return E.right(undefined)
  return E.right({
    key: wrong.key,
    is: digests.has(wrong.key) ? 'different' : 'missing',
    parts: [],
  })
}
