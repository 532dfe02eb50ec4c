import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import * as E from '#fp/Either'
import type { AuthStore, AuthUnavailable } from './auth-store.ts'
import { isDestroyed, type KeyStore, type StoredKey, type WrappedKey } from './key-store.ts'
import type { MasterKey, MasterKeys, MasterKeyUnusable } from './master-keys.ts'

/**
 * A person's key, 256 bits; or that it was destroyed, and with it all that it encrypted. Not its bytes: Node makes a key object of them
 * for each cipher, which takes longer than a page of text.
 */
export type SubjectKey = KeyObject | 'destroyed'

type Found = E.Either<AuthUnavailable, ReadonlyMap<string, SubjectKey>>

/** The keys under which the data about people is encrypted, one for each account. */
export interface SubjectKeys {
  /** The keys of these people; none for one who never had a key. */
  readonly find: (people: readonly string[]) => Promise<Found>
  /** The same, with a key for each: it is made where there never was one, and kept on disk before it is given. */
  readonly findOrMake: (people: readonly string[]) => Promise<Found>
  /** Whether this process has heard that the key of this person is destroyed, or is about to be. */
  readonly isErased: (person: string) => boolean
  /** From now on the key of this person counts as destroyed in this process. */
  readonly forget: (person: string) => void
  /** How many people were forgotten: what was remembered of anybody when it was another number is to be let go. */
  readonly erasures: () => number
  /** Destroys the key of a person in the store, for good. Repeatable. */
  readonly destroy: (person: string) => Promise<E.Either<AuthUnavailable, void>>
  /** What belongs to nobody is encrypted under a key of this; names are made with it. 32 bytes. */
  readonly hubSecret: () => Promise<E.Either<AuthUnavailable, Buffer>>
}

export interface OpenedSubjectKeys extends SubjectKeys {
  /** Finds the master key, or makes the first one, and learns who was forgotten. Before this no key is found or made. */
  readonly open: () => Promise<E.Either<AuthUnavailable | MasterKeyUnusable, void>>
}

/** Keys that are remembered at most. */
const mostRemembered = 20_000
const nonceBytes = 12
const tagBytes = 16
/** Under this name the store keeps which master key wraps. */
export const masterClaim = 'master key'

const wrap = (account: string, key: Buffer, master: MasterKey): WrappedKey => {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', master.key, nonce).setAAD(Buffer.from(account))
  const wrapped = Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()])
  return { account, master: master.id, wrapped }
}

const unwrap = ({ account, wrapped }: WrappedKey, master: MasterKey): Buffer => {
  const decipher = createDecipheriv('aes-256-gcm', master.key, wrapped.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  })
  decipher.setAAD(Buffer.from(account)).setAuthTag(wrapped.subarray(-tagBytes))
  return Buffer.concat([decipher.update(wrapped.subarray(nonceBytes, -tagBytes)), decipher.final()])
}

/** The same key under another master key. */
export const rewrapped = (key: WrappedKey, from: MasterKey, to: MasterKey): WrappedKey =>
  wrap(key.account, unwrap(key, from), to)

/** Remembers the latest keys, in two halves of which the older is let go whole. */
const makeRemembered = () => {
  let [recent, older] = [new Map<string, KeyObject>(), new Map<string, KeyObject>()]
  const add = (person: string, key: KeyObject): void => {
    if (recent.size >= mostRemembered / 2) [recent, older] = [new Map(), recent]
    recent.set(person, key)
  }
  return {
    get: (person: string): KeyObject | undefined => {
      const found = recent.get(person)
      if (found !== undefined) return found
      const before = older.get(person)
      if (before !== undefined) add(person, before)
      return before
    },
    add,
    forget: (person: string): void => {
      recent.delete(person)
      older.delete(person)
    },
  }
}

