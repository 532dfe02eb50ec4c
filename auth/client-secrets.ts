import { hash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import * as E from '#fp/Either'
import type { FederationNode } from '../domain/nodes.ts'
import type { AuthStore, AuthUnavailable } from './auth-store.ts'
import { nodeAccount } from './standing.ts'

/** A new client secret, shown once; its version is what an event must name to make it valid. */
export interface IssuedSecret {
  readonly secret: string
  readonly version: string
}

export interface ClientSecrets {
  /** 256 random bits, in base64url. */
  readonly issue: (clientId: string) => Promise<E.Either<AuthUnavailable, IssuedSecret>>
  /** Whether this was found to be a live secret of the node in the last ten minutes, and still is one. */
  readonly isRemembered: (node: FederationNode, secret: string) => boolean
  /** The version of the node's live secret that this is, compared in constant time; undefined for none. */
  readonly verify: (
    node: FederationNode,
    secret: string,
  ) => Promise<E.Either<AuthUnavailable, string | undefined>>
}

// So many random bits cannot be guessed: a fast hash is enough (NIST SP 800-63B, section 5.1.2.2).
const hashOf = (secret: string): string => `$sha256$${hash('sha256', secret, 'base64')}`

const rememberMilliseconds = 600_000
const mostRemembered = 10_000

export const clientSecrets = (store: AuthStore): ClientSecrets => {
  const key = randomBytes(32).toString('hex')
  const remembered = new Map<string, number>()
  const pairOf = (clientId: string, version: string, secret: string): string =>
    hash('sha256', `${key}${clientId}\0${version}\0${secret}`, 'base64')

  const remember = (pair: string): void => {
    const oldest = remembered.keys().next().value
    if (remembered.size >= mostRemembered && oldest !== undefined) remembered.delete(oldest)
    remembered.set(pair, Date.now() + rememberMilliseconds)
  }

  return {
    issue: async clientId => {
      const issued = { secret: randomBytes(32).toString('base64url'), version: randomUUID() }
      const credential = {
        account: nodeAccount(clientId),
        version: issued.version,
        hash: hashOf(issued.secret),
      }
      return E.map(() => issued)(await store.addCredential(credential))
    },
    isRemembered: ({ client_id, credentials }, secret) =>
      credentials.some(version => (remembered.get(pairOf(client_id, version, secret)) ?? 0) > Date.now()),
    verify: async ({ client_id, credentials }, secret) => {
      const tried = Buffer.from(hashOf(secret))
      let verified: string | undefined
      for (const version of credentials) {
        const stored = await store.credential(nodeAccount(client_id), version)
        if (E.isLeft(stored)) return stored
        const storedHash = Buffer.from(stored.right?.hash ?? '')
        if (storedHash.length !== tried.length || !timingSafeEqual(storedHash, tried)) continue
        verified = version
        remember(pairOf(client_id, version, secret))
      }
      return E.right(verified)
    },
  }
}
