import { randomUUID } from 'node:crypto'
import * as E from '#fp/Either'
import type { Outcome } from '../../commands/handle.ts'
import type { SubscriptionWrite } from '../../commands/subscriptions.ts'
import { uuidOf } from '../../commands/uuid.ts'
import type { JsonObject } from '../../domain/json.ts'
import { invalid } from '../../domain/rejection.ts'
import { invalidPartsOf } from '../../domain/resource.ts'
import type { Subscription, SubscriptionState } from '../../domain/subscriptions.ts'
import { nodeField, parseSubscriptionText, subscriptions } from '../../projections/subscriptions.ts'
import { deliveryError } from '../../relay/send-webhook.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { changes, json, lists, mergePatch, settles } from '../description/operation.ts'
import { type Answer, jsonAnswer } from '../http/answer.ts'
import { type Call, type Handle, pathParameter, untilOver } from '../http/call.ts'
import { etagOf } from '../http/conditional.ts'
import { itemParametersOf } from '../http/parameters.ts'
import type { Failure } from '../http/problem.ts'
import type { Route } from '../http/route.ts'
import { sentPosition } from '../http/start-position.ts'
import { writeAnswer } from '../http/write-answers.ts'
import { type WriteRequest, writes } from '../http/write-request.ts'
import { listedOf } from '../resources/listed.ts'
import { listItems } from '../resources/lists.ts'
import { beginningAsked, personAsked, resourcesAsked, urlProblems } from './asking.ts'
import { deadLettersQuery, deadLettersRequest, listDeadLetters } from './dead-letters.ts'
import {
  newSubscriptionShape,
  replayShape,
  subscriptionParameters,
  subscriptionPatchShape,
  subscriptionShapes,
} from './shapes.ts'
import { shownSubscriptions } from './shown.ts'

const noSuchSubscription: Failure = { _tag: 'NoSuchItem', what: 'subscription' }
/** Subscriptions of one node. */
const mostOfNode = 100

