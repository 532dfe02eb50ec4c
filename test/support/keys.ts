import { createHash, createSecretKey } from 'node:crypto'
import * as E from '#fp/Either'
import type { SubjectKey, SubjectKeys } from '../../auth/subject-keys.ts'
import { placeOf } from '../../stores/content-cipher.ts'

/**
 * Keys without a store: each is made of its account, so that all processes of a test have the same. What is destroyed is so
 * for whoever has this very value.
 */
export const keysWithoutStore = (): SubjectKeys => {
  const destroyed = new Set<string>()
  const keyOf = (account: string): SubjectKey =>
    destroyed.has(account) ? 'destroyed' : createSecretKey(createHash('sha256').update(account).digest())
  const find = async (people: readonly string[]) =>
    E.right(new Map(people.map(account => [account, keyOf(account)])))
  return {
    find,
    findOrMake: find,
    isErased: account => destroyed.has(account),
    forget: account => {
      destroyed.add(account)
    },
    erasures: () => destroyed.size,
    destroy: async account => {
      destroyed.add(account)
      return E.right(undefined)
    },
    hubSecret: async () => E.right(hubSecret),
  }
}

const hubSecret = createHash('sha256').update('hub').digest()

/** What a content that is nobody's is called where it is kept with these keys. */
export const keptName = (sha256: string): string => placeOf(hubSecret, { size: 0, sha256 }).name

/** For tests that are about something else. */
export const testKeys = keysWithoutStore()
