import { createHash, type Hash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import * as E from '#fp/Either'
import { type InvalidPart, invalid, type Rejection } from '../../domain/rejection.ts'

const fields = ['Content-Digest', 'Repr-Digest'] as const
const hashes = { 'sha-256': 'sha256', 'sha-512': 'sha512' } as const

/** A digest of its body that a request says (RFC 9530). */
export interface SentDigest {
  readonly header: string
  readonly algorithm: (typeof hashes)[keyof typeof hashes]
  readonly base64: string
}

const isKnown = (name: string): name is keyof typeof hashes => Object.hasOwn(hashes, name)

/** The members of a dictionary of byte sequences (RFC 9651); undefined where it is none. */
const membersIn = (header: string): readonly (readonly [string, string])[] | undefined => {
  const members = header
    .split(',')
    .map(member => /^[\t ]*([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]*={0,2}):[\t ]*(?:;.*)?$/.exec(member))
  return members.every(member => member !== null)
    ? members.map(([, name = '', value = '']) => [name, value] as const)
    : undefined
}

/** The digests said in SHA-256 and SHA-512; others are not ours to check, as RFC 9530 leaves to the recipient. */
export const sentDigestsIn = (headers: IncomingHttpHeaders): E.Either<Rejection, readonly SentDigest[]> => {
  const sentDigests: SentDigest[] = []
  const errors: InvalidPart[] = []
  for (const header of fields) {
    const text = headers[header.toLowerCase()]
    if (text === undefined) continue
    const members = membersIn(String(text))
    if (members === undefined) errors.push({ header, detail: 'must be like sha-256=:BASE64: (RFC 9530)' })
    for (const [name, base64] of new Map(members ?? []))
      if (isKnown(name)) sentDigests.push({ header, algorithm: hashes[name], base64 })
  }
  return errors.length === 0 ? E.right(sentDigests) : E.left(invalid(...errors))
}

/** Looks at a body as it comes; afterwards says which digests it does not have. */
export interface DigestCheck {
  readonly update: (piece: Uint8Array) => void
  readonly errors: () => readonly InvalidPart[]
}

export const digestCheck = (sentDigests: readonly SentDigest[]): DigestCheck => {
  const running = new Map<string, Hash>()
  for (const { algorithm } of sentDigests)
    if (!running.has(algorithm)) running.set(algorithm, createHash(algorithm))
  return {
    update: piece => {
      for (const hash of running.values()) hash.update(piece)
    },
    errors: () => {
      const computed = new Map([...running].map(([algorithm, hash]) => [algorithm, hash.digest()] as const))
      return sentDigests
        .filter(
          ({ algorithm, base64 }) => computed.get(algorithm)?.equals(Buffer.from(base64, 'base64')) !== true,
        )
        .map(({ header }) => ({ header, detail: 'is not the digest of the bytes that arrived' }))
    },
  }
}
