import * as E from '#fp/Either'
import { type Failure, sentenceOf } from '../api/http/problem.ts'
import type { Config } from '../config.ts'
import type { Core } from '../core.ts'
import type { FederationNode } from '../domain/nodes.ts'
import { type SyncState, syncStates } from '../relay/sync-state.ts'
import type { ExitCode } from './command.ts'
import { complain, say } from './operator.ts'
import { type Column, tableOf } from './table.ts'
import { withCore } from './with-core.ts'

interface ListedNode {
  readonly client_id: string
  readonly name: string
  readonly status: FederationNode['status']
  readonly scopes: readonly string[]
  /** RFC 3339; null where it never was. */
  readonly last_seen: string | null
  /** Null while the read models that know it are being built. */
  readonly inbox: SyncState['inbox'] | null
  readonly subscriptions: SyncState['subscriptions'] | null
}

const listed = async (
  core: Core,
  nodes: readonly FederationNode[],
): Promise<E.Either<Failure, readonly ListedNode[]>> => {
  const { auth, reads, deliveries, ports } = core
  const ids = nodes.map(({ client_id }) => client_id)
  const seen = await auth.lastSeen(ids)
  if (E.isLeft(seen)) return seen
  const states = await syncStates({ reads, deliveries, feed: ports.feed }, ids)
  if (E.isLeft(states) && states.left._tag !== 'ReadUnavailable') return states
  return E.right(
    nodes.map(({ client_id, name, status, scopes }, i) => {
      const at = seen.right.get(client_id)
      const { inbox = null, subscriptions = null } = (E.isRight(states) ? states.right[i] : undefined) ?? {}
      const last_seen = at === undefined ? null : new Date(at).toISOString()
      return { client_id, name, status, scopes, last_seen, inbox, subscriptions }
    }),
  )
}

const unknown = '?'
const sum = (numbers: readonly number[]): string => String(numbers.reduce((all, one) => all + one, 0))

const columns: readonly Column<ListedNode>[] = [
  { head: 'CLIENT ID', cell: ({ client_id }) => client_id },
  { head: 'NAME', cell: ({ name }) => name },
  { head: 'STATUS', cell: ({ status }) => status },
  { head: 'LAST SEEN', cell: ({ last_seen }) => last_seen ?? 'never' },
  { head: 'INBOX', cell: ({ inbox }) => (inbox === null ? unknown : String(inbox.size)) },
  { head: 'OLDEST', cell: ({ inbox }) => (inbox === null ? unknown : (inbox.oldest ?? '-')) },
  {
    head: 'WEBHOOKS',
    cell: ({ subscriptions }) =>
      subscriptions === null ? unknown : subscriptions.map(({ status }) => status).join(' ') || '-',
  },
  {
    head: 'LAG',
    cell: ({ subscriptions }) =>
      subscriptions === null ? unknown : sum(subscriptions.map(({ lag }) => lag)),
  },
  {
    head: 'DEAD',
    cell: ({ subscriptions }) =>
      subscriptions === null ? unknown : sum(subscriptions.map(({ deadLetters }) => deadLetters)),
  },
]

/** Prints the nodes, by client id, and what each has not taken yet. */
export const listNodes = (config: Config, json: boolean): Promise<ExitCode> =>
  withCore(config, 'reads', async core => {
    const nodes = core.standing.nodes().toSorted((one, other) => (one.client_id < other.client_id ? -1 : 1))
    const all = await listed(core, nodes)
    if (E.isLeft(all)) return complain(1, sentenceOf(all.left))
    return say(json ? JSON.stringify(all.right) : tableOf(columns, all.right))
  })