/** Keys of people in auth's store, wrapped by the master key. */
export const subjectKeysIn = (
  store: KeyStore & Pick<AuthStore, 'secret' | 'claim' | 'claimed'>,
  masterKeys: MasterKeys,
): OpenedSubjectKeys => {
  const remembered = makeRemembered()
  const erased = new Set<string>()
  let masters: readonly MasterKey[] = []
  let hubSecret: Buffer | undefined

  const readMasters = async (): Promise<E.Either<MasterKeyUnusable, readonly MasterKey[]>> => {
    const read = await masterKeys.read()
    if (E.isRight(read)) masters = read.right
    return read
  }

  const forget = (person: string): void => {
    remembered.forget(person)
    erased.add(person)
  }

  /** A key that another master key wraps than those known was rewrapped since: the file has it by now. */
  const unwrapped = async (key: WrappedKey): Promise<E.Either<AuthUnavailable, KeyObject>> => {
    const masterOf = () => masters.find(({ id }) => id === key.master)
    let master = masterOf()
    if (master === undefined) {
      const read = await readMasters()
      if (E.isLeft(read)) return E.left({ _tag: 'AuthUnavailable', cause: read.left })
      master = masterOf()
    }
    const failed = (message: string) =>
      E.left({ _tag: 'AuthUnavailable' as const, cause: new Error(message) })
    if (master === undefined) return failed('the key of a person is wrapped by another master key')
    try {
      return E.right(createSecretKey(unwrap(key, master)))
    } catch {
      return failed('the key of a person is damaged')
    }
  }

  const take = async (stored: StoredKey, found: Map<string, SubjectKey>) => {
    const { account } = stored
    if (isDestroyed(stored)) {
      forget(account)
      found.set(account, 'destroyed')
      return E.right(undefined)
    }
    const key = await unwrapped(stored)
    if (E.isLeft(key)) return key
    // Forgotten while it was looked up.
    if (!erased.has(account)) remembered.add(account, key.right)
    found.set(account, erased.has(account) ? 'destroyed' : key.right)
    return E.right(undefined)
  }

  const find = async (people: readonly string[]): Promise<Found> => {
    const found = new Map<string, SubjectKey>()
    const missing: string[] = []
    for (const person of people) {
      const key = erased.has(person) ? 'destroyed' : remembered.get(person)
      if (key === undefined) missing.push(person)
      else found.set(person, key)
    }
    if (missing.length === 0) return E.right(found)
    const stored = await store.keysOf(missing)
    if (E.isLeft(stored)) return stored
    for (const one of stored.right) {
      const taken = await take(one, found)
      if (E.isLeft(taken)) return taken
    }
    return E.right(found)
  }

  return {
    find,

    findOrMake: async people => {
      const found = await find(people)
      if (E.isLeft(found)) return found
      const missing = people.filter(person => !found.right.has(person))
      if (missing.length === 0) return found
      // The master key may have been changed meanwhile.
      const [master] = E.getOrElse((): readonly MasterKey[] => masters)(await readMasters())
      if (master === undefined)
        return E.left({ _tag: 'AuthUnavailable', cause: new Error('no master key is known') })
      const added = await store.addKeys(missing.map(person => wrap(person, randomBytes(32), master)))
      if (E.isLeft(added)) return added
      // Another process may have been first: what is kept counts.
      return find(people)
    },

    isErased: person => erased.has(person),
    forget,
    erasures: () => erased.size,

    destroy: person => {
      forget(person)
      return store.destroyKey(person)
    },

    hubSecret: async () => {
      const secret = hubSecret === undefined ? await store.secret('contents') : E.right(hubSecret)
      if (E.isRight(secret)) hubSecret = secret.right
      return secret
    },

    open: async () => {
      const claimed = await store.claimed(masterClaim)
      if (E.isLeft(claimed)) return claimed
      // A new one would open nothing that the one before has wrapped.
      if (claimed.right === undefined) {
        const made = await masterKeys.make()
        if (E.isLeft(made)) return made
      }
      const read = await readMasters()
      if (E.isLeft(read)) return read
      const kept = await store.claim(masterClaim, read.right[0]?.id ?? '')
      if (E.isLeft(kept)) return kept
      if (!read.right.some(({ id }) => id === kept.right))
        return E.left({ _tag: 'MasterKeyUnusable', file: masterKeys.file, reason: 'another key' })
      const destroyed = await store.destroyedKeys()
      if (E.isLeft(destroyed)) return destroyed
      for (const account of destroyed.right) forget(account)
      return E.right(undefined)
    },
  }
}
