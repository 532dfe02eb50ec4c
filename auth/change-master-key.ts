import { randomBytes } from 'node:crypto'
import * as E from '#fp/Either'
import type { AuthStore, AuthUnavailable } from './auth-store.ts'
import type { KeyStore, WrappedKey } from './key-store.ts'
import { type MasterKey, type MasterKeys, type MasterKeyUnusable, masterKeyOf } from './master-keys.ts'
import { masterClaim, rewrapped } from './subject-keys.ts'

const mostTogether = 500

export interface MasterKeyChanged {
  /** Names the key that wraps all keys of people now. */
  readonly master: string
  readonly keys: number
}

/**
 * Wraps every person's key by another master key, while hubs run. The first in the file becomes it where there are several;
 * else a new one is made. Hubs read the file for each key they make, and where they meet one they do not know: `grace` waits until
 * one that has just read it is done. Stopped at any place, it goes on when it is run again; until its end the file has both keys.
 */
export const changeMasterKey = async (
  store: KeyStore & Pick<AuthStore, 'claim' | 'claimed'>,
  masterKeys: MasterKeys,
  grace: () => Promise<unknown>,
): Promise<E.Either<AuthUnavailable | MasterKeyUnusable, MasterKeyChanged>> => {
  const read = await masterKeys.read()
  if (E.isLeft(read)) return read
  const all = read.right.length > 1 ? read.right : [masterKeyOf(randomBytes(32)), ...read.right]
  const [next] = all
  if (next === undefined)
    return E.left({ _tag: 'MasterKeyUnusable', file: masterKeys.file, reason: 'not a key' })
  const added = await masterKeys.replace(all)
  if (E.isLeft(added)) return added
  const before = await store.claimed(masterClaim)
  if (E.isLeft(before)) return before
  const claimed = await store.claim(masterClaim, next.id, before.right)
  if (E.isLeft(claimed)) return claimed

  const unknown = (): E.Either<MasterKeyUnusable, never> =>
    E.left({ _tag: 'MasterKeyUnusable', file: masterKeys.file, reason: 'another key' })
  const wrapAnew = (key: WrappedKey): WrappedKey | undefined => {
    const master = all.find(({ id }: MasterKey) => id === key.master)
    return master && rewrapped(key, master, next)
  }

  let keys = 0
  for (let found = 1; found > 0; await grace()) {
    found = 0
    for (let more = true; more; ) {
      const others = await store.keysOfOtherMasters(next.id, mostTogether)
      if (E.isLeft(others)) return others
      const anew = others.right.flatMap(key => wrapAnew(key) ?? [])
      if (anew.length < others.right.length) return unknown()
      const kept = await store.rewrapKeys(anew)
      if (E.isLeft(kept)) return kept
      more = anew.length === mostTogether
      found += anew.length
    }
    keys += found
  }
  const alone = await masterKeys.replace([next])
  return E.isLeft(alone) ? alone : E.right({ master: next.id, keys })
}
