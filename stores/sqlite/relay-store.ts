import type { MessageBodies } from '../../commands/message-bodies.ts'
import type { DeliveryStore } from '../../relay/delivery-store.ts'
import { checkFile, namingDamage } from './damage.ts'
import { openDatabase } from './database.ts'
import { deliveryStoreIn } from './delivery-store.ts'
import { groupCommit } from './group-commit.ts'
import { messageBodiesIn } from './message-bodies.ts'
import type { OnFile } from './relay-file.ts'

export interface SqliteRelayStore {
  readonly bodies: MessageBodies
  readonly deliveries: DeliveryStore
  readonly close: () => Promise<void>
}

/** What the relay keeps, in one SQLite file. */
export const sqliteRelayStore = (path: string): SqliteRelayStore => {
  checkFile(path)
  const db = openDatabase(path, 'FULL')
  const commits = groupCommit(db)
  const onFile: OnFile = async work => {
    try {
      return await work()
    } catch (error) {
      throw namingDamage(path, error)
    }
  }
  return {
    bodies: messageBodiesIn(db, commits, onFile),
    deliveries: deliveryStoreIn(db, onFile),
    close: async () => {
      commits.flush()
      db.close()
    },
  }
}
