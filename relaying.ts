import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import { errorSummary } from './api/http/error-summary.ts'
import { readableResources } from './auth/readable-resources.ts'
import type { Core } from './core.ts'
import { eventTypesOf } from './domain/catalogue.ts'
import type { RecordedEvent } from './domain/event.ts'
import type { FederationNode } from './domain/nodes.ts'
import type { Subscription } from './domain/subscriptions.ts'
import { observedSend } from './metrics/observed-work.ts'
import { allSubscriptions } from './projections/subscriptions.ts'
import { sleep } from './relay/bell.ts'
import { followedSubscriptions } from './relay/followed-subscriptions.ts'
import { keepMessages } from './relay/message-upkeep.ts'
import { runRelay } from './relay/relay.ts'
import { makeWebhooks, type Webhooks } from './relay/webhooks.ts'
import { orThrow } from './start-failure.ts'

const againMilliseconds = 1_000

export const openWebhooks = async ({ auth, config, metrics }: Core): Promise<Webhooks> => {
  const webhooks = makeWebhooks(orThrow(await auth.secret('webhooks')), config.allowPrivateWebhooks)
  return { ...webhooks, send: observedSend(webhooks.send, metrics) }
}

/** Whether an event is one that a subscription asks for. */
const makeAsksFor = () => {
  const typesOf = new WeakMap<Subscription, ReadonlySet<string>>()
  return (subscription: Subscription, { event, metadata }: RecordedEvent): boolean => {
    const { types, resources, person } = subscription
    let asked = typesOf.get(subscription)
    if (asked === undefined) {
      const all = eventTypesOf(resources)
      asked = new Set(types === null ? all : all.filter(type => types.includes(type)))
      typesOf.set(subscription, asked)
    }
    return asked.has(event.type) && (person === null || metadata.subject === person)
  }
}

/** What a node lacks to be given what its subscription asks for, by its rights of this moment. */
const makeLacking = ({ standing, policy }: Pick<Core, 'standing' | 'policy'>) => {
  const lackingTo = (
    { client_id: id, scopes, status }: FederationNode,
    { resources }: Subscription,
  ): readonly string[] | undefined => {
    if (status !== 'active') return ['active']
    const readable = new Set(readableResources(policy, { kind: 'node', id, scopes }))
    const needed = [
      ...(scopes.includes('subscriptions:write') ? [] : ['subscriptions:write']),
      ...resources.filter(name => !readable.has(name)).map(name => `${name}:read`),
    ]
    return needed.length === 0 ? undefined : needed
  }
  // A node that changes is another object.
  const lackingBefore = new WeakMap<
    Subscription,
    { readonly node: FederationNode; readonly needed: ReturnType<typeof lackingTo> }
  >()

  return (subscription: Subscription): readonly string[] | undefined => {
    const node = standing.node(subscription.node)
    if (node === undefined) return ['active']
    const before = lackingBefore.get(subscription)
    if (before?.node === node) return before.needed
    const needed = lackingTo(node, subscription)
    lackingBefore.set(subscription, { node, needed })
    return needed
  }
}

/** Delivers webhooks, and keeps the messages between nodes, until the signal. */
export const startRelay = async (
  core: Core,
  webhooks: Webhooks,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> => {
  const { ports, reads, processName, subscriptions: commands, messages, deliveries } = core
  const report = (failure: unknown, subscription?: string) => {
    const named = subscription === undefined || subscription === '' ? {} : { subscription }
    logger.error(
      { ...named, ...tagOf(failure), ...errorSummary(causeIn(failure)) },
      'the relay failed; trying again',
    )
  }
  const subscriptions = followedSubscriptions(await allSubscriptions(reads, ports.feed))
  const follow = async () => {
    while (!signal.aborted) {
      try {
        await subscriptions.follow(ports.feed, signal)
      } catch (failure) {
        report(failure)
        await pause(againMilliseconds, undefined, { signal }).catch(() => undefined)
      }
    }
  }
  await Promise.all([
    follow(),
    runRelay(
      {
        identity: ports.identity,
        log: ports.log,
        follow: core.follower.follow,
        positionOf: ports.feed.positionOf,
        deliveries,
        send: webhooks.send,
        lacking: makeLacking(core),
        asksFor: makeAsksFor(),
        now: Date.now,
        random: Math.random,
        sleep,
        subscriptions,
        commands,
        leases: core.deliveryLeases,
        holder: processName,
        report,
      },
      signal,
    ),
    keepMessages(
      { messages, reads, leases: core.leases, holder: processName, now: () => new Date(), report },
      signal,
    ),
  ])
}

const tagOf = (failure: unknown) =>
  typeof failure === 'object' && failure !== null && '_tag' in failure
    ? { failure: String(failure._tag) }
    : {}

const causeIn = (failure: unknown): unknown =>
  typeof failure === 'object' && failure !== null && 'cause' in failure ? failure.cause : failure
