import * as E from '#fp/Either'
import type { AuthStore, AuthUnavailable } from './auth-store.ts'

/** Notes which versions of an account's credentials a change has ended: those live before it and not after it. */
export type Supersede = (
  account: string,
  before: readonly string[],
  after: readonly string[],
) => Promise<void>

/** The change is made already: where the store cannot be written, that is reported only. */
export const supersedeIn =
  (store: Pick<AuthStore, 'supersede'>, report: (failure: AuthUnavailable) => void): Supersede =>
  async (account, before, after) => {
    const ended = before.filter(version => !after.includes(version))
    const noted = ended.length === 0 ? E.right(undefined) : await store.supersede(account, ended)
    if (E.isLeft(noted)) report(noted.left)
  }
