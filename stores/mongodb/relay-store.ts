import type { MessageBodies } from '../../commands/message-bodies.ts'
import { openMongo } from './client.ts'
import { messageBodiesIn } from './message-bodies.ts'

export interface MongoRelayStore {
  readonly bodies: MessageBodies
  readonly close: () => Promise<void>
}

/** What the relay keeps, in the MongoDB database that the URL names, and `_auth`. */
export const mongoRelayStore = (url: string): MongoRelayStore => {
  const mongo = openMongo(url)
  return { bodies: messageBodiesIn(mongo), close: () => mongo.close() }
}
