import * as E from '#fp/Either'
import type { Checkpoint, Checkpoints, Superseded } from '../../projections/checkpoints.ts'

const startOfLog: Checkpoint = { position: 0n, eventId: '' }
const superseded: Superseded = { _tag: 'Superseded' }

/** Checkpoints that live as long as their process: for tests. */
export const memoryCheckpoints = (): Checkpoints => {
  const all = new Map<string, { readonly checkpoint: Checkpoint; readonly token: number }>()

  const set = (name: string, token: number, checkpoint: Checkpoint, isForward: boolean) => {
    const before = all.get(name)
    if (before?.token !== token) return E.left(superseded)
    if (isForward && before.checkpoint.position > checkpoint.position) return E.left(superseded)
    all.set(name, { checkpoint, token })
    return E.right(undefined)
  }

  return {
    claim: async (name, token) => {
      const before = all.get(name)
      if (before !== undefined && before.token > token) return E.left(superseded)
      const checkpoint = before?.checkpoint ?? startOfLog
      all.set(name, { checkpoint, token })
      return E.right(checkpoint)
    },
    move: async (name, token, to) => set(name, token, to, true),
    restart: async (name, token) => set(name, token, startOfLog, false),
  }
}
