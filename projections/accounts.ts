import { z } from 'zod'
import * as E from '#fp/Either'
import { type Account, evolveAccount } from '../domain/account.ts'
import { resourceOfEvent } from '../domain/catalogue.ts'
import { people } from '../domain/people.ts'
import { keyOfStream } from '../domain/resource.ts'
import type { EventFeed } from './event-feed.ts'
import type { Projection } from './projection.ts'
import type { ModelShape, ReadModels } from './read-store.ts'

/** What access depends on, by account: standing starts from it. */
export const accounts: ModelShape = { name: 'accounts', version: 1, fields: {}, indexes: [] }

/** An account with the revision of the person's stream that it was read at. */
export interface AccountAt extends Account {
  readonly revision: number
}

const shape: z.ZodType<AccountAt> = z.object({
  revision: z.int(),
  active: z.boolean(),
  roles: z.array(z.string()),
  credential: z.string().exactOptional(),
})

const parseAccountText = (text: string): AccountAt => shape.parse(JSON.parse(text))

export const accountsProjection: Projection = {
  shape: accounts,
  needs: ({ event, stream, revision }) =>
    resourceOfEvent(event.type) === people && revision > 0 ? [keyOfStream(stream)] : [],
  apply: ({ event, stream, revision, position }, document) => {
    if (resourceOfEvent(event.type) !== people) return []
    const key = keyOfStream(stream)
    const before = revision === 0 ? undefined : document(key)
    if (before !== undefined && before.revision >= revision) return []
    const text = before?.text ?? undefined
    const account = evolveAccount(text === undefined ? undefined : parseAccountText(text), event)
    return [
      {
        key,
        revision,
        position,
        text: account === undefined ? null : JSON.stringify({ ...account, revision }),
        fields: {},
      },
    ]
  },
}

/** All accounts as the read model knows them, and the position it has come to. */
export interface AccountsAt {
  readonly position: bigint
  readonly accounts: ReadonlyMap<string, AccountAt>
}

/** The accounts, if the read model is of this very log and answers; else none, at the log's beginning. */
export const readAccounts = async (
  reads: Pick<ReadModels, 'checkpoint' | 'find'>,
  feed: Pick<EventFeed, 'eventIdAt'>,
): Promise<AccountsAt> => {
  const known = new Map<string, AccountAt>()
  const nothing = { position: 0n, accounts: new Map() }
  const checkpoint = await reads.checkpoint(accounts)()
  if (E.isLeft(checkpoint) || checkpoint.right.position === 0n) return nothing
  const there = await feed.eventIdAt(checkpoint.right.position)()
  if (E.isLeft(there) || there.right !== checkpoint.right.eventId) return nothing
  const query = { equals: {}, descending: false, limit: 1000, mostBytes: 2 ** 24 }
  let after: string | undefined
  do {
    const place = after === undefined ? {} : { after: { value: null, key: after } }
    const page = await reads.find(accounts, { ...query, ...place })()
    if (E.isLeft(page)) return nothing
    for (const { key, text } of page.right.documents) known.set(key, parseAccountText(text))
    after = page.right.more ? page.right.documents.at(-1)?.key : undefined
  } while (after !== undefined)
  return { position: checkpoint.right.position, accounts: known }
}