/** `/subscriptions`: what nodes are sent of the feed. */
export const subscriptionRoutes = (dependencies: ApiDependencies): readonly Route[] => {
  const { subscriptions: useCases, readModels, standing, webhooks, deliveries, closing } = dependencies
  const listed = listedOf({ name: 'subscriptions', filters: {} }, dependencies)

  const byOf = ({ principal }: Call): SubscriptionWrite['by'] =>
    principal.kind === 'node' ? { node: principal.id } : 'all'

  const textOf = async (subscription: Subscription, more: object = {}): Promise<E.Either<Failure, string>> =>
    E.map(([shown]: readonly object[]) => JSON.stringify({ ...shown, ...more }))(
      await shownSubscriptions(dependencies, [subscription]),
    )

  const list: Handle = call => {
    const by = byOf(call)
    const equals = by === 'all' ? {} : { [nodeField]: by.node }
    return listItems(
      dependencies,
      call,
      listed,
      subscriptions,
      { path: '/subscriptions', equals },
      async texts =>
        E.map((all: readonly object[]) => all.map(one => JSON.stringify(one)))(
          await shownSubscriptions(
            dependencies,
            texts.map(text => parseSubscriptionText(text).subscription),
          ),
        ),
    )
  }

  /** The subscription that a path names, if it is the caller's. */
  const present = async (
    call: Call,
  ): Promise<E.Either<Failure, Extract<SubscriptionState, { is: 'present' }>>> => {
    const folded = await useCases.read(pathParameter(call, 'id'))
    if (E.isLeft(folded)) return folded
    const { state } = folded.right
    const by = byOf(call)
    if (state.is === 'absent') return E.left(noSuchSubscription)
    const node = state.is === 'removed' ? state.node : state.subscription.node
    if (by !== 'all' && by.node !== node) return E.left(noSuchSubscription)
    return state.is === 'removed' ? E.left({ _tag: 'Removed', what: 'subscription' }) : E.right(state)
  }

  const getOne: Handle = async call => {
    const parameters = itemParametersOf(call.request.url, [])
    if (E.isLeft(parameters)) return parameters
    const state = await present(call)
    if (E.isLeft(state)) return state
    const { subscription, revision } = state.right
    const headers = { ETag: etagOf(revision) }
    return E.map((text: string) => jsonAnswer(200, text, headers))(await textOf(subscription))
  }

  const writtenAnswer = async (
    call: Call,
    outcome: Outcome<SubscriptionState>,
    more?: (subscription: Subscription) => object,
  ): Promise<E.Either<Failure, Answer>> => {
    const { state } = outcome
    if (state.is !== 'present') return E.left(noSuchSubscription)
    const { subscription } = state
    const text = await textOf(subscription, more?.(subscription))
    if (E.isLeft(text)) return text
    return E.right(
      await writeAnswer(dependencies, call, outcome, {
        model: subscriptions.name,
        path: `/subscriptions/${subscription.id}`,
        shows: { text: text.right, isSecret: more !== undefined },
      }),
    )
  }

  const isFull = async (node: string): Promise<E.Either<Failure, boolean>> => {
    const own = await readModels.find(subscriptions, {
      equals: { [nodeField]: node },
      descending: false,
      limit: mostOfNode,
      mostBytes: 2 ** 24,
    })
    return E.map(({ documents }: { documents: readonly unknown[] }) => documents.length >= mostOfNode)(own)
  }

  const create: Handle = writes(dependencies, {
    body: 'json',
    keyPath: () => '/subscriptions',
    run: async ({ call, sent, context, preconditions }) => {
      const parsed = newSubscriptionShape.safeParse(sent.json)
      if (!parsed.success) return E.left(invalid(...invalidPartsOf(newSubscriptionShape, sent.json)))
      const { url, types = null, person, from } = parsed.data
      const by = byOf(call)
      const node = by === 'all' ? parsed.data.node : by.node
      if (typeof parsed.data.node === 'string' && parsed.data.node !== node)
        return E.left(invalid({ pointer: '/node', detail: 'must be the caller, or be left out' }))
      if (node === null || node === undefined || standing.node(node) === undefined)
        return E.left(invalid({ pointer: '/node', detail: 'must be the client id of a node' }))
      const resources = resourcesAsked(dependencies, call, node, parsed.data)
      if (E.isLeft(resources)) return resources
      const errors = await urlProblems(dependencies, url)
      if (errors.length > 0) return E.left(invalid(...errors))
      const beginning = await beginningAsked(dependencies, from)
      if (E.isLeft(beginning)) return beginning
      const full = await isFull(node)
      if (E.isLeft(full)) return full
      if (full.right)
        return E.left({ _tag: 'WrongState', detail: `A node has at most ${mostOfNode} subscriptions.` })
      const id = uuidOf('id', context.commandId)
      const item: JsonObject = {
        id,
        node,
        url,
        types,
        resources: resources.right,
        person: personAsked(person),
        from: beginning.right,
      }
      const outcome = await useCases.create({ id, by, preconditions, context }, item)
      if (E.isLeft(outcome)) return outcome
      return writtenAnswer(call, outcome.right, ({ secretVersion }) => ({
        secret: webhooks.secretOf(id, secretVersion),
      }))
    },
  })

  /** A write to the subscription that the path names. */
  const onOne = (
    suffix: string,
    body: 'json' | 'unread',
    run: (write: SubscriptionWrite, request: WriteRequest) => Promise<E.Either<Failure, Answer>>,
  ): Handle =>
    writes(dependencies, {
      body,
      keyPath: call => `/subscriptions/${pathParameter(call, 'id')}${suffix}`,
      run: request => {
        const { call, context, preconditions } = request
        return run({ id: pathParameter(call, 'id'), by: byOf(call), preconditions, context }, request)
      },
    })

  const change = onOne('', 'json', async (write, { call, sent }) => {
    const parsed = subscriptionPatchShape.safeParse(sent.json)
    if (!parsed.success) return E.left(invalid(...invalidPartsOf(subscriptionPatchShape, sent.json)))
    const errors = await urlProblems(dependencies, parsed.data.url)
    if (errors.length > 0) return E.left(invalid(...errors))
    const state = await present(call)
    if (E.isLeft(state)) return state
    const { url, types, resources, person, status } = parsed.data
    const { subscription } = state.right
    const filters = types !== undefined || resources !== undefined
    const asked = {
      types: types === undefined ? subscription.types : types,
      resources: resources === undefined ? subscription.resources : resources,
    }
    const resolved = filters ? resourcesAsked(dependencies, call, subscription.node, asked) : undefined
    if (resolved !== undefined && E.isLeft(resolved)) return resolved
    const patch: JsonObject = {
      ...(url === undefined ? {} : { url }),
      ...(types === undefined ? {} : { types }),
      ...(resolved === undefined ? {} : { resources: resolved.right }),
      ...(person === undefined ? {} : { person: personAsked(person) }),
    }
    const outcome = await useCases.change(write, patch, status)
    return E.isLeft(outcome) ? outcome : writtenAnswer(call, outcome.right)
  })

  const remove = onOne('', 'unread', async (write, { call }) => {
    const outcome = await useCases.remove(write)
    if (E.isLeft(outcome)) return outcome
    const written = {
      model: subscriptions.name,
      path: `/subscriptions/${write.id}`,
      shows: 'nothing' as const,
    }
    return E.right(await writeAnswer(dependencies, call, outcome.right, written))
  })

  const rotate = onOne('/secret', 'unread', async (write, { call }) => {
    const outcome = await useCases.rotateSecret(write)
    if (E.isLeft(outcome)) return outcome
    const { state } = outcome.right
    if (state.is !== 'present') return E.left(noSuchSubscription)
    const secret = webhooks.secretOf(write.id, state.subscription.secretVersion)
    const answer = await writeAnswer(dependencies, call, outcome.right, {
      model: subscriptions.name,
      path: `/subscriptions/${write.id}`,
      shows: { text: JSON.stringify({ id: write.id, secret }), isSecret: true },
    })
    return E.right({ ...answer, status: 201 })
  })

  const test = onOne('/test', 'unread', async (_write, { call }) => {
    const state = await present(call)
    if (E.isLeft(state)) return state
    const { subscription } = state.right
    const body = JSON.stringify({
      type: 'ping',
      subscription: subscription.id,
      sentAt: new Date().toISOString(),
    })
    const outcome = await webhooks.send(
      subscription,
      `ping-${randomUUID()}`,
      body,
      untilOver(call, closing),
      call.exchange.traceparent,
    )
    const error = deliveryError(outcome) ?? null
    const status = outcome.is === 'answered' ? outcome.status : null
    return E.right(jsonAnswer(200, JSON.stringify({ delivered: error === null, status, error })))
  })

  const deadLetters: Handle = async call => {
    const request = deadLettersRequest(call)
    if (E.isLeft(request)) return request
    const state = await present(call)
    return E.isLeft(state) ? state : listDeadLetters(dependencies, state.right.subscription, request.right)
  }

  const replay = onOne('/dead-letters/replay', 'json', async (write, { call, sent }) => {
    const parsed = replayShape.safeParse(sent.json)
    if (!parsed.success) return E.left(invalid(...invalidPartsOf(replayShape, sent.json)))
    const head = await dependencies.logHead()
    if (E.isLeft(head)) return head
    const { from, to } = parsed.data
    for (const [name, text] of Object.entries({ from, to })) {
      if (text === undefined) continue
      const number = await sentPosition(dependencies, text, { pointer: `/${name}` }, head.right)
      if (E.isLeft(number)) return number
    }
    const range = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
    const outcome = await useCases.replayDeadLetters(write, range)
    if (E.isLeft(outcome)) return outcome
    const counts = await deliveries.countDeadLetters([write.id])
    if (E.isLeft(counts)) return counts
    const written = { model: subscriptions.name, path: '', shows: 'nothing' as const }
    const { headers = {} } = await writeAnswer(dependencies, call, outcome.right, written)
    const text = JSON.stringify({ deadLetters: counts.right.get(write.id) ?? 0 })
    return E.right(jsonAnswer(202, text, headers))
  })

  return [
    {
      path: '/subscriptions',
      operations: {
        GET: {
          handle: list,
          summary: 'List subscriptions',
          description: 'A node’s own; of every node for people who may.',
          query: listed.query,
          ...lists(subscriptionShapes.shown, 'flat'),
        },
        POST: {
          handle: create,
          summary: 'Subscribe to the feed by webhook',
          description:
            'Each entry of the feed that is asked for is posted to the URL, signed as Standard Webhooks says, at least once: `webhook-id` stays the same. Those of a stream arrive in order. A 2xx takes it, 410 disables the subscription; anything else is tried again with growing pauses for three days, and then the entry is a dead letter.',
          body: json(subscriptionShapes.asked, ['url']),
          headers: ['Idempotency-Key', 'If-Match', 'If-None-Match'],
          answers: {
            201: { shape: subscriptionShapes.created, headers: ['ETag', 'Location', 'Thalamus-Position'] },
          },
          refuses: [409],
        },
      },
    },
    {
      path: '/subscriptions/:id',
      parameters: subscriptionParameters,
      operations: {
        GET: {
          handle: getOne,
          summary: 'Read a subscription',
          query: {},
          answers: { 200: { shape: subscriptionShapes.shown, headers: ['ETag'] } },
          refuses: [404, 410],
        },
        PATCH: {
          handle: change,
          summary: 'Change, pause or resume a subscription',
          description:
            'JSON Merge Patch (RFC 7396). Set active, a subscription goes on where it stopped, also one that was disabled.',
          body: mergePatch(subscriptionShapes.patch),
          ...changes(subscriptionShapes.shown),
          refuses: [404, 410],
        },
        DELETE: {
          handle: remove,
          summary: 'End a subscription',
          body: 'unread',
          ...settles,
          refuses: [404, 410],
        },
      },
    },
    {
      path: '/subscriptions/:id/secret',
      parameters: subscriptionParameters,
      operations: {
        POST: {
          handle: rotate,
          summary: 'Replace the secret of a subscription',
          description: 'It is shown now, and never again. The one before signs too, for a day.',
          body: 'unread',
          headers: ['Idempotency-Key', 'If-Match', 'If-None-Match'],
          answers: { 201: { shape: subscriptionShapes.secret, headers: ['ETag', 'Thalamus-Position'] } },
          refuses: [404, 410],
        },
      },
    },
    {
      path: '/subscriptions/:id/test',
      parameters: subscriptionParameters,
      operations: {
        POST: {
          handle: test,
          summary: 'Send a ping, and say what came back',
          body: 'unread',
          answers: { 200: { shape: subscriptionShapes.tested } },
          refuses: [404, 410, 422],
        },
      },
    },
    {
      path: '/subscriptions/:id/dead-letters',
      parameters: subscriptionParameters,
      operations: {
        GET: {
          handle: deadLetters,
          summary: 'List what could not be delivered',
          query: deadLettersQuery,
          answers: { 200: { shape: subscriptionShapes.deadLetter, many: 'flat', headers: ['Link'] } },
          refuses: [404, 410],
        },
      },
    },
    {
      path: '/subscriptions/:id/dead-letters/replay',
      parameters: subscriptionParameters,
      operations: {
        POST: {
          handle: replay,
          summary: 'Send dead letters again',
          description: 'Those from one position to another, both included; all without them: {}.',
          body: json(subscriptionShapes.replay),
          headers: ['Idempotency-Key', 'If-Match', 'If-None-Match', 'Prefer'],
          answers: { 202: { shape: subscriptionShapes.replayed, headers: ['Thalamus-Position'] } },
          refuses: [404, 410],
        },
      },
    },
  ]
}
