import { z } from 'zod'
import { type Account, evolveAccount } from '../domain/account.ts'
import { people } from '../domain/people.ts'
import { keyOfStream } from '../domain/resource.ts'
import type { EventFeed } from './event-feed.ts'
import { projection } from './projection.ts'
import type { ModelShape, ReadModels } from './read-store.ts'
import { readWhole, type Whole } from './read-whole.ts'

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

const parseText = (text: string): AccountAt => shape.parse(JSON.parse(text))

export const accountsProjection = projection({
  shape: accounts,
  events: people.eventTypes,
  needs: ({ stream, revision }) => (revision > 0 ? [keyOfStream(stream)] : []),
  apply: ({ event, stream, revision, position }, document) => {
    const key = keyOfStream(stream)
    const before = revision === 0 ? undefined : document(key)
    if (before !== undefined && before.revision >= revision) return []
    const text = before?.text ?? undefined
    const account = evolveAccount(text === undefined ? undefined : parseText(text), event)
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
})

/** Every account, if the read model is of this very log and answers; else none, at the log's beginning. */
export const allAccounts = (
  reads: Pick<ReadModels, 'checkpoint' | 'find'>,
  feed: Pick<EventFeed, 'eventIdAt'>,
): Promise<Whole<AccountAt>> => readWhole(reads, feed, accounts, parseText)
