import { describe, expect, it, vi } from 'vitest'
import * as E from '#fp/Either'
import type { Checkpoints } from '../../projections/checkpoints.ts'
import type { EventFeed } from '../../projections/event-feed.ts'
import { type FollowFailure, type Round, startLeasedWork } from '../../projections/leased-work.ts'
import type { Leases } from '../../projections/leases.ts'
import { openLog } from '../../stores/codec.ts'
import { memoryCheckpoints } from '../../stores/memory/checkpoints.ts'
import { memoryLog } from '../../stores/memory/event-log.ts'
import { memoryLeases } from '../../stores/memory/leases.ts'
import { right } from '../support/either.ts'
import { eventOf, personRegistered } from '../support/events.ts'
import { testKeys } from '../support/keys.ts'

const name = 'relay'

const openHub = async () => {
  const { log, feed } = await right(openLog(memoryLog(), testKeys))
  const register = async (id: string) => {
    const [event] = await right(log.append(`person-${id}`, 'no-stream', [personRegistered(id)]))
    return event?.position ?? 0n
  }
  return { log, feed, register, leases: memoryLeases(), checkpoints: memoryCheckpoints() }
}

interface Parts {
  readonly feed: EventFeed
  readonly leases: Leases
  readonly checkpoints: Checkpoints
}

/** A follower without a read model: it notes the streams of the events that it has dealt with. */
const startFollower = ({ feed, leases, checkpoints }: Parts, holder: string) => {
  const ending = new AbortController()
  const streams: string[] = []
  const failures: string[] = []
  const tokens: number[] = []
  const orThrow = <A>(result: E.Either<FollowFailure, A>): A => {
    if (E.isLeft(result)) throw result.left
    return result.right
  }
  const work = async (round: Round): Promise<void> => {
    const token = round.tokens.get(name)
    if (token === undefined) return
    tokens.push(token)
    const { position } = orThrow(await checkpoints.claim(name, token))
    for await (const { events } of feed.follow(position, { signal: round.signal })) {
      round.progressed()
      const last = events.at(-1)
      if (last === undefined) continue
      orThrow(await checkpoints.move(name, token, { position: last.position, eventId: last.id }))
      streams.push(...events.map(({ stream }) => stream).filter(stream => stream !== 'hub'))
    }
  }
  const report = ({ _tag }: { readonly _tag: string }) => failures.push(_tag)
  const leased = startLeasedWork({ leases, names: [name], holder, work, report }, ending.signal)
  const end = () => {
    ending.abort()
    return leased.ended
  }
  return { streams, failures, tokens, stopped: leased.stopped, ended: leased.ended, end }
}

const eventually = { timeout: 10_000, interval: 5 }

