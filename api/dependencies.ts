import type { Logger } from 'pino'
import type { AuthStore } from '../auth/auth-store.ts'
import type { Authenticate } from '../auth/authenticate.ts'
import type { Erasing } from '../auth/erasure.ts'
import type { Guesses } from '../auth/guesses.ts'
import type { IdentityProvider } from '../auth/identity-provider.ts'
import type { NodeUseCases } from '../auth/nodes.ts'
import type { PasswordFailure } from '../auth/passwords.ts'
import type { PeopleUseCases } from '../auth/people.ts'
import type { Policy } from '../auth/policy.ts'
import type { Standing } from '../auth/standing.ts'
import type { RecordAccess } from '../commands/accesses.ts'
import type { WriteContent } from '../commands/content.ts'
import type { ContentStore } from '../commands/content-store.ts'
import type { AcceptItem } from '../commands/item-requests.ts'
import type { readItem, wasHandled } from '../commands/items.ts'
import type { MessageBodies } from '../commands/message-bodies.ts'
import type { Messages } from '../commands/messages.ts'
import type { Subscriptions } from '../commands/subscriptions.ts'
import type { LogIdentity } from '../domain/position.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { EventFeed } from '../projections/event-feed.ts'
import type { Progress } from '../projections/progress.ts'
import type { ReadModels } from '../projections/read-store.ts'
import type { SharedFollower } from '../projections/shared-follower.ts'
import type { DeliveryStore } from '../relay/delivery-store.ts'
import type { Webhooks } from '../relay/webhooks.ts'
import type { Load } from './http/exchange.ts'
import type { RequestRates } from './http/network-limits.ts'
import type { Health } from './open/health.ts'

/** What the routes work with: handlers and queries, never a store to write to. */
export interface ApiDependencies {
  readonly authenticate: Authenticate
  readonly policy: Policy
  readonly standing: Pick<Standing, 'silentFor' | 'isLive' | 'node'>
  readonly guesses: Guesses
  readonly identityProvider: IdentityProvider
  /** Whether this was found to be a live secret of that node lately. */
  readonly knowsSecret: (clientId: string, secret: string) => boolean
  readonly people: PeopleUseCases
  readonly nodes: NodeUseCases
  readonly erasing: Pick<Erasing, 'erase' | 'hold'>
  readonly lastSeen: AuthStore['lastSeen']
  readonly claims: Pick<AuthStore, 'claim' | 'claimed' | 'releaseClaim'>
  readonly wasHandled: ReturnType<typeof wasHandled>
  readonly acceptItem: AcceptItem<PasswordFailure>
  readonly recordAccess: RecordAccess
  readonly messages: Messages
  readonly messageBodies: Pick<MessageBodies, 'read'>
  readonly subscriptions: Subscriptions
  readonly webhooks: Webhooks
  readonly deliveries: Pick<DeliveryStore, 'progressOf' | 'countDeadLetters' | 'deadLetters'>
  /** Webhooks may go to private addresses. */
  readonly allowPrivateWebhooks: boolean
  readonly writeContent: WriteContent
  readonly contents: Pick<ContentStore, 'verify' | 'read'>
  /** Bytes of a content at most. */
  readonly mostContentBytes: number
  readonly readItem: ReturnType<typeof readItem>
  readonly readModels: ReadModels
  readonly progress: Progress
  readonly logIdentity: LogIdentity
  /** Reads a position that a client sends. */
  readonly positionOf: EventFeed['positionOf']
  /** The log's last position. */
  readonly logHead: EventFeed['head']
  /** Reads the event history. */
  readonly feed: Pick<EventFeed, 'follow' | 'eventIdAt' | 'head' | 'positionOf'>
  /** Follows it once for all who read along. */
  readonly follower: SharedFollower
  /** Follows, likewise, the events that bring messages to their recipients. */
  readonly arrivals: SharedFollower
  /** Aborted when the hub begins to end: nobody is to wait any longer. */
  readonly closing: AbortSignal
  /** Keys the fingerprints of requests with an `Idempotency-Key`. */
  readonly fingerprintKey: Buffer
  /** Keys the tokens that forms carry against forgery. */
  readonly formKey: Buffer
  readonly health: Health
  readonly metrics: Metrics
  /** Opens the metrics to clients elsewhere. */
  readonly metricsToken: string | undefined
  readonly load: Load
  /** Of requests without valid credentials. */
  readonly requestRates: RequestRates
  /** The hub itself serves https. */
  readonly isSecure: boolean
  /** The hub's origin, as clients know it. */
  readonly publicUrl: string
  readonly logger: Logger
  readonly corsOrigins: readonly string[]
  readonly legacyLists: boolean
  /** Addresses and networks whose `X-Forwarded-For` counts. */
  readonly trustedProxies: readonly string[]
}
