import * as E from '#fp/Either'
import { type Account, accountOf, evolveAccount, isPersonEvent, type PersonEvent } from '../domain/account.ts'
import type { RecordedEvent } from '../domain/event.ts'
import type { ItemState } from '../domain/item.ts'
import type { JsonObject } from '../domain/json.ts'
import { isLogFailure, type LogFailure } from '../domain/log-failure.ts'
import {
  evolveNode,
  type FederationNode,
  isNodeEvent,
  type NodeEvent,
  nodeEventTypes,
  parseNode,
} from '../domain/nodes.ts'
import { people } from '../domain/people.ts'
import { keyOfStream } from '../domain/resource.ts'
import type { AccountAt } from '../projections/accounts.ts'
import type { EventFeed } from '../projections/event-feed.ts'
import type { NodeAt } from '../projections/nodes.ts'

/** What access depends on, of everybody, in memory: asked on every request. */
export interface Standing {
  /** The person's account; undefined when there never was one, or no longer. */
  readonly account: (id: string) => Account | undefined
  /** The node, whatever its status; undefined when there never was one. */
  readonly node: (clientId: string) => FederationNode | undefined
  /** All nodes, whatever their status. */
  readonly nodes: () => readonly FederationNode[]
  /** Active people with the role `root` who can log in. */
  readonly roots: () => readonly string[]
  /** Whether this version of a credential, of a person or of a node (`nodeAccount`), opens anything: for the sweep. */
  readonly holds: (account: string, credential: string) => boolean
  /** Takes in how this process left a person, or a node, at a revision of its stream. */
  readonly personIs: (id: string, state: ItemState, revision: number) => void
  readonly nodeIs: (clientId: string, item: JsonObject, revision: number) => void
  readonly position: () => bigint
  /** Milliseconds since this was at the end of the log, or came nearer to it. */
  readonly silentFor: () => number
  /** Whether it has caught up with the log once. */
  readonly isLive: () => boolean
}

export interface FollowedStanding extends Standing {
  /** Follows the feed until the signal; the feed's failure ends it. */
  readonly follow: (
    feed: Pick<EventFeed, 'follow'>,
    signal: AbortSignal,
  ) => Promise<E.Either<LogFailure, void>>
}

/** The versions of a node's secrets that open anything, now or once it is reinstated. */
export const liveSecrets = (node: FederationNode | undefined): readonly string[] =>
  node === undefined || node.status === 'retired' ? [] : node.credentials

/** Under which account the secrets of a node are stored; no federation account holds a colon. */
export const nodeAccount = (clientId: string): string => `node:${clientId}`

// A removed account stays as a tombstone: late events must not bring it back.
interface AccountEntry {
  readonly account: Account | undefined
  readonly revision: number
}

interface NodeEntry {
  readonly item: JsonObject
  readonly node: FederationNode | undefined
  readonly revision: number
}

/** What read models knew when the process started, and from where on the feed is still to be read. */
export interface StandingStart {
  readonly position: bigint
  readonly accounts: ReadonlyMap<string, AccountAt>
  readonly nodes: ReadonlyMap<string, NodeAt>
}

/** The events that say what credentials open, and what they open it to. */
export const followedTypes = [...people.eventTypes, ...nodeEventTypes]

/** Starts from what read models knew, and goes on from the position they had come to. */
export const makeStanding = (start: StandingStart, now: () => number = Date.now): FollowedStanding => {
  const accounts = new Map<string, AccountEntry>(
    [...start.accounts].map(([id, { revision, ...account }]) => [id, { account, revision }]),
  )
  const nodes = new Map<string, NodeEntry>(
    [...start.nodes].map(([id, { revision, item }]) => [id, { item, node: parseNode(item), revision }]),
  )
  let position = start.position
  let heardAt = now()
  let live = false

  const isNews = (current: { readonly revision: number } | undefined, revision: number): boolean =>
    current === undefined || current.revision < revision

  const applyToAccount = (id: string, event: PersonEvent, revision: number): void => {
    const current = accounts.get(id)
    if (isNews(current, revision))
      accounts.set(id, { account: evolveAccount(current?.account, event), revision })
  }

  const nodeIs = (id: string, item: JsonObject, revision: number): void => {
    if (isNews(nodes.get(id), revision)) nodes.set(id, { item, node: parseNode(item), revision })
  }

  const applyToNode = (id: string, event: NodeEvent, revision: number): void => {
    const current = nodes.get(id)
    const item = isNews(current, revision) ? evolveNode(current?.item, event) : undefined
    if (item !== undefined) nodeIs(id, item, revision)
  }

  const apply = ({ stream, event, revision }: RecordedEvent): void => {
    if (isPersonEvent(event)) applyToAccount(keyOfStream(stream), event, revision)
    else if (isNodeEvent(event)) applyToNode(keyOfStream(stream), event, revision)
  }

  return {
    account: id => accounts.get(id)?.account,
    node: clientId => nodes.get(clientId)?.node,
    nodes: () => [...nodes.values()].flatMap(({ node }) => (node === undefined ? [] : [node])),
    roots: () =>
      [...accounts].flatMap(([id, { account }]) =>
        account?.active && account.roles.includes('root') && account.credential !== undefined ? [id] : [],
      ),
    holds: (account, credential) =>
      account.startsWith('node:')
        ? liveSecrets(nodes.get(account.slice('node:'.length))?.node).includes(credential)
        : accounts.get(account)?.account?.credential === credential,
    personIs: (id, state, revision) => {
      if (isNews(accounts.get(id), revision)) accounts.set(id, { account: accountOf(state), revision })
    },
    nodeIs,
    position: () => position,
    silentFor: () => now() - heardAt,
    isLive: () => live,
    follow: async (feed, signal) => {
      try {
        for await (const batch of feed.follow(position, { signal, types: followedTypes })) {
          for (const recorded of batch.events) apply(recorded)
          // A beginning that comes no further than the one before, each time, is no sign that nothing is missed.
          if (batch.caughtUp || batch.next > position) heardAt = now()
          position = batch.next
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