describe('work under a lease', () => {
  it('is done by one process at a time; another goes on where that one ended', async () => {
    const hub = await openHub()
    const first = startFollower(hub, 'first')
    await hub.register('ANA')
    await expect.poll(() => first.streams, eventually).toEqual(['person-ANA'])
    const second = startFollower(hub, 'second')
    await hub.register('EVA')
    await expect.poll(() => first.streams, eventually).toEqual(['person-ANA', 'person-EVA'])
    await first.end()
    await hub.register('IDA')
    await expect.poll(() => second.streams, eventually).toEqual(['person-IDA'])
    await second.end()
    expect([first.failures, second.failures]).toEqual([[], []])
  })

  it('passes on when the lease of a holder that fell silent runs out, and the checkpoint is no longer its', async () => {
    const hub = await openHub()
    let isSilent = false
    const silenced: Leases = {
      ...hub.leases,
      take: (...parameters) => (isSilent ? new Promise(() => undefined) : hub.leases.take(...parameters)),
    }
    let letMove = () => {}
    const movable = new Promise<void>(resolve => {
      letMove = resolve
    })
    const late: string[] = []
    const slow: Checkpoints = {
      ...hub.checkpoints,
      move: (...parameters) =>
        isSilent
          ? movable.then(async () => {
              const moved = await hub.checkpoints.move(...parameters)
              late.push(E.isLeft(moved) ? moved.left._tag : 'moved')
              return moved
            })
          : hub.checkpoints.move(...parameters),
    }
    const first = startFollower({ ...hub, leases: silenced, checkpoints: slow }, 'first')
    await hub.register('ANA')
    await expect.poll(() => first.streams, eventually).toEqual(['person-ANA'])
    const second = startFollower(hub, 'second')
    isSilent = true
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 5_000 })
    try {
      const position = await hub.register('EVA')
      await expect.poll(() => second.streams, eventually).toEqual(['person-EVA'])
      letMove()
      await expect.poll(() => late, eventually).toEqual(['Superseded'])
      expect(await right(hub.checkpoints.claim(name, second.tokens[0] ?? 0))).toMatchObject({ position })
    } finally {
      vi.useRealTimers()
    }
    expect(first.streams).toEqual(['person-ANA'])
    await second.end()
  })

  it('begins again at once where it was superseded, and tells nobody', async () => {
    const hub = await openHub()
    const follower = startFollower(hub, 'first')
    await hub.register('ANA')
    await expect.poll(() => follower.streams, eventually).toEqual(['person-ANA'])
    const token = follower.tokens[0] ?? 0
    await right(hub.checkpoints.restart(name, token))
    await right(hub.checkpoints.move(name, token, { position: 2n ** 40n, eventId: 'elsewhere' }))
    await hub.register('EVA')
    await expect.poll(() => follower.tokens, eventually).toEqual([token, token])
    expect(follower.failures).toEqual([])
    await follower.end()
  })

  it('begins again after a failure, and tells it', async () => {
    const hub = await openHub()
    let failing = 2
    const shaky: Checkpoints = {
      ...hub.checkpoints,
      claim: async (...parameters) => {
        failing -= 1
        return failing < 0
          ? hub.checkpoints.claim(...parameters)
          : E.left({ _tag: 'ReadUnavailable', cause: 'disk' })
      },
    }
    const follower = startFollower({ ...hub, checkpoints: shaky }, 'first')
    await hub.register('ANA')
    await expect.poll(() => follower.streams, eventually).toEqual(['person-ANA'])
    expect(follower.failures).toEqual(['ReadUnavailable', 'ReadUnavailable'])
    await follower.end()
  })

  it('begins again where its leases cannot be renewed', async () => {
    const hub = await openHub()
    let looks = 0
    const shaky: Leases = {
      ...hub.leases,
      take: async (...parameters) => {
        looks += 1
        return looks === 2
          ? E.left({ _tag: 'ReadUnavailable', cause: 'disk' })
          : hub.leases.take(...parameters)
      },
    }
    const follower = startFollower({ ...hub, leases: shaky }, 'first')
    await expect.poll(() => follower.tokens, eventually).toEqual([1, 1])
    expect(follower.failures).toEqual(['ReadUnavailable'])
    await follower.end()
  })

  it('tells what is a bug, and begins again', async () => {
    const leases = memoryLeases()
    const failures: string[] = []
    const ending = new AbortController()
    let rounds = 0
    const work = async () => {
      rounds += 1
      if (rounds === 1) throw new TypeError('undefined is not a function')
    }
    const report = ({ _tag }: { readonly _tag: string }) => failures.push(_tag)
    const leased = startLeasedWork({ leases, names: [name], holder: 'one', work, report }, ending.signal)
    await expect.poll(() => rounds, eventually).toBe(2)
    ending.abort()
    await leased.ended
    expect(failures).toEqual(['Bug'])
  })

  it('stops for good at an event that cannot be read, and gives up its leases', async () => {
    const hub = await openHub()
    await hub.register('ANA')
    await right(hub.log.append('person-EVA', 'no-stream', [eventOf('PersonCloned', {})]))
    const follower = startFollower(hub, 'first')
    await follower.ended
    expect(follower.stopped()).toMatchObject({ _tag: 'EventUnreadable', stream: 'person-EVA' })
    expect(follower.failures).toEqual(['EventUnreadable'])
    expect(await right(hub.leases.take([name], 'other', 5_000))).toEqual([2])
  })

  it('gives up only its own leases when it ends', async () => {
    const hub = await openHub()
    await right(hub.leases.take(['another'], 'first', 60_000))
    const follower = startFollower(hub, 'first')
    await expect.poll(() => follower.tokens, eventually).toEqual([1])
    await follower.end()
    expect(await right(hub.leases.take([name, 'another'], 'other', 5_000))).toEqual([2, undefined])
  })
})
