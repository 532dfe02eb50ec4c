import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Checkpoint, Checkpoints } from '../../projections/checkpoints.ts'
import { left, right } from '../support/either.ts'

export type OpenCheckpoints = () => Promise<{ checkpoints: Checkpoints; close: () => Promise<void> }>

const checkpointAt = (position: bigint): Checkpoint => ({ position, eventId: `e${position}` })

/** What every engine must do with the checkpoints of followers; `open` gives a store without any. */
export const checkpointsContract = (name: string, open: OpenCheckpoints) => {
  describe(`the checkpoints of followers on ${name}`, () => {
    let store: Awaited<ReturnType<OpenCheckpoints>>
    let checkpoints: Checkpoints
    beforeEach(async () => {
      store = await open()
      checkpoints = store.checkpoints
    })
    afterEach(() => store.close())

    const start = { position: 0n, eventId: '' }
    const superseded = { _tag: 'Superseded' }

    it('are at the start of the log at first', async () => {
      expect(await right(checkpoints.claim('relay', 1))).toEqual(start)
    })

    it('are kept by name, exact beyond 2^53', async () => {
      const far = checkpointAt(2n ** 60n + 1n)
      await right(checkpoints.claim('relay', 1))
      await right(checkpoints.claim('feed', 1))
      await right(checkpoints.move('relay', 1, far))
      expect(await right(checkpoints.claim('relay', 1))).toEqual(far)
      expect(await right(checkpoints.claim('feed', 1))).toEqual(start)
    })

    it('move forward only; a repeat changes nothing', async () => {
      await right(checkpoints.claim('relay', 1))
      await right(checkpoints.move('relay', 1, checkpointAt(5n)))
      await right(checkpoints.move('relay', 1, checkpointAt(5n)))
      expect(await left(checkpoints.move('relay', 1, checkpointAt(4n)))).toEqual(superseded)
      expect(await right(checkpoints.claim('relay', 1))).toEqual(checkpointAt(5n))
    })

    it('are moved by nobody who has not claimed them', async () => {
      expect(await left(checkpoints.move('relay', 1, checkpointAt(5n)))).toEqual(superseded)
      expect(await left(checkpoints.restart('relay', 1))).toEqual(superseded)
      expect(await right(checkpoints.claim('relay', 1))).toEqual(start)
    })

    it('fence out whoever claimed them before with an earlier token', async () => {
      await right(checkpoints.claim('relay', 1))
      await right(checkpoints.move('relay', 1, checkpointAt(5n)))
      expect(await right(checkpoints.claim('relay', 2))).toEqual(checkpointAt(5n))
      expect(await left(checkpoints.move('relay', 1, checkpointAt(6n)))).toEqual(superseded)
      expect(await left(checkpoints.restart('relay', 1))).toEqual(superseded)
      expect(await left(checkpoints.claim('relay', 1))).toEqual(superseded)
      await right(checkpoints.move('relay', 2, checkpointAt(6n)))
      expect(await right(checkpoints.claim('relay', 2))).toEqual(checkpointAt(6n))
    })

    it('are one claim’s alone where several claim at the same time', async () => {
      const claims = await Promise.all(
        Array.from({ length: 10 }, (_, n) => checkpoints.claim('relay', n + 1)),
      )
      expect(claims.at(-1)).toMatchObject({ _tag: 'Right' })
      const moves = await Promise.all(
        claims.map((_, n) => checkpoints.move('relay', n + 1, checkpointAt(5n))),
      )
      expect(moves.map(({ _tag }) => _tag)).toEqual([...Array(9).fill('Left'), 'Right'])
    })

    it('begin again at the start of the log when their holder says so', async () => {
      await right(checkpoints.claim('relay', 1))
      await right(checkpoints.move('relay', 1, checkpointAt(5n)))
      await right(checkpoints.restart('relay', 1))
      expect(await right(checkpoints.claim('relay', 1))).toEqual(start)
      await right(checkpoints.move('relay', 1, checkpointAt(2n)))
      expect(await right(checkpoints.claim('relay', 2))).toEqual(checkpointAt(2n))
    })
  })
}
