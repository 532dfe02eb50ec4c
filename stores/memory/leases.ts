import * as E from '#fp/Either'
import type { Leases } from '../../projections/leases.ts'
import { hasEnded } from '../process-name.ts'

interface Lease {
  readonly holder: string
  readonly token: number
  readonly until: number
}

const unheld: Lease = { holder: '', token: 0, until: 0 }

/** Leases that live as long as their process: for tests. */
export const memoryLeases = (clock = () => Date.now()): Leases => {
  const leases = new Map<string, Lease>()

  const take = (name: string, holder: string, milliseconds: number): number | undefined => {
    const now = clock()
    const before = leases.get(name) ?? unheld
    const isOwn = before.holder === holder
    if (!isOwn && before.until > now && !hasEnded(before.holder)) return undefined
    const token = isOwn ? before.token : before.token + 1
    leases.set(name, { holder, token, until: now + milliseconds })
    return token
  }

  return {
    take: async (names, holder, milliseconds) => E.right(names.map(name => take(name, holder, milliseconds))),
    drop: async (names, holder) => {
      for (const name of names) {
        const lease = leases.get(name)
        if (lease?.holder === holder) leases.set(name, { ...lease, until: 0 })
      }
      return E.right(undefined)
    },
  }
}
