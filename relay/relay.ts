import { randomUUID } from 'node:crypto'
import * as E from '#fp/Either'
import type { EventLog } from '../commands/event-log.ts'
import type { Subscriptions, SubscriptionWrite } from '../commands/subscriptions.ts'
import type { LogFailure } from '../domain/log-failure.ts'
import { subscriptionEvents, subscriptionStream } from '../domain/subscriptions.ts'
import type { Leases } from '../projections/leases.ts'
import type { SubscriptionAt } from '../projections/subscriptions.ts'
import { type DeliveryDependencies, deliverSubscription } from './deliver-subscription.ts'
import { deliveryMilliseconds } from './delivery-records.ts'
import type { DeliveryStore } from './delivery-store.ts'
import type { FollowedSubscriptions } from './followed-subscriptions.ts'
import type { DeliveryEnd } from './receiver.ts'
import type { Replay } from './replays.ts'

const leaseMilliseconds = 5_000
const lookMilliseconds = 1_000
const longestPauseMilliseconds = 30_000

export interface RelayDependencies extends Omit<DeliveryDependencies, 'log'> {
  readonly log: Pick<EventLog, 'read'>
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
  const { subscriptions, commands, deliveries, leases, holder, log, positionOf, lacking, report, sleep } =
    dependencies
  const workers = new Map<string, Worker>()

  const writeOf = (id: string): SubscriptionWrite => ({
    id,
    by: 'all',
    preconditions: {},
    context: {
      actor: { kind: 'hub', id: 'thalamus' },
      requestId: randomUUID(),
      commandId: randomUUID(),
    },
  })

  const numberOf = async (text: string | undefined, otherwise: bigint): Promise<bigint> => {
    if (text === undefined) return otherwise
    const position = await positionOf(text)
    if (E.isLeft(position)) throw position.left
    return position.right ?? otherwise
  }

  /** The replays of dead letters that were asked for after a revision of the subscription's stream. */
  const replaysOf = async (id: string, after: number): Promise<E.Either<LogFailure, readonly Replay[]>> => {
    const replays: Replay[] = []
    for (let next = after + 1; ; ) {
      const run = await log.read(subscriptionStream(id), next)
      if (E.isLeft(run)) return run
      for (const { event, revision } of run.right.events) {
        next = revision + 1
        if (event.type !== 'SubscriptionDeadLettersReplayed') continue
        const { at, from, to } = subscriptionEvents.SubscriptionDeadLettersReplayed.parse(event.data)
        replays.push({
          revision,
          at,
          from: await numberOf(from, 0n),
          to: await numberOf(to, BigInt(Number.MAX_SAFE_INTEGER) ** 2n),
        })
      }
      if (!run.right.more) return E.right(replays)
    }
  }

  /** What becomes of a subscription whose work has ended by itself. */
  const conclude = async (id: string, end: DeliveryEnd): Promise<void> => {
    if (end.is === 'ended') return
    const written = await (end.is === 'gone'
      ? commands.disable(writeOf(id), 'gone')
      : commands.deny(writeOf(id), end.needed))
    if (E.isLeft(written)) throw written.left
  }

  /** What is denied waits, up to three days. */
  const awaitRights = async ({ subscription }: SubscriptionAt): Promise<void> => {
    const { id, denied } = subscription
    if (denied === undefined) return
    if (lacking(subscription) === undefined) await commands.permit(writeOf(id))
    else if (dependencies.now() - Date.parse(denied.since) >= deliveryMilliseconds)
      await commands.disable(writeOf(id), 'rights')
  }

  const work = async (
    { subscription }: SubscriptionAt,
    token: number,
    ending: AbortSignal,
  ): Promise<void> => {
    const { id } = subscription
    let failures = 0
    while (!ending.aborted) {
      try {
        const end = await deliverSubscription(
          dependencies,
          {
            subscription,
            token,
            from: await numberOf(subscription.from, 0n),
            replays: after => replaysOf(id, after),
          },
          ending,
        )
        if (ending.aborted) return
        // The event that this appends begins the work anew, or ends it.
        await conclude(id, end)
        return
      } catch (failure) {
        if (isSuperseded(failure)) return
        report(failure, id)
        failures += 1
        const milliseconds = Math.min(longestPauseMilliseconds, 100 * 2 ** failures)
        await sleep(milliseconds, ending)
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

  /** Takes or keeps the leases of what is to be worked on, and works on what it holds. */
  const look = async (): Promise<void> => {
    const active = subscriptions.all().filter(({ subscription }) => subscription.status === 'active')
    const names = active.map(({ subscription }) => leaseOf(subscription.id))
    const ids = new Set(active.map(({ subscription }) => subscription.id))
    const ended = [...workers.keys()].filter(id => !ids.has(id))
    await Promise.all(ended.map(endWorker))
    if (ended.length > 0) await leases.drop(ended.map(leaseOf), holder)
    const tokens = await leases.take(names, holder, leaseMilliseconds)
    if (E.isLeft(tokens)) throw tokens.left
    await Promise.all(
      active.map(async (at, i) => {
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

  while (!signal.aborted) {
    const change = subscriptions.changed()
    try {
      await look()
    } catch (failure) {
      report(failure, '')
    }
    const waiting = new AbortController()
    await Promise.race([change, sleep(lookMilliseconds, AbortSignal.any([signal, waiting.signal]))])
    waiting.abort()
  }
  const held = [...workers.keys()]
  await Promise.all(held.map(endWorker))
  await leases.drop(held.map(leaseOf), holder)
}

const isSuperseded = (thrown: unknown): boolean =>
  typeof thrown === 'object' && thrown !== null && '_tag' in thrown && thrown._tag === 'Superseded'
