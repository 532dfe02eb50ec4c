import { z } from 'zod'
import * as E from '#fp/Either'
import type { SigningKey } from './auth-store.ts'
import { thumbprintOf } from './key-thumbprint.ts'
import { privateJwkOf, publicJwkOf } from './signing-keys.ts'

const actor = z.object({
  kind: z.enum(['person', 'node', 'operator', 'hub']),
  id: z.string(),
  node: z.string().exactOptional(),
})

/** What a certificate of an erasure says. */
export const certificateClaims = z.object({
  /** The id of the hub's log. */
  hub: z.string(),
  account: z.string(),
  reason: z.string(),
  erasedBy: actor,
  /** ISO 8601 in UTC. */
  erasedAt: z.string(),
  /** Events about the person that nobody can read any more. */
  events: z.int(),
  /** Their positions, the first 10,000. */
  positions: z.array(z.string()),
  /** Events about the person that were recorded before the hub encrypted: they are still there in clear. */
  inClear: z.int(),
  /** Contents of documents that were removed. */
  contents: z.int(),
  /** What is still known. */
  remains: z.array(z.string()),
})
export type CertificateClaims = z.infer<typeof certificateClaims>

const publicKey = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string(),
  kid: z.string(),
})

const header = z.object({
  alg: z.literal('EdDSA'),
  typ: z.literal('erasure+jws'),
  kid: z.string(),
  jwk: publicKey,
})

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** The claims as a JWS in compact form (RFC 7515), signed with Ed25519 (RFC 8037); its header has the public key. */
export const signCertificate = async (key: SigningKey, claims: CertificateClaims): Promise<string> => {
  const { kty, crv, x, d = '', kid } = privateJwkOf(key)
  const signing = await crypto.subtle.importKey('jwk', { kty, crv, x, d }, 'Ed25519', false, ['sign'])
  const head = base64url({ alg: 'EdDSA', typ: 'erasure+jws', kid, jwk: publicJwkOf(key) })
  const input = `${head}.${base64url(claims)}`
  const signature = await crypto.subtle.sign('Ed25519', signing, Buffer.from(input))
  return `${input}.${Buffer.from(signature).toString('base64url')}`
}

/** A certificate whose signature is that of the key in it. Whose key that is, is not looked at. */
export interface ReadCertificate {
  readonly claims: CertificateClaims
  /** The thumbprint (RFC 7638) of the key that signed it. */
  readonly kid: string
}

export type CertificateProblem = 'not a certificate' | 'changed since it was signed'

const jsonOf = (part: string): unknown => {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
  } catch {
    return undefined
  }
}

/** What a certificate says, if its signature is right. */
export const readCertificate = async (
  text: string,
): Promise<E.Either<CertificateProblem, ReadCertificate>> => {
  const [head = '', body = '', signature = '', ...more] = text.trim().split('.')
  const [parsed, claims] = [header.safeParse(jsonOf(head)), certificateClaims.safeParse(jsonOf(body))]
  if (!parsed.success || !claims.success || more.length > 0) return E.left('not a certificate')
  const { kty, crv, x } = parsed.data.jwk
  if (thumbprintOf({ kty, crv, x }) !== parsed.data.kid) return E.left('changed since it was signed')
  try {
    const key = await crypto.subtle.importKey('jwk', { kty, crv, x }, 'Ed25519', false, ['verify'])
    const bytes = Buffer.from(signature, 'base64url')
    const isRight = await crypto.subtle.verify('Ed25519', key, bytes, Buffer.from(`${head}.${body}`))
    return isRight
      ? E.right({ claims: claims.data, kid: parsed.data.kid })
      : E.left('changed since it was signed')
  } catch {
    return E.left('not a certificate')
  }
}
