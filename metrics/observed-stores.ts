import * as E from '#fp/Either'
import type { EventLog } from '../commands/event-log.ts'
import type { DeliveryStore } from '../relay/delivery-store.ts'
import type { Metrics, StoreName } from './metrics.ts'

const unavailable = /Unavailable$/

/** Whether a store answered that it cannot be used now. */
const isFailure = (settled: unknown): boolean =>
  typeof settled === 'object' &&
  settled !== null &&
  '_tag' in settled &&
  settled._tag === 'Left' &&
  'left' in settled &&
  typeof settled.left === 'object' &&
  settled.left !== null &&
  '_tag' in settled.left &&
  unavailable.test(String(settled.left._tag))

/** The same store, whose every function tells when what it promised could not be done. */
const tellingFailures = <Store extends object>(store: Store, failed: () => void): Store => {
  const observed: Record<string, unknown> = {}
  for (const [name, member] of Object.entries(store)) {
    observed[name] =
      typeof member !== 'function'
        ? member
        : (...values: readonly unknown[]) => {
            const result: unknown = member(...values)
            if (result instanceof Promise)
              result.then(
                settled => {
                  if (isFailure(settled)) failed()
                },
                () => failed(),
              )
            return result
          }
  }
  return { ...store, ...observed }
}

export const observedStore = <Store extends object>(
  store: Store,
  name: StoreName,
  { storeFailed }: Pick<Metrics, 'storeFailed'>,
): Store => tellingFailures(store, () => storeFailed(name))

/** The same log, whose appends are counted and timed. */
export const observedLog = (log: EventLog, metrics: Pick<Metrics, 'storeFailed' | 'appended'>): EventLog => {
  const observed = observedStore(log, 'log', metrics)
  return {
    ...observed,
    append: async (stream, expected, events) => {
      const start = performance.now()
      const appended = await observed.append(stream, expected, events)
      const outcome = E.isRight(appended)
        ? 'stored'
        : appended.left._tag === 'RevisionConflict'
          ? 'conflict'
          : 'failed'
      metrics.appended({ outcome, events: events.length, seconds: (performance.now() - start) / 1000 })
      return appended
    },
  }
}

/** The same store, whose dead letters are counted when they are kept. */
export const observedDeliveries = (
  deliveries: DeliveryStore,
  metrics: Pick<Metrics, 'storeFailed' | 'deadLetters'>,
): DeliveryStore => {
  const observed = observedStore(deliveries, 'deliveries', metrics)
  return {
    ...observed,
    save: async (subscription, token, changes) => {
      const saved = await observed.save(subscription, token, changes)
      if (E.isRight(saved)) metrics.deadLetters(changes.put.filter(({ kind }) => kind === 'dead').length)
      return saved
    },
  }
}
