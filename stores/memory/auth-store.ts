import { randomBytes } from 'node:crypto'
import * as E from '#fp/Either'
import type { AuthStore, StoredCredential } from '../../auth/auth-store.ts'

/** Credentials that live as long as their process: for tests. */
export const memoryAuthStore = (): AuthStore => {
  const credentials = new Map<string, StoredCredential & { addedAt: number }>()
  const secrets = new Map<string, Buffer>()
  const processes = new Map<string, bigint>()
  const keyOf = (account: string, version: string) => `${account} ${version}`
  return {
    addCredential: credential => async () => {
      credentials.set(keyOf(credential.account, credential.version), { ...credential, addedAt: Date.now() })
      return E.right(undefined)
    },
    credential: (account, version) => async () => E.right(credentials.get(keyOf(account, version))),
    rehash: (before, hash) => async () => {
      const key = keyOf(before.account, before.version)
      const stored = credentials.get(key)
      if (stored?.hash === before.hash) credentials.set(key, { ...stored, hash })
      return E.right(undefined)
    },
    highestBcryptCost: async () => {
      const costs = [...credentials.values()].flatMap(
        ({ hash }) => /^\$2[aby]\$(\d\d)\$/.exec(hash)?.[1] ?? [],
      )
      return E.right(costs.length === 0 ? undefined : Math.max(...costs.map(Number)))
    },
    sweepCredentials: (before, isLive) => async () => {
      for (const [key, { account, version, addedAt }] of credentials)
        if (addedAt < before && !isLive(account, version)) credentials.delete(key)
      return E.right(undefined)
    },
    secret: name => async () => {
      const secret = secrets.get(name) ?? randomBytes(32)
      secrets.set(name, secret)
      return E.right(secret)
    },
    announce: (id, position) => async () => {
      if (position === undefined) processes.delete(id)
      else processes.set(id, position)
      return E.right(undefined)
    },
    announced: async () => E.right([...processes.values()]),
  }
}
