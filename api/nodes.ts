import * as E from '#fp/Either'
import type { TaskEither } from '#fp/TaskEither'
import type { NodeOutcome, NodeWrite } from '../auth/nodes.ts'
import { enrollmentProblems, nodePatchProblems } from '../auth/nodes.ts'
import type { Principal } from '../auth/policy.ts'
import { type JsonObject, member, withoutMembers } from '../domain/json.ts'
import { type Authority, clientIdRule, parseClientId, shownNode } from '../domain/nodes.ts'
import { type InvalidPart, invalid } from '../domain/rejection.ts'
import { invalidPartsOf } from '../domain/resource.ts'
import { nodes, parseNodeText } from '../projections/nodes.ts'
import { type Answer, jsonAnswer } from './answer.ts'
import { readBody, readNothing } from './body.ts'
import { type Call, type Handle, pathParameter, type Route } from './call.ts'
import { etagOf, isCurrent, preconditionsOf } from './conditional.ts'
import type { ApiDependencies } from './dependencies.ts'
import { listedOf } from './listed.ts'
import { listItems } from './lists.ts'
import { nodeParameters, nodeShapes, statusShape } from './node-bodies.ts'
import { changes, creates, json, lists, mergePatch, reads, settles } from './operation.ts'
import { itemParametersOf } from './parameters.ts'
import type { Failure } from './problem.ts'
import { readable } from './reading.ts'
import { contextOf, keyIsFor, writeAnswer } from './writing.ts'

const authorityOf = (principal: Principal): Authority =>
  principal.kind === 'node' ? { clientId: principal.id, scopes: principal.scopes } : 'all'

const noSuchNode: Failure = { _tag: 'NoSuchItem', what: 'node' }

/** `/nodes`: enrolling, changing, re-keying and suspending the nodes of the federation. */
export const nodeRoutes = (dependencies: ApiDependencies): readonly Route[] => {
  const { nodes: useCases, readModels, lastSeen } = dependencies
  const listed = listedOf({ name: 'nodes', filters: {} }, dependencies)

  const shown = (items: readonly JsonObject[]): TaskEither<Failure, readonly JsonObject[]> => {
    const ids = items.map(item => String(member(item, 'client_id')))
    return async () =>
      E.map((seen: ReadonlyMap<string, number>) =>
        items.map((item, i) => {
          const at = seen.get(ids[i] ?? '')
          return { ...shownNode(item), last_seen: at === undefined ? null : new Date(at).toISOString() }
        }),
      )(await lastSeen(ids)())
  }

  const list: Handle = call =>
    listItems(dependencies, call, listed, nodes, { path: '/nodes', equals: {} }, texts => async () => {
      const items = await shown(texts.map(text => parseNodeText(text).item))()
      return E.map((all: readonly JsonObject[]) => all.map(item => JSON.stringify(item)))(items)
    })

  const getOne: Handle = call => async () => {
    const parameters = itemParametersOf(call.request.url, [])
    if (E.isLeft(parameters)) return parameters
    const may = await readable(dependencies, call, nodes)
    if (E.isLeft(may)) return may
    const id = parseClientId(pathParameter(call, 'id'))
    if (id === undefined) return E.left(noSuchNode)
    const found = await readModels.get(nodes, id)()
    if (E.isLeft(found)) return found
    const text = found.right?.text ?? null
    if (found.right === undefined || text === null) return E.left(noSuchNode)
    const headers = { ETag: etagOf(found.right.revision) }
    if (isCurrent(call.request.headers['if-none-match'], found.right.revision))
      return E.right({ status: 304, headers })
    const items = await shown([parseNodeText(text).item])()
    return E.map((all: readonly JsonObject[]) => jsonAnswer(200, JSON.stringify(all[0]), headers))(items)
  }

  const answerOf = async (
    call: Call,
    clientId: string,
    outcome: NodeOutcome,
    shows: 'node' | 'secret' | 'nothing',
  ): Promise<E.Either<Failure, Answer>> => {
    const { state, secret, added } = outcome
    if (state.is === 'absent') return E.left(noSuchNode)
    const written = { model: nodes.name, path: `/nodes/${clientId}` }
    const newSecret = secret === undefined ? {} : { client_secret: secret }
    if (shows === 'nothing')
      return E.right(await writeAnswer(dependencies, call, outcome, { ...written, text: undefined }))
    if (shows === 'secret') {
      const text = JSON.stringify({ client_id: clientId, ...newSecret })
      const answer = await writeAnswer(dependencies, call, outcome, { ...written, text, isSecret: true })
      return E.right({ ...answer, status: added ? 201 : 200 })
    }
    const items = await shown([state.item])()
    if (E.isLeft(items)) return items
    const text = JSON.stringify({ ...items.right[0], ...newSecret })
    const isSecret = secret !== undefined
    return E.right(await writeAnswer(dependencies, call, outcome, { ...written, text, isSecret }))
  }

  /** A write to a node: its body is looked at, then the command runs on behalf of the caller. */
  const write =
    (
      route: string,
      shows: 'node' | 'secret' | 'nothing',
      problems: ((body: JsonObject) => Promise<readonly InvalidPart[]> | readonly InvalidPart[]) | undefined,
      run: (write: NodeWrite, body: JsonObject) => ReturnType<typeof useCases.change>,
      creates = true,
    ): Handle =>
    call =>
    async () => {
      const body = problems === undefined ? await readNothing(call) : await readBody(call)
      if (E.isLeft(body)) return body
      const { json } = body.right
      const isInCollection = route === '/nodes'
      const said = isInCollection ? member(json, 'client_id') : pathParameter(call, 'id')
      const clientId = typeof said === 'string' ? parseClientId(said) : undefined
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
      const context = contextOf(dependencies, call, route.replace(':id', clientId), body.right)
      if (E.isLeft(context)) return context
      const key = isInCollection
        ? await keyIsFor(dependencies, `node-${clientId}`, context.right)
        : E.right(undefined)
      if (E.isLeft(key)) return key
      const outcome = await run(
        {
          clientId,
          by: authorityOf(call.principal),
          preconditions: preconditionsOf(call.request.headers),
          context: context.right,
        },
        json,
      )()
      return E.isLeft(outcome) ? outcome : answerOf(call, clientId, outcome.right, shows)
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
