import type { MessageBodies } from '../../commands/message-bodies.ts'
import { checkFile, namingDamage } from './damage.ts'
import { openDatabase } from './database.ts'
import { groupCommit } from './group-commit.ts'
import { messageBodiesIn, type OnFile } from './message-bodies.ts'

export interface SqliteRelayStore {
  readonly bodies: MessageBodies
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
    close: async () => {
      commits.flush()
      db.close()
    },
  }
}
