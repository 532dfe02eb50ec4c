import { z } from 'zod'
import * as E from '#fp/Either'
import type { AuthStore, AuthUnavailable, SigningKey } from './auth-store.ts'
import { thumbprintOf } from './key-thumbprint.ts'

/** An Ed25519 key as a JWK (RFC 8037); with `d` it is the private one. */
export interface Ed25519Jwk {
  readonly kty: 'OKP'
  readonly crv: 'Ed25519'
  readonly x: string
  readonly kid: string
  readonly alg: 'EdDSA'
  readonly use: 'sig'
  readonly d?: string
}

const exported = z.object({ x: z.string(), d: z.string() })
const stored = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string(),
  d: z.string(),
  kid: z.string(),
  alg: z.literal('EdDSA'),
  use: z.literal('sig'),
})

const generateKey = async (): Promise<SigningKey> => {
  const pair = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])
  if (!('privateKey' in pair)) throw new Error('no key pair was generated')
  const { x, d } = exported.parse(await crypto.subtle.exportKey('jwk', pair.privateKey))
  const kid = thumbprintOf({ kty: 'OKP', crv: 'Ed25519', x })
  return { kid, jwk: JSON.stringify({ kty: 'OKP', crv: 'Ed25519', x, d, kid, alg: 'EdDSA', use: 'sig' }) }
}

export const privateJwkOf = ({ jwk }: SigningKey): Ed25519Jwk => stored.parse(JSON.parse(jwk))

export const publicJwkOf = (key: SigningKey): Ed25519Jwk => {
  const { d: _, ...shown } = privateJwkOf(key)
  return shown
}

/** The published keys, the one that signs first; generated when there are none. */
export const openSigningKeys = async (
  store: AuthStore,
): Promise<E.Either<AuthUnavailable, readonly SigningKey[]>> => {
  const published = await store.signingKeys()
  if (E.isLeft(published) || published.right.length > 0) return published
  const added = await store.addSigningKey(await generateKey(), 'first')
  return E.isLeft(added) ? added : store.signingKeys()
}

/** No token lives longer (seconds): an old key is published as long after it has signed last. */
export const mostTokenSeconds = 3_600
const marginSeconds = 60

/** What becomes of the keys before: published until the last token they signed has expired, or taken for nobody's at once. */
export type FormerKeys = 'expire' | 'end'

/** A new key signs from now on. */
export const rotateSigningKey = async (
  store: AuthStore,
  formerKeys: FormerKeys = 'expire',
): Promise<E.Either<AuthUnavailable, SigningKey>> => {
  const key = await generateKey()
  const retireAt = Date.now() + (formerKeys === 'end' ? 0 : (mostTokenSeconds + marginSeconds) * 1000)
  const added = await store.addSigningKey(key, { retireAt })
  return E.isLeft(added) ? added : E.right(key)
}
