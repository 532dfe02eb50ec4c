import * as E from '#fp/Either'
import { type Account, evolveAccount } from '../domain/account.ts'
import { eventTypesOf } from '../domain/catalogue.ts'
import type { RecordedEvent } from '../domain/event.ts'
import { isLogFailure, type LogFailure } from '../domain/log-failure.ts'
import { people } from '../domain/people.ts'
import { keyOfStream } from '../domain/resource.ts'
import type { AccountsAt } from '../projections/accounts.ts'
import type { EventFeed } from '../projections/event-feed.ts'

/** What access depends on, of everybody, in memory: asked on every request. */
export interface Standing {
  /** The person's account; undefined when there never was one, or no longer. */
  readonly account: (id: string) => Account | undefined
  /** Active people with the role `root` who can log in. */
  readonly roots: () => readonly string[]
  /** Every account whose credentials are known: for the sweep. */
  readonly holds: (account: string, credential: string) => boolean
  /** Takes in what this process appended itself; `history` is the whole stream, these events included. */
  readonly appended: (history: readonly RecordedEvent[]) => void
  readonly position: () => bigint
  /** Milliseconds since the log was last heard of. */
  readonly silentFor: () => number
  /** Whether it has caught up with the log once. */
  readonly isLive: () => boolean
}

export interface FollowedStanding extends Standing {
  /** Follows the feed until the signal; the feed's failure ends it. */
  readonly follow: (feed: EventFeed, signal: AbortSignal) => Promise<E.Either<LogFailure, void>>
}

// A removed account stays as a tombstone: late events must not bring it back.
interface Entry {
  readonly account: Account | undefined
  readonly revision: number
}

/** Starts from accounts as a read model knew them, and goes on from the position it had come to. */
export const makeStanding = (start: AccountsAt, now: () => number = Date.now): FollowedStanding => {
  const entries = new Map<string, Entry>(
    [...start.accounts].map(([id, { revision, ...account }]) => [id, { account, revision }]),
  )
  let position = start.position
  let heardAt = now()
  let live = false

  const apply = ({ stream, revision, event }: RecordedEvent): void => {
    const id = keyOfStream(stream)
    const known = entries.get(id)
    if ((known?.revision ?? -1) >= revision) return
    entries.set(id, { account: evolveAccount(known?.account, event), revision })
  }

  return {
    account: id => entries.get(id)?.account,
    roots: () =>
      [...entries].flatMap(([id, { account }]) =>
        account?.active && account.roles.includes('root') && account.credential !== undefined ? [id] : [],
      ),
    holds: (account, credential) => entries.get(account)?.account?.credential === credential,
    appended: history => {
      if (history[0]?.stream.startsWith(`${people.noun}-`)) for (const recorded of history) apply(recorded)
    },
    position: () => position,
    silentFor: () => now() - heardAt,
    isLive: () => live,
    follow: async (feed, signal) => {
      try {
        for await (const batch of feed.follow(position, { signal, types: eventTypesOf(people) })) {
          for (const recorded of batch.events) apply(recorded)
          position = batch.next
          heardAt = now()
          live ||= batch.caughtUp
        }
        return E.right(undefined)
      } catch (thrown) {
        if (isLogFailure(thrown)) return E.left(thrown)
        throw thrown
      }
    },
  }
}
