import * as E from '#fp/Either'
import type { LogUnavailable } from '../domain/log-failure.ts'
import { isEncrypted } from './cipher.ts'
import type { StoredLog } from './stored.ts'
import { metadataOf, subjectOfStored } from './stored-metadata.ts'

/** How many events about a person, of these streams, are stored in clear: they were recorded before the hub encrypted. */
export const countClearEvents = async (
  stored: Pick<StoredLog, 'read'>,
  account: string,
  streams: readonly string[],
): Promise<E.Either<LogUnavailable, number>> => {
  let clear = 0
  for (const stream of streams)
    for (let from: number | undefined = 0; from !== undefined; ) {
      const run = await stored.read(stream, from)
      if (E.isLeft(run)) return run
      const { events, more } = run.right
      clear += events.filter(
        ({ type, data, metadata }) =>
          !isEncrypted(data) && subjectOfStored(type, metadataOf(metadata) ?? {}) === account,
      ).length
      from = more ? (events.at(-1)?.revision ?? 0) + 1 : undefined
    }
  return E.right(clear)
}
