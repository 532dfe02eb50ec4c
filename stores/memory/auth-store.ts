import { randomBytes } from 'node:crypto'
import * as E from '#fp/Either'
import type { AuthStore, SigningKey, StoredCredential } from '../../auth/auth-store.ts'
import type { KeyStore, StoredKey } from '../../auth/key-store.ts'

const liveMilliseconds = 10_000

/** Credentials that live as long as their process: for tests. */
export const memoryAuthStore = (): AuthStore & KeyStore => {
  const credentials = new Map<string, StoredCredential & { candidateSince?: number | undefined }>()
  const secrets = new Map<string, Buffer>()
  const processes = new Map<string, { position: bigint; seenAt: number }>()
  const attempts = new Map<string, readonly number[]>()
  const usedOnce = new Map<string, number>()
  const claims = new Map<string, string>()
  const seen = new Map<string, number>()
  let signing: readonly SigningKey[] = []
  const keys = new Map<string, StoredKey>()
  const keyOf = (account: string, version: string) => `${account} ${version}`
  return {
    addKeys: async added => {
      for (const key of added) if (!keys.has(key.account)) keys.set(key.account, key)
      return E.right(undefined)
    },
    keysOf: async accounts => E.right(accounts.flatMap(account => keys.get(account) ?? [])),
    destroyKey: async account => {
      keys.set(account, { account })
      return E.right(undefined)
    },
    destroyedKeys: async () =>
      E.right([...keys.values()].filter(({ master }) => master === undefined).map(({ account }) => account)),
    keysOfOtherMasters: async (master, most) =>
      E.right(
        [...keys.values()]
          .flatMap(key => (key.master === undefined || key.master === master ? [] : [key]))
          .slice(0, most),
      ),
    rewrapKeys: async rewrapped => {
      for (const key of rewrapped) {
        const kept = keys.get(key.account)
        if (kept?.master !== undefined) keys.set(key.account, key)
      }
      return E.right(undefined)
    },
    addCredential: async credential => {
      for (const other of credentials.values())
        if (other.account === credential.account) other.candidateSince ??= Date.now()
      credentials.set(keyOf(credential.account, credential.version), {
        ...credential,
        candidateSince: Date.now(),
      })
      return E.right(undefined)
    },
    credential: async (account, version) => E.right(credentials.get(keyOf(account, version))),
    hasCredentials: async () => E.right(credentials.size > 0),
    rehash: async (before, hash) => {
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
    supersede: async (account, versions) => {
      for (const credential of credentials.values())
        if (credential.account === account && versions.includes(credential.version))
          credential.candidateSince = Date.now()
      return E.right(undefined)
    },
    sweepCredentials: async (before, isLive) => {
      for (const [key, credential] of credentials) {
        const { account, version, candidateSince } = credential
        if (candidateSince === undefined || candidateSince >= before) continue
        if (isLive(account, version)) credential.candidateSince = undefined
        else credentials.delete(key)
      }
      return E.right(undefined)
    },
    renewSecrets: async names => {
      for (const name of names) secrets.set(name, randomBytes(32))
      return E.right(undefined)
    },
    secret: async name => {
      const secret = secrets.get(name) ?? randomBytes(32)
      secrets.set(name, secret)
      return E.right(secret)
    },
    announce: async (id, position) => {
      if (position === undefined) processes.delete(id)
      else processes.set(id, { position, seenAt: Date.now() })
      return E.right(undefined)
    },
    announced: async () =>
      E.right(
        [...processes.values()]
          .filter(({ seenAt }) => seenAt > Date.now() - liveMilliseconds)
          .map(({ position }) => position),
      ),
    countAttempt: async (key, most, milliseconds) => {
      const now = Date.now()
      const recent = (attempts.get(key) ?? []).filter(at => at > now - milliseconds)
      attempts.set(key, recent.length < most ? [...recent, now] : recent)
      return E.right({ count: recent.length + 1, untilFree: (recent[0] ?? now) + milliseconds - now })
    },
    takeAttemptBack: async key => {
      attempts.set(key, (attempts.get(key) ?? []).slice(0, -1))
      return E.right(undefined)
    },
    useOnce: async (name, until) => {
      const isNew = !usedOnce.has(name)
      if (isNew) usedOnce.set(name, until)
      return E.right(isNew)
    },
    claim: async (name, value, instead) => {
      const kept = claims.get(name)
      if (kept === undefined || kept === instead) claims.set(name, value)
      return E.right(claims.get(name) ?? value)
    },
    claimed: async name => E.right(claims.get(name)),
    releaseClaim: async (name, value) => {
      if (claims.get(name) === value) claims.delete(name)
      return E.right(undefined)
    },
    noteSeen: async (clientId, at) => {
      if (at - (seen.get(clientId) ?? Number.NEGATIVE_INFINITY) >= 60_000) seen.set(clientId, at)
      return E.right(undefined)
    },
    lastSeen: async clientIds =>
      E.right(
        new Map(
          clientIds.flatMap((clientId): [string, number][] => {
            const at = seen.get(clientId)
            return at === undefined ? [] : [[clientId, at]]
          }),
        ),
      ),
    signingKeys: async () =>
      E.right(signing.filter(({ retiresAt }) => retiresAt === undefined || retiresAt > Date.now())),
    addSigningKey: async (key, others) => {
      if (others !== 'first') {
        const { retireAt } = others
        const retired = signing.map(old => ({
          ...old,
          retiresAt: Math.min(old.retiresAt ?? retireAt, retireAt),
        }))
        signing = [key, ...retired]
      } else if (signing.length === 0) signing = [key]
      return E.right(undefined)
    },
    sweepExpired: async milliseconds => {
      const now = Date.now()
      for (const [key, times] of attempts)
        if (times.every(at => at <= now - milliseconds)) attempts.delete(key)
      for (const [name, until] of usedOnce) if (until <= now) usedOnce.delete(name)
      signing = signing.filter(({ retiresAt }) => retiresAt === undefined || retiresAt > now)
      return E.right(undefined)
    },
  }
}
