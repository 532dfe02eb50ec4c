import { randomUUID } from 'node:crypto'
import * as E from '#fp/Either'
import type { CommandFailure } from '../commands/handle.ts'
import type { Subscriptions, SubscriptionWrite } from '../commands/subscriptions.ts'
import type { Leases } from '../projections/leases.ts'
import type { SubscriptionAt } from '../projections/subscriptions.ts'
import { makeBell } from './bell.ts'
import { type DeliveryDependencies, deliverSubscription } from './deliver-subscription.ts'
import { deliveryMilliseconds } from './delivery-records.ts'
import type { DeliveryStore } from './delivery-store.ts'
import type { FollowedSubscriptions } from './followed-subscriptions.ts'
import { orThrow } from './or-throw.ts'
import type { DeliveryEnd } from './receiver.ts'
import { recordedReplays } from './recorded-replays.ts'

const leaseMilliseconds = 5_000
const lookMilliseconds = 1_000
const longestPauseMilliseconds = 30_000
/** A failure after so long is the first again. */
const forgivingMilliseconds = 60_000

export interface RelayDependencies extends DeliveryDependencies {
  readonly subscriptions: FollowedSubscriptions
  readonly commands: Pick<Subscriptions, 'disable' | 'deny' | 'permit'>
  readonly deliveries: DeliveryStore
  readonly leases: Leases
  /** What this process is called in leases. */
  readonly holder: string
  /** Told of what stopped the work on a subscription for now. */
  readonly report: (failure: unknown, subscription: string) => void
}

/** The work on a subscription that this process has the lease of. */
interface Worker {
  readonly token: number
  /** Of the subscription that is worked on: with another one the work begins anew. */
  readonly revision: number
  readonly ending: AbortController
  readonly ended: Promise<void>
}

const leaseOf = (id: string): string => `subscription_${id}`

/**
 * Delivers what subscriptions ask for, each under a lease of its own: one process at a time works on one, and where it dies
 * another takes over within seconds. Until the signal.
 */
export const runRelay = async (dependencies: RelayDependencies, signal: AbortSignal): Promise<void> => {
  const { subscriptions, commands, deliveries, leases, holder, lacking, now, report, sleep } = dependencies
  const workers = new Map<string, Worker>()

  /** Of what was decided by a subscription as it was: where it is another by now, nothing is written. */
  const write = async (
    { revision, subscription }: SubscriptionAt,
    run: (write: SubscriptionWrite) => ReturnType<Subscriptions['permit']>,
  ): Promise<void> => {
    const written = await run({
      id: subscription.id,
      by: 'all',
      preconditions: { ifMatch: [revision] },
      context: {
        actor: { kind: 'hub', id: 'thalamus' },
        requestId: randomUUID(),
        commandId: randomUUID(),
      },
    })
    if (E.isLeft(written) && !isOutdated(written.left)) throw written.left
  }

  /** What becomes of a subscription whose work has ended by itself. */
  const conclude = async (at: SubscriptionAt, end: DeliveryEnd): Promise<void> => {
    if (end.is === 'gone') await write(at, one => commands.disable(one, 'gone'))
    if (end.is === 'denied') await write(at, one => commands.deny(one, end.needed))
  }

  /** What is denied waits, up to three days. */
  const awaitRights = async (at: SubscriptionAt): Promise<void> => {
    const { id, denied } = at.subscription
    if (denied === undefined) return
    try {
      if (lacking(at.subscription) === undefined) await write(at, commands.permit)
      else if (now() - Date.parse(denied.since) >= deliveryMilliseconds)
        await write(at, one => commands.disable(one, 'rights'))
    } catch (failure) {
      report(failure, id)
    }
  }

  const work = async (at: SubscriptionAt, token: number, ending: AbortSignal): Promise<void> => {
    const { subscription } = at
    const replays = (after: number) => recordedReplays(dependencies, subscription.id, after)
    let failures = 0
    while (!ending.aborted) {
      const begunAt = now()
      try {
        const from = orThrow(await dependencies.positionOf(subscription.from)) ?? 0n
        const end = await deliverSubscription(dependencies, { subscription, token, from, replays }, ending)
        if (ending.aborted) return
        // The event that this appends begins the work anew, or ends it.
        await conclude(at, end)
        return
      } catch (failure) {
        if (isSuperseded(failure)) return
        report(failure, subscription.id)
        failures = now() - begunAt >= forgivingMilliseconds ? 1 : failures + 1
        await sleep(Math.min(longestPauseMilliseconds, 100 * 2 ** failures), ending)
      }
    }
  }

  const begin = (at: SubscriptionAt, token: number): Worker => {
    const ending = new AbortController()
    return { token, revision: at.revision, ending, ended: work(at, token, ending.signal) }
  }

  const endWorker = async (id: string): Promise<void> => {
    const worker = workers.get(id)
    if (worker === undefined) return
    worker.ending.abort()
    await worker.ended
    if (workers.get(id) === worker) workers.delete(id)
  }

  const active = () => subscriptions.all().filter(({ subscription }) => subscription.status === 'active')

  /** Takes or keeps the leases of what is to be worked on, and works on what it holds. */
  const look = async (): Promise<void> => {
    const all = active()
    const ids = new Set(all.map(({ subscription }) => subscription.id))
    const ended = [...workers.keys()].filter(id => !ids.has(id))
    await Promise.all(ended.map(endWorker))
    if (ended.length > 0) await leases.drop(ended.map(leaseOf), holder)
    const tokens = await leases.take([...ids].map(leaseOf), holder, leaseMilliseconds)
    if (E.isLeft(tokens)) throw tokens.left
    await Promise.all(
      all.map(async (at, i) => {
        const { id, denied } = at.subscription
        const token = tokens.right[i]
        const worker = workers.get(id)
        if (worker !== undefined && (worker.token !== token || worker.revision !== at.revision))
          await endWorker(id)
        if (token === undefined) return
        if (denied !== undefined) await awaitRights(at)
        else if (!workers.has(id)) workers.set(id, begin(at, token))
      }),
    )
    for (const id of subscriptions.removed()) await forget(id)
  }

  const forgotten = new Set<string>()
  const forget = async (id: string): Promise<void> => {
    if (forgotten.has(id)) return
    const done = await deliveries.forget(id)
    if (E.isRight(done)) forgotten.add(id)
  }

  const bell = makeBell(sleep, signal)
  let isChanged = false
  const stopListening = subscriptions.onChange(() => {
    isChanged = true
    bell.ring()
  })
  while (!signal.aborted) {
    isChanged = false
    try {
      await look()
    } catch (failure) {
      report(failure, '')
    }
    if (!isChanged) await bell.rung(lookMilliseconds)
  }
  stopListening()
  // Also of those that wait for rights.
  const held = new Set([...workers.keys(), ...active().map(({ subscription }) => subscription.id)])
  await Promise.all([...held].map(endWorker))
  await leases.drop([...held].map(leaseOf), holder)
}

/** Whether the subscription was changed or removed by somebody else in the meantime. */
const isOutdated = ({ _tag }: CommandFailure): boolean => _tag === 'StaleRevision' || _tag === 'Removed'

const isSuperseded = (thrown: unknown): boolean =>
  typeof thrown === 'object' && thrown !== null && '_tag' in thrown && thrown._tag === 'Superseded'
