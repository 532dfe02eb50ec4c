import type { KeyObject } from 'node:crypto'
import { dirname, join } from 'node:path'
import * as E from '#fp/Either'
import { masterKeyOf } from '../auth/master-keys.ts'
import { type SubjectKeys, subjectKeysIn } from '../auth/subject-keys.ts'
import { masterKeysIn } from '../stores/files/master-keys.ts'
import { sqliteAuthStore } from '../stores/sqlite/auth-store.ts'
import { openDatabase } from '../stores/sqlite/database.ts'

export interface OpenKeys {
  readonly keys: SubjectKeys
  /** Every key there is, by account. */
  readonly all: () => Promise<ReadonlyMap<string, KeyObject>>
  readonly close: () => Promise<void>
}

/** The keys of a log, in the store of keys that a hub has beside it. */
export const openKeysBeside = async (log: string): Promise<OpenKeys> => {
  const path = join(dirname(log), 'auth.db')
  const auth = sqliteAuthStore(path)
  const keys = subjectKeysIn(auth, masterKeysIn(join(dirname(log), 'master.key'), masterKeyOf))
  const opened = await keys.open()
  if (E.isLeft(opened)) throw new Error(opened.left._tag)
  return {
    keys,
    all: async () => {
      const db = openDatabase(path, 'FULL')
      const accounts = db
        .prepare('SELECT account FROM subject_keys')
        .all()
        .map(({ account }) => String(account))
      db.close()
      const found = await keys.find(accounts)
      if (E.isLeft(found)) throw new Error(found.left._tag)
      return new Map(
        [...found.right].flatMap(([account, key]): [string, KeyObject][] =>
          key === 'destroyed' ? [] : [[account, key]],
        ),
      )
    },
    close: () => auth.close(),
  }
}
