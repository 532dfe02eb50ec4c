import * as E from '#fp/Either'
import { accessTable } from '../../auth/access-table.ts'
import type { NodeOutcome, NodeWrite } from '../../auth/nodes.ts'
import { enrollmentProblems, nodePatchProblems } from '../../auth/nodes.ts'
import type { Principal } from '../../auth/policy.ts'
import { type JsonObject, member, withoutMembers } from '../../domain/json.ts'
import { type Authority, clientIdRule, parseClientId, shownNode } from '../../domain/nodes.ts'
import { type InvalidPart, invalid } from '../../domain/rejection.ts'
import { invalidPartsOf } from '../../domain/resource.ts'
import { nodes, parseNodeText, readNode } from '../../projections/nodes.ts'
import { type SyncState, syncStates } from '../../relay/sync-state.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { changes, creates, json, lists, mergePatch, reads, settles } from '../description/operation.ts'
import { type Answer, jsonAnswer } from '../http/answer.ts'
import { type Call, type Handle, pathParameter } from '../http/call.ts'
import { etagOf, isCurrent } from '../http/conditional.ts'
import { keysOfCollection, withoutClaim } from '../http/key-claims.ts'
import { itemParametersOf } from '../http/parameters.ts'
import type { Failure } from '../http/problem.ts'
import { readable } from '../http/reading.ts'
import type { Route } from '../http/route.ts'
import { type Written, withoutState, writeAnswer } from '../http/write-answers.ts'
import { writes } from '../http/write-request.ts'
import { listedOf } from '../resources/listed.ts'
import { listItems } from '../resources/lists.ts'
import { nodeParameters, nodeShapes, statusShape } from './node-bodies.ts'

const authorityOf = (principal: Principal): Authority =>
  principal.kind === 'node' ? { clientId: principal.id, scopes: principal.scopes } : 'all'

/** As JSON: also of a node that nothing waits for. */
const shownSyncState = ({ inbox, subscriptions }: SyncState = nothingWaits): JsonObject => ({
  inbox: { ...inbox },
  subscriptions: subscriptions.map(({ id, status, position, lag, deadLetters }) => ({
    id,
    status,
    position,
    lag,
    deadLetters,
  })),
})

const nothingWaits: SyncState = { inbox: { size: 0, oldest: null }, subscriptions: [] }

const noSuchNode: Failure = { _tag: 'NoSuchItem', what: 'node' }

