import * as E from '#fp/Either'
import type { ContentName, ContentStore } from '../../commands/content-store.ts'
import { catalogue } from '../../domain/catalogue.ts'
import { contentShape } from '../../domain/content.ts'
import { parseText, type StoredLog } from '../stored.ts'
import { metadataOf } from '../stored-metadata.ts'
import { along, type MovingStore, stop } from './failure.ts'
import type { Meaning } from './meaning.ts'

const types = catalogue.flatMap(({ contentFact }) => contentFact ?? [])
const { signal } = new AbortController()

const isThere = async (
  which: MovingStore & `${string}contents`,
  store: ContentStore,
  name: ContentName,
): Promise<boolean> => {
  const verified = await store.verify(name)
  if (E.isLeft(verified) && verified.left._tag === 'ContentUnavailable')
    stop({ _tag: 'StoreUnavailable', store: which, cause: verified.left.cause })
  return E.isRight(verified)
}

const copyContent = async (source: ContentStore, target: ContentStore, name: ContentName): Promise<void> => {
  if (await isThere('new contents', target, name)) return
  if (!(await isThere('old contents', source, name))) stop({ _tag: 'ContentDamaged', sha256: name.sha256 })
  const taken = await target.receive(source.read(name), name.size, ({ keep }) => keep(), name.subject)
  if (E.isLeft(taken)) {
    const store = taken.left._tag === 'ContentUnavailable' ? 'new contents' : 'old contents'
    stop({ _tag: 'StoreUnavailable', store, cause: taken.left })
  }
  if (!(await isThere('new contents', target, name))) stop({ _tag: 'CopyDiffers', store: 'new contents' })
}

/** Copies every content that an event after `after` names, unless it is there; each is read back. */
export const copyContents = async (
  log: StoredLog,
  source: ContentStore,
  target: ContentStore,
  { meant }: Meaning,
  after: bigint,
  report: (contents: bigint) => void,
): Promise<void> => {
  let contents = 0n
  for await (const { events } of along('old events', log.follow(after, { signal, types, toHead: true })))
    for (const event of events) {
      // Of somebody who is forgotten nothing is left.
      const data = await meant(event)
      const content = data === undefined ? undefined : contentShape.safeParse(parseText(data)).data
      if (content === undefined) continue
      const subject = metadataOf(event.metadata)?.subject
      const name = subject === undefined ? content : { ...content, subject }
      await copyContent(source, target, name)
      contents += 1n
      report(contents)
    }
}
