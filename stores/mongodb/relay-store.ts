import type { MessageBodies } from '../../commands/message-bodies.ts'
import type { DeliveryStore } from '../../relay/delivery-store.ts'
import { openMongo } from './client.ts'
import { deliveryStoreIn } from './delivery-store.ts'
import { messageBodiesIn } from './message-bodies.ts'

export interface MongoRelayStore {
  readonly bodies: MessageBodies
  readonly deliveries: DeliveryStore
  readonly close: () => Promise<void>
}

/** What the relay keeps, in the MongoDB database that the URL names, and `_auth`. */
export const mongoRelayStore = (url: string): MongoRelayStore => {
  const mongo = openMongo(url)
  return { bodies: messageBodiesIn(mongo), deliveries: deliveryStoreIn(mongo), close: () => mongo.close() }
}
