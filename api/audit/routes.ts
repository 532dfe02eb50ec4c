import { randomUUID } from 'node:crypto'
import * as E from '#fp/Either'
import { formatPosition } from '../../domain/position.ts'
import { invalid } from '../../domain/rejection.ts'
import type { AuditFilters, Place } from '../../projections/past.ts'
import { versions } from '../../projections/versions.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { placeOfCursor, presentPlace } from '../history/place.ts'
import { auditDescription } from '../history/shapes.ts'
import { type Answer, jsonAnswer } from '../http/answer.ts'
import { type Call, continued, originOf } from '../http/call.ts'
import { badCursor, cursorOf, linkTo } from '../http/cursor.ts'
import { parametersOf } from '../http/parameters.ts'
import { preferredType } from '../http/preferred-type.ts'
import type { Failure } from '../http/problem.ts'
import type { Route } from '../http/route.ts'
import { type AuditPage, auditEntryText, readAudit } from './entries.ts'
import { streamFormats } from './formats.ts'
import { type AuditRequest, auditQuery, auditRequestOf } from './query.ts'

const types = ['application/json', 'application/x-ndjson', 'text/csv'] as const
type AuditType = (typeof types)[number]

/** What a page of JSON takes at most, and a piece of a stream. */
const mostBytesOfPage = 8 * 1024 * 1024
const streamBounds = { limit: 200, mostBytes: 256 * 1024 }
const waitMilliseconds = 1_000

/** `/audit`: every change to everything, for auditors. */
export const auditRoutes = (dependencies: ApiDependencies): readonly Route[] => {
  const { logIdentity, progress, recordAccess } = dependencies

  /** Records who asks, and waits for it to be part of what is answered, as any write waits. */
  const record = async (
    call: Call,
    { parameters }: AuditRequest,
    type: AuditType,
  ): Promise<E.Either<Failure, void>> => {
    const access = { type: 'AuditRead' as const, data: { ...parameters, format: type } }
    const recorded = await recordAccess(access, { ...originOf(call), commandId: randomUUID() })
    if (E.isLeft(recorded)) return recorded
    await progress.reached(versions.name, recorded.right, waitMilliseconds)
    return E.right(undefined)
  }

  const placeOf = async (call: Call, { cursor }: AuditRequest): Promise<E.Either<Failure, Place>> => {
    if (cursor?.position === undefined) return presentPlace(dependencies, call)
    const place = await placeOfCursor(dependencies, cursor.position, undefined)
    if (E.isLeft(place)) return place
    return place.right === undefined ? E.left(invalid(badCursor)) : E.right(place.right)
  }

  /** All further pages, as they are taken; breaks off when reading fails or the caller may not go on. */
  async function* streamed(
    call: Call,
    filters: AuditFilters,
    place: Place,
    first: AuditPage,
    format: (typeof streamFormats)[keyof typeof streamFormats],
  ): AsyncGenerator<Uint8Array> {
    yield Buffer.from(format.head + format.textOf(first.entries))
    let { after } = first
    while (after !== undefined) {
      const renewed = continued(call)
      if (E.isLeft(renewed)) throw new Error(renewed.left._tag)
      const page = await readAudit(dependencies, filters, place, streamBounds, after)
      if (E.isLeft(page)) throw new Error(page.left._tag)
      yield Buffer.from(format.textOf(page.right.entries))
      after = page.right.after
    }
  }

  const get = async (call: Call): Promise<E.Either<Failure, Answer>> => {
    const { request } = call
    const parameters = parametersOf(request.url, Object.keys(auditQuery))
    if (E.isLeft(parameters)) return parameters
    const auditRequest = auditRequestOf(parameters.right)
    if (E.isLeft(auditRequest)) return auditRequest
    const { filters, limit, list, cursor } = auditRequest.right
    const type = preferredType(request, types)
    if (type === undefined) return E.left({ _tag: 'NotAcceptable', types })
    // What is refused is not recorded.
    const refusal = await placeOf(call, auditRequest.right)
    if (E.isLeft(refusal)) return refusal
    const recorded = await record(call, auditRequest.right, type)
    if (E.isLeft(recorded)) return recorded
    const placed = await placeOf(call, auditRequest.right)
    if (E.isLeft(placed)) return placed
    const place = placed.right
    const after = cursor && { value: BigInt(cursor.value ?? 0), key: cursor.key }
    const bounds = type === 'application/json' ? { limit, mostBytes: mostBytesOfPage } : streamBounds
    const page = await readAudit(dependencies, filters, place, bounds, after)
    if (E.isLeft(page)) return page
    if (type !== 'application/json') {
      const format = streamFormats[type]
      const headers = { 'Content-Type': format.contentType, Vary: 'Accept' }
      return E.right({ status: 200, headers, stream: streamed(call, filters, place, page.right, format) })
    }
    const next = page.right.after && {
      value: String(page.right.after.value),
      key: page.right.after.key,
      position: formatPosition(logIdentity, place.position),
    }
    const link = next && { Link: linkTo('/audit', parameters.right, cursorOf(list, next)) }
    return E.right(
      jsonAnswer(200, `[${page.right.entries.map(auditEntryText).join(',')}]`, { ...link, Vary: 'Accept' }),
    )
  }

  return [
    {
      path: '/audit',
      operations: {
        GET: {
          handle: get,
          summary: 'Read every change to everything',
          description:
            'Newest first. As NDJSON or CSV all of it is streamed, without limit. That it was asked for is an entry, too.',
          query: auditQuery,
          headers: ['Thalamus-Min-Position'],
          answers: {
            200: {
              shape: auditDescription,
              many: 'flat',
              alternativeTypes: types.slice(1),
              headers: ['Link'],
            },
          },
          refuses: [406],
        },
      },
    },
  ]
}
