import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import * as E from '#fp/Either'
import { digestCheck, sentDigestsIn } from '../../../api/documents/digests.ts'

const body = Buffer.from('{"hello": "world"}\n')
const base64 = (algorithm: string) => createHash(algorithm).update(body).digest('base64')

/** The headers that are found wrong; of those that cannot be read, too. */
const wrong = (headers: Readonly<Record<string, string>>): readonly unknown[] => {
  const sent = sentDigestsIn(headers)
  if (E.isLeft(sent)) return sent.left._tag === 'Invalid' ? sent.left.errors : []
  const check = digestCheck(sent.right)
  check.update(body.subarray(0, 5))
  check.update(body.subarray(5))
  return check.errors()
}

describe('the digests of a request', () => {
  it.each([
    {},
    // The example of RFC 9530, appendix B.
    { 'repr-digest': 'sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:' },
    { 'content-digest': `sha-512=:${base64('sha512')}:` },
    { 'content-digest': `md5=:AAAA:, sha-256=:${base64('sha256')}:, sha-512=:${base64('sha512')}:;p=1` },
    { 'content-digest': `sha-256=:AAAA:, sha-256=:${base64('sha256')}:` },
    { 'content-digest': 'unixsum=:AAAA:' },
  ])('are right: %j', headers => {
    expect(wrong(headers)).toEqual([])
  })

  it.each([
    ['Content-Digest', `sha-256=:${base64('sha512')}:`],
    ['Repr-Digest', `sha-256=:${base64('sha256')}:, sha-512=:AAAA:`],
    ['Repr-Digest', 'sha-256=::'],
    ['Content-Digest', base64('sha256')],
    ['Content-Digest', `sha-256=${base64('sha256')}`],
    ['Content-Digest', `SHA-256=:${base64('sha256')}:`],
    ['Content-Digest', ''],
    ['Content-Digest', 'sha-256=:AAAA:,'],
  ])('are wrong, and named: %s: %s', (header, value) => {
    expect(wrong({ [header.toLowerCase()]: value })).toMatchObject([{ header }])
  })
})
