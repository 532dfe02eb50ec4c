import type { IncomingHttpHeaders } from 'node:http'
import * as E from '#fp/Either'
import { unknownType } from '../../domain/content.ts'
import { invalid } from '../../domain/rejection.ts'
import type { Identity, Resource } from '../../domain/resource.ts'
import type { Call } from '../http/call.ts'
import type { Failure } from '../http/problem.ts'
import { badId, identityIn } from '../resources/item-identity.ts'
import { type SentDigest, sentDigestsIn } from './digests.ts'

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const value = `(?:${token}|"(?:[\\t !#-[\\]-~]|\\\\[\\t -~])*")`
// Each blank belongs to one place only: a pattern that could put it in two would try them all.
const parameter = `[\\t ]*;(?:[\\t ]*${token}=${value})?`
const mediaType = new RegExp(`^${token}/${token}(?:${parameter})*[\\t ]*$`)
const mostTypeCharacters = 255

/** The media type of a body (RFC 9110, section 8.3.1), as it was written; undefined where it is none. */
const typeIn = (headers: IncomingHttpHeaders): string | undefined => {
  const type = headers['content-type']?.trim() || unknownType
  return type.length <= mostTypeCharacters && mediaType.test(type) ? type : undefined
}

export interface AnnouncedUpload {
  readonly identity: Identity
  readonly type: string
  readonly digests: readonly SentDigest[]
}

/** What a request says of the bytes it brings, as far as that can be looked at before they come. */
export const announcedUpload = (
  resource: Resource,
  call: Call,
  limit: number,
): E.Either<Failure, AnnouncedUpload> => {
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
  const digests = sentDigestsIn(headers)
  if (E.isLeft(digests)) return digests
  const identity = identityIn(resource, call)
  if (identity === undefined) return E.left(badId(resource, '/id'))
  return E.right({ type, digests: digests.right, identity })
}