/** `/nodes`: enrolling, changing, re-keying and suspending the nodes of the federation. */
export const nodeRoutes = (dependencies: ApiDependencies): readonly Route[] => {
  const { nodes: useCases, readModels, lastSeen, policy } = dependencies

  const claiming = keysOfCollection(dependencies)
  const listed = listedOf({ name: 'nodes', filters: {} }, dependencies)

  const shown = async (items: readonly JsonObject[]): Promise<E.Either<Failure, readonly JsonObject[]>> => {
    const ids = items.map(item => String(member(item, 'client_id')))
    const [seen, states] = await Promise.all([
      lastSeen(ids),
      syncStates({ ...dependencies, reads: readModels }, ids),
    ])
    if (E.isLeft(seen)) return seen
    if (E.isLeft(states)) return states
    return E.right(
      items.map((item, i) => {
        const at = seen.right.get(ids[i] ?? '')
        const last_seen = at === undefined ? null : new Date(at).toISOString()
        return { ...shownNode(item), last_seen, ...shownSyncState(states.right[i]) }
      }),
    )
  }

  const list: Handle = call =>
    listItems(dependencies, call, listed, nodes, { path: '/nodes', equals: {} }, async texts => {
      const items = await shown(texts.map(text => parseNodeText(text).item))
      return E.map((all: readonly JsonObject[]) => all.map(item => JSON.stringify(item)))(items)
    })

  const getOne: Handle = async call => {
    const parameters = itemParametersOf(call.request.url, [])
    if (E.isLeft(parameters)) return parameters
    const isReadable = await readable(dependencies, call, nodes)
    if (E.isLeft(isReadable)) return isReadable
    const id = parseClientId(pathParameter(call, 'id'))
    if (id === undefined) return E.left(noSuchNode)
    const node = await readNode(readModels, id)
    if (E.isLeft(node)) return node
    if (node.right === undefined) return E.left(noSuchNode)
    const { revision, item } = node.right
    const headers = { ETag: etagOf(revision) }
    if (isCurrent(call.request.headers['if-none-match'], revision)) return E.right({ status: 304, headers })
    const items = await shown([item])
    return E.map((all: readonly JsonObject[]) => jsonAnswer(200, JSON.stringify(all[0]), headers))(items)
  }

  const mayRead = ({ principal }: Call): boolean =>
    policy.permits(principal, accessTable.get('/nodes/:id')?.grants.GET, undefined)

  const answerOf = async (
    call: Call,
    clientId: string,
    outcome: NodeOutcome,
    shows: 'node' | 'secret' | 'nothing',
  ): Promise<E.Either<Failure, Answer>> => {
    const { state, secret, added } = outcome
    if (state.is === 'absent') return E.left(noSuchNode)
    const answer = async (shown: Written['shows']) => {
      const written = { model: nodes.name, path: `/nodes/${clientId}`, shows: shown }
      const given = await writeAnswer(dependencies, call, outcome, written)
      // A second secret is something new, at a node that is not.
      return E.right(shows === 'secret' && added ? { ...given, status: 201 } : given)
    }
    if (shows === 'nothing') return answer('nothing')
    // Whoever was given a secret sees it once, with the rights to read nodes or without.
    const issued = { client_id: clientId, ...(secret === undefined ? {} : { client_secret: secret }) }
    const isSecret = secret !== undefined
    if (!mayRead(call)) return answer(isSecret ? { text: JSON.stringify(issued), isSecret } : 'hidden')
    if (shows === 'secret') return answer({ text: JSON.stringify(issued), isSecret: true })
    const items = await shown([state.item])
    return E.isLeft(items)
      ? items
      : answer({ text: JSON.stringify({ ...items.right[0], ...issued }), isSecret })
  }

  /** A write to a node: its body is looked at, then the command runs on behalf of the caller. */
  const write = (
    route: string,
    shows: 'node' | 'secret' | 'nothing',
    problems: ((body: JsonObject) => Promise<readonly InvalidPart[]> | readonly InvalidPart[]) | undefined,
    perform: (write: NodeWrite, body: JsonObject) => ReturnType<typeof useCases.change>,
    creates = true,
  ): Handle => {
    const isInCollection = route === '/nodes'
    return writes(dependencies, {
      body: problems === undefined ? 'unread' : 'json',
      keyPath: call => route.replace(':id', pathParameter(call, 'id')),
      run: async ({ call, sent, context, preconditions }) => {
        const { json } = sent
        const idText = isInCollection ? member(json, 'client_id') : pathParameter(call, 'id')
        const clientId = typeof idText === 'string' ? parseClientId(idText) : undefined
        const named = member(json, 'client_id')
        const errors = [
          ...(isInCollection && clientId === undefined
            ? [{ pointer: '/client_id', detail: `must be ${clientIdRule}` }]
            : []),
          ...(!isInCollection && named !== undefined && named !== clientId
            ? [{ pointer: '/client_id', detail: 'must be as in the path, or be left out' }]
            : []),
          ...((await problems?.(json)) ?? []),
        ]
        const distinct = errors.filter(
          (part, i) =>
            errors.findIndex(
              other => 'pointer' in other && 'pointer' in part && other.pointer === part.pointer,
            ) === i,
        )
        if (distinct.length > 0) return E.left(invalid(...distinct))
        if (clientId === undefined)
          return E.left(
            creates ? invalid({ pointer: '/client_id', detail: `must be ${clientIdRule}` }) : noSuchNode,
          )
        const parts = { clientId, by: authorityOf(call.principal), preconditions, context }
        const withKey = isInCollection ? claiming : withoutClaim
        const outcome = await withKey(`node-${clientId}`, context, claim =>
          perform({ ...parts, claim }, json),
        )
        if (E.isRight(outcome)) return answerOf(call, clientId, outcome.right, shows)
        return E.left(mayRead(call) ? outcome.left : withoutState(outcome.left, json))
      },
    })
  }

  const statusOf = (body: JsonObject) => statusShape.safeParse(body).data?.status ?? 'active'

  return [
    {
      path: '/nodes',
      operations: {
        GET: { handle: list, summary: 'List nodes', query: listed.query, ...lists(nodeShapes.shown, 'flat') },
        POST: {
          handle: write('/nodes', 'node', enrollmentProblems, useCases.enroll),
          summary: 'Enroll a node',
          description:
            'A node without keys of its own gets a secret: client_secret is shown now, and never again.',
          body: json(nodeShapes.enrollment, ['client_id']),
          ...creates(nodeShapes.enrolled),
          refuses: [409],
        },
      },
    },
    {
      path: '/nodes/:id',
      parameters: nodeParameters,
      operations: {
        GET: {
          handle: getOne,
          summary: 'Read a node',
          query: {},
          ...reads(nodeShapes.shown),
          refuses: [404],
        },
        PATCH: {
          handle: write(
            '/nodes/:id',
            'node',
            nodePatchProblems,
            (parts, body) => useCases.change(parts, withoutMembers(body, ['client_id'])),
            false,
          ),
          summary: 'Change a node',
          description: 'JSON Merge Patch (RFC 7396): null takes the institution or the keys away.',
          body: mergePatch(nodeShapes.patch),
          ...changes(nodeShapes.shown),
          refuses: [404, 409],
        },
      },
    },
    {
      path: '/nodes/:id/status',
      parameters: nodeParameters,
      operations: {
        PUT: {
          handle: write(
            '/nodes/:id/status',
            'node',
            body => invalidPartsOf(statusShape, body),
            (parts, body) => useCases.setStatus(parts, statusOf(body)),
          ),
          summary: 'Suspend, reinstate or retire a node',
          description: 'A suspended node is out with its next request; a retired one for good.',
          body: json(nodeShapes.status),
          ...changes(nodeShapes.shown),
          refuses: [404, 409],
        },
      },
    },
    {
      path: '/nodes/:id/secrets',
      parameters: nodeParameters,
      operations: {
        POST: {
          handle: write('/nodes/:id/secrets', 'secret', undefined, useCases.issueSecret),
          summary: 'Give a node a second secret',
          description: 'It is shown now, and never again. The old one lives until it is retired.',
          body: 'unread',
          headers: ['Idempotency-Key', 'If-Match', 'If-None-Match', 'Prefer'],
          answers: { 201: { shape: nodeShapes.secret, headers: ['ETag', 'Thalamus-Position'] } },
          refuses: [404, 409],
        },
      },
    },
    {
      path: '/nodes/:id/secrets/old',
      parameters: nodeParameters,
      operations: {
        DELETE: {
          handle: write('/nodes/:id/secrets/old', 'nothing', undefined, useCases.retireOldSecret, false),
          summary: 'Retire the old secret of a node',
          body: 'unread',
          ...settles,
          refuses: [404, 409],
        },
      },
    },
  ]
}
