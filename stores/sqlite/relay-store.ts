import * as E from '#fp/Either'
import type { MessageBodies } from '../../commands/message-bodies.ts'
import type { Leases } from '../../projections/leases.ts'
import type { DeliverySource, DeliveryStore } from '../../relay/delivery-store.ts'
import type { MovableBodies } from '../message-bodies.ts'
import { namingDamage } from './damage.ts'
import { deliveryStoreIn } from './delivery-store.ts'
import { groupCommit } from './group-commit.ts'
import { openKeptFile } from './kept-file.ts'
import { leasesIn, leasesTable } from './leases.ts'
import { messageBodiesIn } from './message-bodies.ts'
import type { OnReadFile } from './read-file.ts'
import type { OnFile } from './relay-file.ts'

export interface SqliteRelayStore {
  readonly bodies: MessageBodies & MovableBodies
  readonly deliveries: DeliveryStore & DeliverySource
  /** Of those who deliver: kept with the tokens that deliveries know, whatever becomes of the read models. */
  readonly leases: Leases
  readonly close: () => Promise<void>
}

/** What the relay keeps, in one SQLite file. */
export const sqliteRelayStore = (path: string): SqliteRelayStore => {
  const db = openKeptFile(path)
  db.connection.exec(leasesTable)
  const commits = groupCommit(db)
  const onFile: OnFile = async work => {
    try {
      return await work()
    } catch (error) {
      throw namingDamage(path, error)
    }
  }
  const onLeases: OnReadFile = work => {
    try {
      return E.right(work(db))
    } catch (error) {
      return E.left({ _tag: 'ReadUnavailable', cause: namingDamage(path, error) })
    }
  }
  return {
    bodies: messageBodiesIn(db, commits, onFile),
    deliveries: deliveryStoreIn(db, onFile),
    leases: leasesIn(onLeases),
    close: async () => {
      commits.flush()
      db.close()
    },
  }
}
