import * as E from '#fp/Either'
import { contentPath } from '../../auth/access-table.ts'
import { contentOf } from '../../domain/content.ts'
import { isObject, type Json } from '../../domain/json.ts'
import type { Resource } from '../../domain/resource.ts'
import { subjectOf } from '../../domain/subject.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { bytes, uploads } from '../description/operation.ts'
import { itemShapes } from '../description/shapes.ts'
import type { Answer } from '../http/answer.ts'
import type { Call } from '../http/call.ts'
import { namesTag } from '../http/conditional.ts'
import type { Failure } from '../http/problem.ts'
import type { Route } from '../http/route.ts'
import { itemReader } from '../resources/present-item.ts'
import { rangeIn } from './byte-range.ts'
import { attachment } from './file-name.ts'
import { uploadContent } from './upload-content.ts'

/** The routes of the contents of a resource's items; none where they have none. */
export const contentRoutes = (resource: Resource, dependencies: ApiDependencies): readonly Route[] => {
  if (resource.contentFact === undefined) return []
  const { contents } = dependencies
  const read = itemReader(resource, dependencies)

  const get = async (call: Call): Promise<E.Either<Failure, Answer>> => {
    const item = await read(call)
    if (E.isLeft(item)) return item
    const document: Json = JSON.parse(item.right.text)
    const content = isObject(document) ? contentOf(document) : undefined
    if (!isObject(document) || content === undefined) return E.left({ _tag: 'NoSuchItem', what: 'content' })
    const { headers, method } = call.request
    const { size, sha256, type } = content
    const tag = `"${sha256}"`
    const ifMatch = headers['if-match']
    if (ifMatch !== undefined && !namesTag(ifMatch, tag, 'strongly')) return E.left({ _tag: 'StaleRevision' })
    const ifNoneMatch = headers['if-none-match']
    if (ifNoneMatch !== undefined && namesTag(ifNoneMatch, tag, 'weakly'))
      return E.right({ status: 304, headers: { ETag: tag } })
    const ifRange = headers['if-range']
    // A range is asked for by GET only (RFC 9110, section 14.2), of this very content.
    const isRanged = method === 'GET' && (ifRange === undefined || String(ifRange).trim() === tag)
    const range = isRanged ? rangeIn(headers.range, size) : 'whole'
    if (range === 'unsatisfiable') return E.left({ _tag: 'RangeNotSatisfiable', size })
    const subject = subjectOf(resource, document)
    const named = subject === undefined ? content : { ...content, subject }
    const verified = await contents.verify(named)
    if (E.isLeft(verified)) return verified
    const always = {
      ETag: tag,
      'Accept-Ranges': 'bytes',
      'Content-Type': type,
      'Repr-Digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`,
      'Content-Disposition': attachment(document),
      'Content-Security-Policy': "default-src 'none'; sandbox",
    }
    if (range === 'whole')
      return E.right({
        status: 200,
        headers: { ...always, 'Content-Length': String(size) },
        stream: contents.read(named),
      })
    const { first, last } = range
    return E.right({
      status: 206,
      headers: {
        ...always,
        'Content-Length': String(last - first + 1),
        'Content-Range': `bytes ${first}-${last}/${size}`,
      },
      stream: contents.read(named, range),
    })
  }

  const { shown } = itemShapes(resource)
  const part = ['Accept-Ranges', 'Content-Disposition', 'ETag', 'Repr-Digest'] as const

  return [
    {
      path: contentPath(resource),
      parameters: { id: { rule: resource.idRule, example: resource.examples.item.id } },
      operations: {
        GET: {
          handle: get,
          summary: `Read the content of a ${resource.noun}`,
          description: 'As it was sent, whole or a part; its ETag is its hash.',
          query: {},
          headers: ['If-Match', 'If-None-Match', 'If-Range', 'Range', 'Thalamus-Min-Position'],
          answers: {
            200: { type: bytes, headers: part },
            206: { type: bytes, headers: [...part, 'Content-Range'] },
            304: { headers: ['ETag'] },
          },
          refuses: [404, 410, 416],
        },
        PUT: {
          handle: uploadContent(resource, dependencies),
          summary: `Give a ${resource.noun} its content`,
          description:
            'Any bytes of any type, as they are. The same bytes again add nothing. ETag and If-Match are the document’s.',
          body: { types: [bytes] },
          ...uploads(shown),
          refuses: [404, 410],
        },
      },
    },
  ]
}
