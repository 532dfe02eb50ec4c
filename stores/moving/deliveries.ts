import * as E from '#fp/Either'
import { keyOfStream } from '../../domain/resource.ts'
import type { Superseded } from '../../projections/checkpoints.ts'
import type { ReadUnavailable } from '../../projections/read-unavailable.ts'
import type { DeliveryRecord, DeliverySource, DeliveryStore } from '../../relay/delivery-store.ts'
import type { StoredLog } from '../stored.ts'
import { along, from, stop } from './failure.ts'

/** Below those of all leases: what a hub works on already is left to it. */
const token = 0
const mostTogether = 200

const { signal } = new AbortController()
const types = ['SubscriptionCreated']

const nameOf = ({ kind, key }: Pick<DeliveryRecord, 'kind' | 'key'>): string => `${kind} ${key}`

/** Undefined where the subscription is a hub's by now. */
const unlessHeld = async <A>(
  outcome: Promise<E.Either<ReadUnavailable | Superseded, A>>,
): Promise<{ readonly done: A } | undefined> => {
  const result = await outcome
  if (E.isRight(result)) return { done: result.right }
  if (result.left._tag === 'Superseded') return undefined
  return stop({ _tag: 'StoreUnavailable', store: 'new deliveries', cause: result.left.cause })
}

/** All that the new store keeps of a subscription; undefined where a hub works on it. */
const keptIn = async (target: DeliveryStore, id: string): Promise<readonly DeliveryRecord[] | undefined> => {
  const claimed = await unlessHeld(target.claim(id, token))
  if (claimed === undefined) return undefined
  const records = [...claimed.done]
  for (let after = ''; ; ) {
    const letters = await from('new deliveries', target.deadLetters(id, after, mostTogether))
    records.push(...letters)
    const last = letters.at(-1)
    if (last === undefined) return records
    after = last.key
  }
}

const copyOne = async (source: DeliverySource, target: DeliveryStore, id: string): Promise<void> => {
  const records = await from('old deliveries', source.recordsOf(id))
  const wanted = new Map(records.map(record => [nameOf(record), record.text]))
  const before = await keptIn(target, id)
  if (before === undefined) return
  const remove = before.filter(record => !wanted.has(nameOf(record)))
  for (let n = 0; n < records.length; n += mostTogether) {
    const put = records.slice(n, n + mostTogether)
    if ((await unlessHeld(target.save(id, token, { put, remove: [] }))) === undefined) return
  }
  if ((await unlessHeld(target.save(id, token, { put: [], remove }))) === undefined) return
  const kept = await keptIn(target, id)
  if (kept === undefined) return
  const isSame =
    kept.length === wanted.size && kept.every(record => wanted.get(nameOf(record)) === record.text)
  if (!isSame) stop({ _tag: 'CopyDiffers', store: 'new deliveries' })
}

/**
 * Has the new store keep of every subscription what the old one keeps at this moment, and nothing else; all is read back.
 * A hub on the old log may go on delivering: what it does from now on is done again by the new one, with the same ids.
 */
export const copyDeliveries = async (
  log: StoredLog,
  source: DeliverySource,
  target: DeliveryStore,
  report: (subscriptions: bigint) => void,
): Promise<void> => {
  let copied = 0n
  for await (const { events } of along('old events', log.follow(0n, { signal, types, toHead: true })))
    for (const { stream } of events) {
      await copyOne(source, target, keyOfStream(stream))
      copied += 1n
      report(copied)
    }
}
