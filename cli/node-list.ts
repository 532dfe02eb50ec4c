import * as E from '#fp/Either'
import { type Failure, sentenceOf } from '../api/http/problem.ts'
import type { Config } from '../config.ts'
import type { Core } from '../core.ts'
import type { FederationNode } from '../domain/nodes.ts'
import type { ExitCode } from './command.ts'
import { complain, say } from './operator.ts'
import { type Column, tableOf } from './table.ts'
import { withCore } from './with-core.ts'

/** How far a node is with what the hub has for it. */
interface SyncState {
  /** RFC 3339; null where it never was. */
  readonly last_seen: string | null
}

interface ListedNode extends SyncState {
  readonly client_id: string
  readonly name: string
  readonly status: FederationNode['status']
  readonly scopes: readonly string[]
}

/** What is known of each node besides what it was enrolled with. */
const syncStateOf = async (
  { auth }: Pick<Core, 'auth'>,
  clientIds: readonly string[],
): Promise<E.Either<Failure, (clientId: string) => SyncState>> =>
  E.map((seen: ReadonlyMap<string, number>) => (clientId: string): SyncState => {
    const at = seen.get(clientId)
    return { last_seen: at === undefined ? null : new Date(at).toISOString() }
  })(await auth.lastSeen(clientIds))

const columns: readonly Column<ListedNode>[] = [
  { head: 'CLIENT ID', cell: ({ client_id }) => client_id },
  { head: 'NAME', cell: ({ name }) => name },
  { head: 'STATUS', cell: ({ status }) => status },
  { head: 'LAST SEEN', cell: ({ last_seen }) => last_seen ?? 'never' },
  { head: 'SCOPES', cell: ({ scopes }) => String(scopes.length) },
]

/** Prints the nodes, by client id. */
export const listNodes = (config: Config, json: boolean): Promise<ExitCode> =>
  withCore(config, 'reads', async core => {
    const nodes = core.standing.nodes().toSorted((one, other) => (one.client_id < other.client_id ? -1 : 1))
    const states = await syncStateOf(
      core,
      nodes.map(({ client_id }) => client_id),
    )
    if (E.isLeft(states)) return complain(1, sentenceOf(states.left))
    const listed = nodes.map(
      ({ client_id, name, status, scopes }): ListedNode => ({
        ...{ client_id, name, status, scopes },
        ...states.right(client_id),
      }),
    )
    return say(json ? JSON.stringify(listed) : tableOf(columns, listed))
  })
