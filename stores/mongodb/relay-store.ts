import type { MessageBodies } from '../../commands/message-bodies.ts'
import type { Leases } from '../../projections/leases.ts'
import type { DeliveryStore } from '../../relay/delivery-store.ts'
import { attempted } from '../attempted.ts'
import type { MovableBodies } from '../message-bodies.ts'
import { type Attempt, openMongo } from './client.ts'
import { deliveryStoreIn } from './delivery-store.ts'
import { leasesIn } from './leases.ts'
import { messageBodiesIn } from './message-bodies.ts'

export interface MongoRelayStore {
  readonly bodies: MessageBodies & MovableBodies
  readonly deliveries: DeliveryStore
  /** Of those who deliver: kept with the tokens that deliveries know, whatever becomes of the read models. */
  readonly leases: Leases
  readonly close: () => Promise<void>
}

/** What the relay keeps, in the MongoDB database that the URL names, and `_auth`. */
export const mongoRelayStore = (url: string): MongoRelayStore => {
  const mongo = openMongo(url)
  const attempt: Attempt = operation =>
    attempted(
      () => mongo.run(operation),
      cause => ({ _tag: 'ReadUnavailable' as const, cause }),
    )
  return {
    bodies: messageBodiesIn(mongo),
    deliveries: deliveryStoreIn(mongo),
    leases: leasesIn(mongo.auth, attempt),
    close: () => mongo.close(),
  }
}
