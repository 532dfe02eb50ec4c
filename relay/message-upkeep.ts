import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import * as E from '#fp/Either'
import type { Messages } from '../commands/messages.ts'
import { parseInstant } from '../domain/instant.ts'
import { readExpired } from '../projections/inbox.ts'
import type { Leases } from '../projections/leases.ts'
import type { ReadModels } from '../projections/read-store.ts'

const leaseName = 'message_upkeep'
const leaseMilliseconds = 10_000
const lookMilliseconds = 2_000
const sweepMilliseconds = 30_000
const mostExpired = 200

export interface MessageUpkeepDependencies {
  readonly messages: Pick<Messages, 'expire' | 'sweepBodies'>
  readonly reads: Pick<ReadModels, 'checkpoint' | 'find'>
  readonly leases: Leases
  readonly holder: string
  readonly now: () => Date
  readonly report: (failure: unknown) => void
}

/** Records that messages have expired, and removes bodies that nobody needs any more; one process at a time, until the signal. */
export const keepMessages = async (
  { messages, reads, leases, holder, now, report }: MessageUpkeepDependencies,
  signal: AbortSignal,
): Promise<void> => {
  const contextOf = () => ({
    actor: { kind: 'hub' as const, id: 'thalamus' },
    requestId: randomUUID(),
    commandId: randomUUID(),
  })

  const expireSome = async (): Promise<void> => {
    const ids = await readExpired(reads, parseInstant(now().toISOString()) ?? '', mostExpired)
    if (E.isLeft(ids)) throw ids.left
    for (const id of ids.right) {
      const expired = await messages.expire(id, contextOf())
      if (E.isLeft(expired)) throw expired.left
    }
  }

  let sweptAt = 0
  const sweep = async (): Promise<void> => {
    if (Date.now() - sweptAt < sweepMilliseconds) return
    for (let more = true; more && !signal.aborted; ) {
      const swept = await messages.sweepBodies()
      if (E.isLeft(swept)) throw swept.left
      more = swept.right
    }
    sweptAt = Date.now()
  }

  while (!signal.aborted) {
    try {
      const [taken] = await leases
        .take([leaseName], holder, leaseMilliseconds)
        .then(tokens => (E.isLeft(tokens) ? Promise.reject(tokens.left) : tokens.right))
      if (taken !== undefined) {
        // What the read model still shows is asked for again at the next look.
        await expireSome()
        await sweep()
      }
    } catch (failure) {
      report(failure)
    }
    await pause(lookMilliseconds, undefined, { signal }).catch(() => undefined)
  }
  await leases.drop([leaseName], holder)
}
