import { hash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import * as E from '#fp/Either'
import type { TaskEither } from '#fp/TaskEither'
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
  readonly issue: (clientId: string) => TaskEither<AuthUnavailable, IssuedSecret>
  /** Whether this is one of the node's live secrets, compared in constant time. */
  readonly verify: (node: FederationNode, secret: string) => TaskEither<AuthUnavailable, boolean>
}

// So many random bits cannot be guessed: a fast hash is enough (NIST SP 800-63B, section 5.1.2.2).
const hashOf = (secret: string): string => `$sha256$${hash('sha256', secret, 'base64')}`

export const clientSecrets = (store: AuthStore): ClientSecrets => ({
  issue: clientId => async () => {
    const issued = { secret: randomBytes(32).toString('base64url'), version: randomUUID() }
    const credential = {
      account: nodeAccount(clientId),
      version: issued.version,
      hash: hashOf(issued.secret),
    }
    return E.map(() => issued)(await store.addCredential(credential)())
  },
  verify:
    ({ client_id, credentials }, secret) =>
    async () => {
      const tried = Buffer.from(hashOf(secret))
      let isRight = false
      for (const version of credentials) {
        const stored = await store.credential(nodeAccount(client_id), version)()
        if (E.isLeft(stored)) return stored
        const known = Buffer.from(stored.right?.hash ?? '')
        if (known.length === tried.length && timingSafeEqual(known, tried)) isRight = true
      }
      return E.right(isRight)
    },
})
