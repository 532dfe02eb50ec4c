import type { IncomingHttpHeaders } from 'node:http'
import * as E from '#fp/Either'
import { unknownType } from '../../domain/content.ts'
import { isMediaType, mostTypeCharacters } from '../../domain/media-type.ts'
import { invalid } from '../../domain/rejection.ts'
import type { Call } from '../http/call.ts'
import type { Failure } from '../http/problem.ts'
import { type SentDigest, sentDigestsIn } from './digests.ts'

/** The media type of a body (RFC 9110, section 8.3.1), as it was written; undefined where it is none. */
const typeIn = (headers: IncomingHttpHeaders): string | undefined => {
  const type = headers['content-type']?.trim() || unknownType
  return isMediaType(type) ? type : undefined
}

export interface AnnouncedBytes {
  readonly type: string
  readonly digests: readonly SentDigest[]
}

/** What a request says of the bytes it brings, as far as that can be looked at before they come. */
export const announcedBytes = (call: Call, limit: number): E.Either<Failure, AnnouncedBytes> => {
  const { headers } = call.request
  if (Number(headers['content-length'] ?? 0) > limit) return E.left({ _tag: 'ContentTooLarge', limit })
  if (!['', 'identity'].includes(headers['content-encoding']?.toLowerCase() ?? ''))
    return E.left({
      _tag: 'UnsupportedMediaType',
      detail: 'Send the bytes as they are, without Content-Encoding.',
    })
  if (headers['content-range'] !== undefined)
    return E.left({ _tag: 'Malformed', detail: 'A content is sent whole, without Content-Range.' })
  const type = typeIn(headers)
  if (type === undefined)
    return E.left(
      invalid({
        header: 'Content-Type',
        detail: `must be a media type of at most ${mostTypeCharacters} characters, such as image/png`,
      }),
    )
  return E.map((digests: readonly SentDigest[]) => ({ type, digests }))(sentDigestsIn(headers))
}
