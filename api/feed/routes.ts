import { randomUUID } from 'node:crypto'
import * as E from '#fp/Either'
import { readableResources } from '../../auth/readable-resources.ts'
import { formatPosition } from '../../domain/position.ts'
import { invalid } from '../../domain/rejection.ts'
import { feedEntryText } from '../../projections/feed-entry.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { type Answer, jsonAnswer } from '../http/answer.ts'
import { type Call, originOf, untilOver, untilWaited } from '../http/call.ts'
import { eventStreamType, streamAnswer } from '../http/event-stream.ts'
import { parametersOf } from '../http/parameters.ts'
import { preferredType } from '../http/preferred-type.ts'
import type { Failure } from '../http/problem.ts'
import type { Route } from '../http/route.ts'
import { startPosition } from '../http/start-position.ts'
import { readPage } from './page.ts'
import { type Reader, readerOf } from './reader.ts'
import { type FeedRequest, feedQuery, feedRequestOf } from './request.ts'
import { feedDescription } from './shapes.ts'
import { eventStream, linesToHead } from './streams.ts'

const types = ['application/json', 'text/event-stream', 'application/x-ndjson'] as const

/** What a request is answered from: where it begins, and what may be shown. */
interface Start {
  readonly after: bigint
  readonly head: bigint
  readonly reader: Reader
}

/** `/feed`: every change to the resources, in commit order. */
export const feedRoutes = (dependencies: ApiDependencies): readonly Route[] => {
  const { policy, logIdentity, recordAccess, closing } = dependencies

  const startOf = async (
    call: Call,
    request: FeedRequest,
    isEventStream: boolean,
  ): Promise<E.Either<Failure, Start>> => {
    const position = await startPosition(dependencies, call, request.after, isEventStream)
    if (E.isLeft(position)) return position
    const readable = readableResources(policy, call.principal)
    const refused = request.resources.filter(name => !readable.includes(name))
    if (refused.length > 0)
      return E.left(
        call.principal.kind === 'node'
          ? { _tag: 'ScopeMissing', needed: refused.map(name => `${name}:read`) }
          : { _tag: 'NotAllowed' },
      )
    const reader = readerOf(dependencies, call, request.types)
    const refusal = reader.refusal()
    return refusal === undefined ? E.right({ ...position.right, reader }) : E.left(refusal)
  }

  const page = async (call: Call, request: FeedRequest, start: Start): Promise<E.Either<Failure, Answer>> => {
    const { after, reader } = start
    const waiting = untilWaited(call, closing, request.waitSeconds)
    const events = await readPage(
      dependencies,
      reader,
      { after, limit: request.limit },
      waiting,
      call.exchange,
    )
    if (E.isLeft(events)) return events
    const texts = events.right.events.map(event => feedEntryText(logIdentity, event))
    const next = formatPosition(logIdentity, events.right.next)
    return E.right(jsonAnswer(200, `{"events":[${texts.join(',')}],"next":"${next}"}`, { Vary: 'Accept' }))
  }

  /** An export of all of it is itself to be audited. */
  const exported = async (
    call: Call,
    parameters: ReadonlyMap<string, string>,
    start: Start,
  ): Promise<E.Either<Failure, Answer>> => {
    const lines = () => linesToHead(dependencies, start.reader, start.after, start.head)
    if (call.request.method === 'HEAD') return E.right(streamAnswer(call, 'application/x-ndjson', lines))
    const access = { type: 'FeedExported' as const, data: Object.fromEntries(parameters) }
    const recorded = await recordAccess(access, {
      ...originOf(call),
      commandId: randomUUID(),
    })
    if (E.isLeft(recorded)) return recorded
    return E.right(streamAnswer(call, 'application/x-ndjson', lines))
  }

  const get = async (call: Call): Promise<E.Either<Failure, Answer>> => {
    const parameters = parametersOf(call.request.url, Object.keys(feedQuery))
    if (E.isLeft(parameters)) return parameters
    const request = feedRequestOf(parameters.right)
    if ('errors' in request) return E.left(invalid(...request.errors))
    const type = preferredType(call.request, types)
    if (type === undefined) return E.left({ _tag: 'NotAcceptable', types })
    const start = await startOf(call, request, type === eventStreamType)
    if (E.isLeft(start)) return start
    const { after, reader } = start.right
    switch (type) {
      case 'application/json':
        return page(call, request, start.right)
      case 'text/event-stream':
        return E.right(
          streamAnswer(call, type, () => eventStream(dependencies, reader, after, untilOver(call, closing))),
        )
      case 'application/x-ndjson':
        return exported(call, parameters.right, start.right)
    }
  }

  return [
    {
      path: '/feed',
      operations: {
        GET: {
          handle: get,
          summary: 'Follow every change to the resources',
          description:
            'In commit order, without gaps: go on with `after` = `next`. Nothing that is committed later appears before it. As text/event-stream it is followed live; an id without data tells where the reader stands. As NDJSON it is streamed to its end. It shows events of the resources that the caller may read.',
          query: feedQuery,
          headers: ['Last-Event-ID'],
          answers: { 200: { shape: feedDescription, alternativeTypes: types.slice(1) } },
          refuses: [406],
        },
      },
    },
  ]
}
