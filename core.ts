import { chmodSync, mkdirSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import * as E from '#fp/Either'
import { errorSummary } from './api/http/error-summary.ts'
import { clientSecrets } from './auth/client-secrets.ts'
import { passwordTaker } from './auth/creation-password.ts'
import { namesCredentials } from './auth/named-credentials.ts'
import { type NodeUseCases, nodeUseCases } from './auth/nodes.ts'
import { makePasswords, type PasswordFailure, type Passwords } from './auth/passwords.ts'
import { type PeopleUseCases, peopleUseCases, standingFollows } from './auth/people.ts'
import { makePolicy, type Policy } from './auth/policy.ts'
import { makeSlowWork } from './auth/slow-work.ts'
import { type FollowedStanding, makeStanding, type StandingStart } from './auth/standing.ts'
import type { SubjectKeys } from './auth/subject-keys.ts'
import { supersedeIn } from './auth/supersede.ts'
import { accessRecorder, type RecordAccess } from './commands/accesses.ts'
import type { ContentStore } from './commands/content-store.ts'
import { commandHandler } from './commands/handle.ts'
import { type AcceptItem, itemRequests } from './commands/item-requests.ts'
import { itemWriter, readItem, type WriteItem } from './commands/items.ts'
import type { MessageBodies } from './commands/message-bodies.ts'
import { type Messages, messages } from './commands/messages.ts'
import { type Subscriptions, subscriptionUseCases } from './commands/subscriptions.ts'
import { makeTurns } from './commands/turns.ts'
import type { Config } from './config.ts'
import { feedEventTypes } from './domain/catalogue.ts'
import type { LogUnavailable } from './domain/log-failure.ts'
import { earlierOf } from './domain/position.ts'
import { openStores, type Stores } from './engines.ts'
import { type Metrics, unmeasured } from './metrics/metrics.ts'
import { observedDeliveries, observedLog, observedStore } from './metrics/observed-stores.ts'
import { observedSlowWork } from './metrics/observed-work.ts'
import manifest from './package.json' with { type: 'json' }
import { allAccounts } from './projections/accounts.ts'
import type { EventFeed } from './projections/event-feed.ts'
import { allNodes } from './projections/nodes.ts'
import type { ReadModels } from './projections/read-store.ts'
import { makeSharedFollower, type SharedFollower } from './projections/shared-follower.ts'
import type { DeliveryStore } from './relay/delivery-store.ts'
import { fail, orThrow, startFailureOf } from './start-failure.ts'
import { countClearEvents } from './stores/clear-events.ts'
import { type LogPorts, openLog } from './stores/codec.ts'
import { processName } from './stores/process-name.ts'

/** The release that runs. */
export const { version } = manifest

/** What every command of the hub works with: the stores, the write side, and who may. */
export interface Core {
  readonly config: Config
  readonly metrics: Metrics
  readonly ports: LogPorts
  readonly reads: Stores['reads']
  readonly leases: Stores['leases']
  readonly auth: Stores['auth']
  readonly keys: SubjectKeys
  readonly masterKeys: Stores['masterKeys']
  readonly contents: ContentStore
  readonly policy: Policy
  readonly passwords: Passwords
  readonly standing: FollowedStanding
  readonly people: PeopleUseCases
  readonly nodes: NodeUseCases
  readonly writeItem: WriteItem
  readonly acceptItem: AcceptItem<PasswordFailure>
  readonly recordAccess: RecordAccess
  readonly messages: Messages
  readonly messageBodies: MessageBodies
  readonly subscriptions: Subscriptions
  readonly deliveries: DeliveryStore
  /** Of those who deliver. */
  readonly deliveryLeases: Stores['leases']
  /** Follows the events of the feed once, for all in this process who read along. */
  readonly follower: SharedFollower
  /** How many events about a person, of these streams, are stored in clear. */
  readonly countClear: (
    account: string,
    streams: readonly string[],
  ) => Promise<E.Either<LogUnavailable, number>>
  /** When the log was moved to another engine (ISO 8601), if it was: it takes no writes. */
  readonly sealedAt: string | undefined
  /** What this process is called among those on the same stores. */
  readonly processName: string
  /** Transactions of the event log so far: for the benchmark. */
  readonly logCommits: () => number
  /** Ends standing and closes the stores, in reverse. */
  readonly close: () => Promise<void>
}

/** What the read models know of people and nodes, and the position both have come to. */
const standingStart = async (reads: ReadModels, feed: EventFeed): Promise<StandingStart> => {
  const [people, federation] = [await allAccounts(reads, feed), await allNodes(reads, feed)]
  return {
    position: earlierOf(people.position, federation.position),
    accounts: people.documents,
    nodes: federation.documents,
  }
}

/** The same stores, whose failures are counted. */
const observed = (stores: Stores, metrics: Metrics): Stores => ({
  ...stores,
  reads: observedStore(stores.reads, 'reads', metrics),
  auth: observedStore(stores.auth, 'credentials', metrics),
  contents: observedStore(stores.contents, 'contents', metrics),
  relay: {
    ...stores.relay,
    bodies: observedStore(stores.relay.bodies, 'bodies', metrics),
    deliveries: observedDeliveries(stores.relay.deliveries, metrics),
  },
})

/** Opens the stores and builds the write side on them. Throws a `StartFailure`, and closes the stores again. */
export const openCore = async (
  config: Config,
  logger: Logger,
  metrics: Metrics = unmeasured,
): Promise<Core> => {
  logger.info({ version }, 'thalamus starts')
  try {
    process.umask(0o077)
    mkdirSync(config.dataDir, { recursive: true, mode: 0o700 })
    chmodSync(config.dataDir, 0o700)
    const opened = await openStores(config, (file, keptAs) =>
      logger.warn(
        { file, keptAs },
        'a damaged file of read models was set aside: it is built anew from the log',
      ),
    )
    const stores = observed(opened, metrics)
    try {
      return await coreOn(stores, config, logger, metrics)
    } catch (error) {
      await closeStores(stores)
      throw error
    }
  } catch (thrown) {
    throw startFailureOf(config, thrown)
  }
}

const closeStores = async ({ reads, relay, contents, auth, events }: Stores): Promise<void> => {
  await reads.close()
  await relay.close()
  await contents.close()
  await auth.close()
  await events.close()
}

const coreOn = async (stores: Stores, config: Config, logger: Logger, metrics: Metrics): Promise<Core> => {
  const { events, auth, keys, contents, relay, reads, leases } = stores
  const opened = orThrow(
    await openLog(events, keys, config.withoutCredentials ? 'count as destroyed' : 'fail'),
  )
  const ports = {
    ...opened,
    log: observedLog(opened.log, metrics),
    feed: observedStore(opened.feed, 'log', metrics),
  }
  const sealedAt = orThrow(await stores.sealedAt())
  const { log, feed, identity } = ports
  const isEmpty = !orThrow(await auth.hasCredentials())
  if (isEmpty && !config.withoutCredentials && orThrow(await namesCredentials(feed)))
    fail({ _tag: 'CredentialsMissing' })
  // Else this process would sweep the credentials of the other log: its own names none of them.
  if (orThrow(await auth.claim('log', identity.id)) !== identity.id) fail({ _tag: 'CredentialsOfAnotherLog' })
  orThrow(await keys.open())

  const standing = makeStanding(await standingStart(reads, feed))
  const ending = new AbortController()
  const followStanding = async () => {
    while (!ending.signal.aborted) {
      const ended = await standing
        .follow(feed, ending.signal)
        .catch((cause: unknown) => E.left({ _tag: 'Bug' as const, cause }))
      if (E.isRight(ended)) return
      const cause = 'cause' in ended.left ? errorSummary(ended.left.cause) : {}
      logger.error({ failure: ended.left._tag, ...cause }, 'standing cannot follow the log; trying again')
      await pause(1000, undefined, { signal: ending.signal }).catch(() => undefined)
    }
  }

  const turns = makeTurns(1000)
  const handle = commandHandler({ log, turns, now: () => new Date(), erasures: keys.erasures })
  const supersede = supersedeIn(auth, ({ cause }) =>
    logger.warn(errorSummary(cause), 'superseded credentials were not marked'),
  )
  const writeItem = itemWriter(log, handle, standingFollows(standing, supersede))
  const passwords = makePasswords(auth, observedSlowWork(makeSlowWork(), metrics))
  const people = peopleUseCases({ writeItem, readItem: readItem(log), passwords, standing, turns })
  const followed = followStanding()
  return {
    config,
    metrics,
    ports,
    reads,
    leases,
    auth,
    keys,
    masterKeys: stores.masterKeys,
    contents,
    policy: makePolicy(config.roles),
    passwords,
    standing,
    people,
    nodes: nodeUseCases(handle, clientSecrets(auth), standing, supersede),
    writeItem,
    acceptItem: itemRequests(writeItem, passwordTaker(passwords)),
    recordAccess: accessRecorder(handle),
    messages: messages({
      log,
      handle,
      bodies: relay.bodies,
      isRecipient: clientId => (standing.node(clientId)?.status ?? 'retired') !== 'retired',
      now: () => new Date(),
    }),
    messageBodies: relay.bodies,
    subscriptions: subscriptionUseCases(log, handle, () => new Date()),
    deliveries: relay.deliveries,
    deliveryLeases: relay.leases,
    follower: makeSharedFollower(feed, feedEventTypes),
    countClear: (account, streams) => countClearEvents(events, account, streams),
    sealedAt,
    processName: processName(),
    logCommits: stores.commits,
    close: async () => {
      ending.abort()
      await followed
      await closeStores(stores)
    },
  }
}
