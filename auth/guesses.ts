import { hash } from 'node:crypto'
import { RateLimiterRes } from 'rate-limiter-flexible'
import RateLimiterStoreAbstract from 'rate-limiter-flexible/lib/RateLimiterStoreAbstract.js'
import * as E from '#fp/Either'
import type { Attempts, AuthStore, AuthUnavailable } from './auth-store.ts'
import { networkOf, widerNetworkOf } from './networks.ts'

/** So many attempts were wrong that no more are looked at for now. */
export interface TooManyAttempts {
  readonly _tag: 'TooManyAttempts'
  readonly seconds: number
}

/** Whose credentials are tried, and from where. */
export interface Attempt {
  readonly account: string
  readonly address: string
}

/** Ends an attempt. It is given back where it was right, or could not be looked at because the store was away. */
export type Settle = (isGivenBack: boolean) => Promise<void>

/**
 * Bounds guessing: at most 10 attempts in any 60 s per account and network, 300 per network, and 1,200 over all networks
 * of an IPv6 /48; an attempt counts from its start until it was right. Equal ones at the same time are one. Counted in
 * auth's store, for all processes.
 */
export interface Guesses {
  /** Begins an attempt; `what` tells equal ones from others. Whoever gets a `Settle` must call it once. */
  readonly begin: (
    attempt: Attempt,
    what: string,
  ) => Promise<E.Either<TooManyAttempts | AuthUnavailable, Settle>>
}

export const attemptWindowMilliseconds = 60_000
export const mostPerAccount = 10
const mostPerNetwork = 300
const mostPerWiderNetwork = 1_200

/** A limiter over any 60 s, not over fixed minutes, whose attempts lie in auth's store. */
class StoredAttempts extends RateLimiterStoreAbstract {
  readonly #store: AuthStore

  constructor(store: AuthStore, keyPrefix: string, points: number) {
    super({ storeClient: store, keyPrefix, points, duration: attemptWindowMilliseconds / 1000 })
    this.#store = store
  }

  async _upsert(key: string, points: number, milliseconds: number): Promise<Attempts> {
    const name = hash('sha256', key, 'base64url')
    if (points > 0) {
      const counted = await this.#store.countAttempt(name, this.points, milliseconds)
      if (E.isLeft(counted)) throw counted.left
      return counted.right
    }
    const back = await this.#store.takeAttemptBack(name)
    if (E.isLeft(back)) throw back.left
    return { count: 0, untilFree: 0 }
  }

  _getRateLimiterRes(_key: string, _points: number, { count, untilFree }: Attempts): RateLimiterRes {
    return new RateLimiterRes(Math.max(0, this.points - count), untilFree, count)
  }
}

interface Count {
  readonly limiter: StoredAttempts
  readonly key: string
}

const isUnavailable = (thrown: unknown): thrown is AuthUnavailable =>
  typeof thrown === 'object' && thrown !== null && '_tag' in thrown && thrown._tag === 'AuthUnavailable'

const refusalOf = (thrown: unknown): TooManyAttempts | AuthUnavailable =>
  thrown instanceof RateLimiterRes
    ? { _tag: 'TooManyAttempts', seconds: Math.max(1, Math.ceil(thrown.msBeforeNext / 1000)) }
    : isUnavailable(thrown)
      ? thrown
      : { _tag: 'AuthUnavailable', cause: thrown }

export const makeGuesses = (store: AuthStore): Guesses => {
  const perAccount = new StoredAttempts(store, 'account', mostPerAccount)
  const perNetwork = new StoredAttempts(store, 'address', mostPerNetwork)
  const perWiderNetwork = new StoredAttempts(store, 'wider network', mostPerWiderNetwork)

  const countsOf = ({ account, address }: Attempt): readonly Count[] => {
    const network = networkOf(address)
    const wider = widerNetworkOf(address)
    return [
      { limiter: perAccount, key: `${account} ${network}` },
      { limiter: perNetwork, key: network },
      ...(wider === network ? [] : [{ limiter: perWiderNetwork, key: wider }]),
    ]
  }

  // What cannot be given back now is forgotten after a minute.
  const giveBack = (counts: readonly Count[]) =>
    Promise.allSettled(counts.map(({ limiter, key }) => limiter.reward(key)))

  const count = async (
    counts: readonly Count[],
  ): Promise<E.Either<TooManyAttempts | AuthUnavailable, void>> => {
    for (const [i, { limiter, key }] of counts.entries()) {
      try {
        await limiter.consume(key)
      } catch (thrown) {
        await giveBack(counts.slice(0, i))
        return E.left(refusalOf(thrown))
      }
    }
    return E.right(undefined)
  }

  interface UnderWay {
    readonly counted: Promise<E.Either<TooManyAttempts | AuthUnavailable, void>>
    sharedBy: number
    isGivenBack: boolean
  }
  const underWay = new Map<string, UnderWay>()

  return {
    begin: async (attempted, what) => {
      const counts = countsOf(attempted)
      const key = `${counts[0]?.key} ${what}`
      const attempt = underWay.get(key) ?? { counted: count(counts), sharedBy: 0, isGivenBack: false }
      underWay.set(key, attempt)
      attempt.sharedBy += 1
      const leave = (): boolean => {
        attempt.sharedBy -= 1
        if (attempt.sharedBy > 0) return false
        underWay.delete(key)
        return true
      }
      const counted = await attempt.counted
      if (E.isLeft(counted)) {
        leave()
        return counted
      }
      return E.right(async isGivenBack => {
        attempt.isGivenBack ||= isGivenBack
        if (leave() && attempt.isGivenBack) await giveBack(counts)
      })
    },
  }
}
