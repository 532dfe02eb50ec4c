import type { Database } from './database.ts'

/** Writes that wait for the disk together: those of one turn of the event loop share a commit. */
export interface GroupCommit {
  /** Runs `work` in a transaction that others may share; settles when it is committed. Where the work of one fails, all fail. */
  readonly write: (work: () => void) => Promise<void>
  /** Commits what waits. */
  readonly flush: () => void
}

interface Waiting {
  readonly work: () => void
  readonly done: () => void
  readonly failed: (error: unknown) => void
}

export const groupCommit = (db: Database): GroupCommit => {
  let queue: Waiting[] = []
  const flush = () => {
    const group = queue
    queue = []
    if (group.length === 0) return
    try {
      db.write(() => {
        for (const { work } of group) work()
      })
    } catch (error) {
      for (const { failed } of group) failed(error)
      return
    }
    for (const { done } of group) done()
  }
  return {
    flush,
    write: work =>
      new Promise((done, failed) => {
        queue.push({ work, done, failed })
        if (queue.length === 1) setImmediate(flush)
      }),
  }
}
