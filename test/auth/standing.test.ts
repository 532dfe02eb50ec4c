import { describe, expect, it } from 'vitest'
import * as E from '#fp/Either'
import { makeStanding } from '../../auth/standing.ts'
import type { NewEvent } from '../../domain/event.ts'
import type { ItemState } from '../../domain/item.ts'
import { itemDecider } from '../../domain/item-decider.ts'
import { people } from '../../domain/people.ts'
import { openLog } from '../../stores/codec.ts'
import { memoryLog } from '../../stores/memory/event-log.ts'
import { right } from '../support/either.ts'
import { eventOf, personRegistered } from '../support/events.ts'
import { testKeys } from '../support/keys.ts'

const { evolve, initial } = itemDecider(people, { id: 'ANA' })

/** Ana after these facts. */
const personAfter = (...events: readonly NewEvent[]): ItemState =>
  events.reduce<ItemState>((state, { event }) => evolve(state, event), initial)

const opened = (event: NewEvent, credential: string): NewEvent => ({
  ...event,
  event: { ...event.event, credential },
})
const events = [
  opened(personRegistered('ANA'), 'v1'),
  eventOf('PersonRolesAssigned', { roles: ['root'] }),
  opened(eventOf('PersonPasswordSet', {}), 'v2'),
  eventOf('PersonDeactivated', {}),
  eventOf('PersonRemoved', {}),
] as const

const fresh = () => makeStanding({ position: 0n, accounts: new Map(), nodes: new Map() })

describe('standing', () => {
  it('knows what this process appended before any feed does', () => {
    const standing = fresh()
    standing.personIs('ANA', personAfter(...events.slice(0, 3)), 2)
    expect(standing.account('ANA')).toEqual({ active: true, roles: ['root'], credential: 'v2' })
    expect(standing.roots()).toEqual(['ANA'])
    expect(standing.holds('ANA', 'v2')).toBe(true)
    expect(standing.holds('ANA', 'v1')).toBe(false)
  })

  it('is not turned back by events that come late, nor do they raise the removed', async () => {
    const standing = fresh()
    standing.personIs('ANA', personAfter(...events), 4)
    expect(standing.account('ANA')).toBeUndefined()
    const { log, feed } = await right(openLog(memoryLog(), testKeys))
    await right(log.append('person-ANA', 'no-stream', events.slice(0, 2)))
    const ending = new AbortController()
    const follow = standing.follow(feed, ending.signal)
    while (!standing.isLive()) await new Promise(resolve => setImmediate(resolve))
    ending.abort()
    await follow
    expect(standing.account('ANA')).toBeUndefined()
    expect(standing.position()).toBe(await right(feed.head()))
  })

  it('counts only active people who can log in among the roots', () => {
    const standing = fresh()
    standing.personIs('ANA', personAfter(personRegistered('ANA'), events[1]), 1)
    expect(standing.roots()).toEqual([])
  })

  it('says how long it has heard nothing', () => {
    let now = 1_000
    const standing = makeStanding({ position: 0n, accounts: new Map(), nodes: new Map() }, () => now)
    now = 4_000
    expect(standing.silentFor()).toBe(3_000)
  })

  it('has heard nothing where it begins to follow again and again, and comes no further', async () => {
    let now = 1_000
    const standing = makeStanding({ position: 5n, accounts: new Map(), nodes: new Map() }, () => now)
    const failure = { _tag: 'LogUnavailable', cause: new Error('the store of keys is away') }
    const feed = {
      follow: async function* (after: bigint) {
        yield { events: [], next: after, caughtUp: false }
        throw failure
      },
    }
    const { signal } = new AbortController()
    now = 4_000
    expect(await standing.follow(feed, signal)).toEqual(E.left(failure))
    expect(standing.silentFor()).toBe(3_000)
  })
})
