import * as E from '#fp/Either'
import type { DeliveryRecord, DeliveryStore } from '../../relay/delivery-store.ts'

interface Kept {
  token: number
  readonly records: Map<string, DeliveryRecord>
}

/** For tests: nothing outlives the process. */
export const memoryDeliveryStore = (): DeliveryStore => {
  const all = new Map<string, Kept>()
  const keyOf = ({ kind, key }: Pick<DeliveryRecord, 'kind' | 'key'>) => `${kind} ${key}`
  const deadOf = (subscription: string): readonly DeliveryRecord[] =>
    [...(all.get(subscription)?.records.values() ?? [])]
      .filter(({ kind }) => kind === 'dead')
      .toSorted((a, b) => (a.key < b.key ? -1 : 1))
  return {
    claim: async (subscription, token) => {
      const kept = all.get(subscription) ?? { token, records: new Map() }
      if (kept.token > token) return E.left({ _tag: 'Superseded' })
      kept.token = token
      all.set(subscription, kept)
      return E.right([...kept.records.values()].filter(({ kind }) => kind !== 'dead'))
    },
    save: async (subscription, token, { put, remove }) => {
      const kept = all.get(subscription)
      if (kept?.token !== token) return E.left({ _tag: 'Superseded' })
      for (const record of put) kept.records.set(keyOf(record), record)
      for (const record of remove) kept.records.delete(keyOf(record))
      return E.right(undefined)
    },
    progressOf: async subscriptions =>
      E.right(
        new Map(
          subscriptions.flatMap(id => {
            const record = all.get(id)?.records.get(keyOf({ kind: 'progress', key: '' }))
            return record === undefined ? [] : [[id, record.text] as const]
          }),
        ),
      ),
    deadLetters: async (subscription, after, most) =>
      E.right(
        deadOf(subscription)
          .filter(({ key }) => key > after)
          .slice(0, most),
      ),
    countDeadLetters: async subscriptions =>
      E.right(new Map(subscriptions.map(id => [id, deadOf(id).length]))),
    forget: async subscription => {
      all.delete(subscription)
      return E.right(undefined)
    },
  }
}
