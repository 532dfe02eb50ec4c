import { afterEach, describe, expect, it } from 'vitest'
import * as E from '#fp/Either'
import { commandHandler } from '../../commands/handle.ts'
import { type SubscriptionWrite, subscriptionUseCases } from '../../commands/subscriptions.ts'
import { makeTurns } from '../../commands/turns.ts'
import { followedSubscriptions } from '../../relay/followed-subscriptions.ts'
import { type RelayDependencies, runRelay } from '../../relay/relay.ts'
import { memoryLeases } from '../../stores/memory/leases.ts'
import { answered, day, openDelivering, second, taken } from '../support/delivering.ts'
import { right } from '../support/either.ts'

const minute = 60 * second
const endings: AbortController[] = []
afterEach(() => {
  for (const ending of endings.splice(0)) ending.abort()
})

/** A hub of relays: what they share, and how to begin one. */
const openRelays = async () => {
  const all = await openDelivering()
  const { clock, log, feed, store } = all
  const leases = memoryLeases(clock.now)
  const handle = commandHandler({ log, turns: makeTurns(1_000), now: () => new Date(clock.now()) })
  const commands = subscriptionUseCases(log, handle, () => new Date(clock.now()))
  let written = 0
  const writeOf = (id: string): SubscriptionWrite => {
    written += 1
    const context = {
      actor: { kind: 'node' as const, id: 'registry' },
      requestId: `r${written}`,
      commandId: `c${written}`,
    }
    return { id, by: 'all', preconditions: {}, context }
  }
  const subscribe = (id: string, more: object = {}) =>
    right(
      commands.create(writeOf(id), {
        id,
        node: 'registry',
        url: `https://registry.example.org/${id}`,
        types: null,
        resources: ['people'],
        person: null,
        from: all.positionAt(0n),
        ...more,
      }),
    )

  const posts: { readonly by: string; readonly to: string; readonly event: string; readonly at: number }[] =
    []
  let answer: (url: string) => ReturnType<typeof answered> = () => taken
  let needed: readonly string[] | undefined

  const begin = (holder: string, changed: Partial<RelayDependencies> = {}) => {
    const ending = new AbortController()
    endings.push(ending)
    let isDead = false
    const reported: unknown[] = []
    const alive =
      <A extends readonly unknown[], B>(work: (...asked: A) => Promise<B>) =>
      async (...asked: A): Promise<B> => {
        if (isDead) await new Promise(() => {})
        const done = await work(...asked)
        if (isDead) await new Promise(() => {})
        return done
      }
    const subscriptions = followedSubscriptions({ position: 0n, documents: new Map() })
    const followed = subscriptions.follow(feed, ending.signal)
    const mine: RelayDependencies = {
      ...all.dependencies,
      lacking: () => needed,
      send: async ({ url }, _, body) => {
        const { stream, revision } = JSON.parse(body)
        posts.push({ by: holder, to: url, event: `${stream} ${revision}`, at: clock.now() })
        return answer(url)
      },
      subscriptions,
      commands,
      leases,
      holder,
      report: failure => reported.push(failure),
      ...changed,
    }
    const ended = runRelay(
      {
        ...mine,
        send: alive(mine.send),
        deliveries: {
          ...mine.deliveries,
          claim: alive(mine.deliveries.claim),
          save: alive(mine.deliveries.save),
        },
        leases: { take: alive(mine.leases.take), drop: alive(mine.leases.drop) },
        sleep: alive(mine.sleep),
      },
      ending.signal,
    )
    return {
      reported,
      stop: async () => {
        ending.abort()
        let isOver = false
        void Promise.all([ended, followed]).then(() => {
          isOver = true
        })
        await clock.until(() => isOver)
      },
      /** It is gone from one moment to the next, with its leases. */
      crash: () => {
        isDead = true
        ending.abort()
      },
    }
  }
  const subscriptionOf = async (id: string) => {
    const { state } = await right(commands.read(id))
    return state.is === 'present' ? state.subscription : undefined
  }
  return {
    ...all,
    store,
    leases,
    commands,
    writeOf,
    subscribe,
    begin,
    posts,
    subscriptionOf,
    answer: (next: typeof answer) => {
      answer = next
    },
    lack: (rights: readonly string[] | undefined) => {
      needed = rights
    },
    /** What a subscription was sent. */
    sentTo: (id: string) => posts.filter(({ to }) => to.endsWith(`/${id}`)).map(({ event }) => event),
    /** Time passes, in seconds, until the subscription is so. */
    untilIs: async (id: string, isSo: (found: Awaited<ReturnType<typeof subscriptionOf>>) => boolean) => {
      for (let seconds = 0; seconds < 8 * 24 * 3_600; seconds += 1) {
        if (isSo(await subscriptionOf(id))) return
        await clock.pass(second)
      }
      throw new Error('it never came to pass')
    },
  }
}

describe('two relays', () => {
  it('send each subscription its events once, and divide nothing of one', async () => {
    const all = await openRelays()
    const [one, other] = [all.begin('one'), all.begin('other')]
    for (const id of ['s1', 's2', 's3']) await all.subscribe(id)
    for (const stream of ['A', 'B', 'A']) await all.append(stream)
    await all.clock.pass(10 * second)
    for (const id of ['s1', 's2', 's3']) {
      expect(all.sentTo(id).toSorted()).toEqual(['person-A 0', 'person-A 1', 'person-B 0'])
      const holders = new Set(all.posts.filter(({ to }) => to.endsWith(id)).map(({ by }) => by))
      expect(holders.size).toBe(1)
    }
    await Promise.all([one.stop(), other.stop()])
    expect([...one.reported, ...other.reported]).toEqual([])
  })

  it('take over within seconds from one that has died', async () => {
    const all = await openRelays()
    const one = all.begin('one')
    await all.subscribe('s1')
    await all.append('A')
    await all.clock.until(() => all.posts.length === 1)
    await all.clock.pass(second)
    const other = all.begin('other')
    await all.clock.pass(10 * second)
    one.crash()
    const diedAt = all.clock.now()
    await all.append('A')
    await all.clock.until(() => all.posts.length === 2)
    expect(all.clock.now() - diedAt).toBeLessThanOrEqual(7 * second)
    expect(all.posts.map(({ by, event }) => `${by}: ${event}`)).toEqual([
      'one: person-A 0',
      'other: person-A 1',
    ])
    await other.stop()
  })

  it('pass everything on at once where one ends in order, also what waits for rights', async () => {
    const all = await openRelays()
    const one = all.begin('one')
    await all.subscribe('s1')
    all.lack(['people:read'])
    await all.append('A')
    await all.untilIs('s1', found => found?.denied !== undefined)
    await all.clock.pass(second)
    await one.stop()
    expect(await right(all.leases.take(['subscription_s1'], 'other', 0))).toEqual([expect.any(Number)])
  })
})

describe('a subscription that is changed', () => {
  it('is worked on as it is now', async () => {
    const all = await openRelays()
    const relay = all.begin('one')
    await all.subscribe('s1')
    await all.append('A')
    await all.clock.until(() => all.posts.length === 1)
    await right(all.commands.change(all.writeOf('s1'), { url: 'https://new.example.org/moved' }))
    await all.clock.settled()
    await all.append('A')
    await all.clock.until(() => all.posts.length === 2)
    expect(all.sentTo('moved')).toEqual(['person-A 1'])
    await relay.stop()
  })

  it('waits while it is paused, and goes on where it stopped', async () => {
    const all = await openRelays()
    const relay = all.begin('one')
    await all.subscribe('s1')
    await all.append('A')
    await all.clock.until(() => all.posts.length === 1)
    await right(all.commands.change(all.writeOf('s1'), {}, 'paused'))
    await all.clock.pass(second)
    await all.append('A')
    await all.clock.pass(minute)
    expect(all.posts).toHaveLength(1)
    await right(all.commands.change(all.writeOf('s1'), {}, 'active'))
    await all.clock.until(() => all.posts.length === 2)
    expect(all.sentTo('s1')).toEqual(['person-A 0', 'person-A 1'])
    await relay.stop()
  })

  it('is sent its dead letters again when that is asked for', async () => {
    const all = await openRelays()
    all.answer(() => answered(500))
    const relay = all.begin('one')
    await all.subscribe('s1')
    await all.append('A')
    await all.clock.pass(minute)
    await all.clock.leap(4 * day)
    await all.clock.pass(minute)
    expect(await all.deadLetters()).toHaveLength(1)
    all.answer(() => taken)
    const before = all.posts.length
    await right(all.commands.replayDeadLetters(all.writeOf('s1'), {}))
    await all.clock.until(() => all.posts.length > before)
    await all.clock.pass(second)
    expect(await all.deadLetters()).toEqual([])
    expect(all.posts).toHaveLength(before + 1)
    await relay.stop()
  })

  it('is sent nothing more once it is removed, and is forgotten', async () => {
    const all = await openRelays()
    const relay = all.begin('one')
    await all.subscribe('s1')
    await all.append('A')
    await all.clock.until(() => all.posts.length === 1)
    await right(all.commands.remove(all.writeOf('s1')))
    await all.append('A')
    await all.clock.pass(minute)
    expect(all.posts).toHaveLength(1)
    expect(await all.progress()).toBeUndefined()
    await relay.stop()
  })
})

describe('a subscription whose receiver is gone', () => {
  it('is disabled, and goes on where it stopped once it is set active', async () => {
    const all = await openRelays()
    all.answer(() => answered(410))
    const relay = all.begin('one')
    await all.subscribe('s1')
    await all.append('A')
    await all.untilIs('s1', found => found?.status === 'disabled')
    expect(await all.subscriptionOf('s1')).toMatchObject({ disabledBecause: 'gone' })
    await all.clock.pass(minute)
    expect(all.posts).toHaveLength(1)
    all.answer(() => taken)
    await right(all.commands.change(all.writeOf('s1'), {}, 'active'))
    await all.clock.until(() => all.posts.length === 2)
    expect(all.sentTo('s1')).toEqual(['person-A 0', 'person-A 0'])
    await relay.stop()
    expect(relay.reported).toEqual([])
  })

  it('is not disabled for what an address answered that it has no more', async () => {
    const all = await openRelays()
    all.answer(url => (url.endsWith('/moved') ? taken : answered(410)))
    const relay = all.begin('one', {
      commands: {
        ...all.commands,
        disable: async (write, reason) => {
          await right(all.commands.change(all.writeOf('s1'), { url: 'https://new.example.org/moved' }))
          return all.commands.disable(write, reason)
        },
      },
    })
    await all.subscribe('s1')
    await all.append('A')
    await all.clock.until(() => all.sentTo('moved').length === 1)
    expect(await all.subscriptionOf('s1')).toMatchObject({ status: 'active' })
    await relay.stop()
    expect(relay.reported).toEqual([])
  })
})

describe('a subscription whose node lacks a right', () => {
  it('waits, and goes on once the node has it', async () => {
    const all = await openRelays()
    all.lack(['people:read'])
    const relay = all.begin('one')
    await all.subscribe('s1')
    await all.append('A')
    await all.untilIs('s1', found => found?.denied !== undefined)
    expect((await all.subscriptionOf('s1'))?.denied?.needed).toEqual(['people:read'])
    await all.clock.pass(minute)
    await all.clock.leap(day)
    expect(all.posts).toEqual([])
    all.lack(undefined)
    await all.clock.until(() => all.posts.length === 1)
    expect((await all.subscriptionOf('s1'))?.denied).toBeUndefined()
    await relay.stop()
  })

  it('is disabled after three days, and what was recorded waits for who sets it active', async () => {
    const all = await openRelays()
    all.lack(['people:read'])
    const relay = all.begin('one')
    await all.subscribe('s1')
    await all.append('A')
    await all.clock.pass(second)
    await all.clock.leap(3 * day - minute)
    await all.clock.pass(2 * second)
    expect(await all.subscriptionOf('s1')).toMatchObject({ status: 'active' })
    await all.clock.pass(2 * minute)
    expect(await all.subscriptionOf('s1')).toMatchObject({ status: 'disabled', disabledBecause: 'rights' })
    all.lack(undefined)
    await all.clock.pass(minute)
    expect(all.posts).toEqual([])
    await right(all.commands.change(all.writeOf('s1'), {}, 'active'))
    await all.clock.until(() => all.posts.length === 1)
    await relay.stop()
  })
})

describe('stores that fail', () => {
  const away = async () => E.left({ _tag: 'ReadUnavailable' as const, cause: new Error('away') })

  it('are tried again, and reported', async () => {
    const all = await openRelays()
    let isAway = true
    const save: typeof all.store.save = (...asked) => (isAway ? away() : all.store.save(...asked))
    const claim: typeof all.store.claim = (...asked) => (isAway ? away() : all.store.claim(...asked))
    const take: typeof all.leases.take = (...asked) => (isAway ? away() : all.leases.take(...asked))
    const relay = all.begin('one', {
      deliveries: { ...all.store, save, claim },
      leases: { ...all.leases, take },
    })
    await all.subscribe('s1')
    await all.append('A')
    await all.clock.pass(minute)
    expect(all.posts).toEqual([])
    expect(relay.reported).toContainEqual(expect.objectContaining({ _tag: 'ReadUnavailable' }))
    isAway = false
    await all.clock.until(() => all.posts.length >= 1, minute)
    isAway = true
    await all.append('A')
    await all.clock.pass(minute)
    isAway = false
    await all.clock.pass(minute)
    expect([...new Set(all.sentTo('s1'))]).toEqual(['person-A 0', 'person-A 1'])
    await relay.stop()
    expect(await all.progress()).toMatchObject({ position: all.positionAt(4n) })
  })

  it('fail a subscription alone where only its records do', async () => {
    const all = await openRelays()
    const claim: typeof all.store.claim = (id, token) => (id === 's1' ? away() : all.store.claim(id, token))
    const relay = all.begin('one', { deliveries: { ...all.store, claim } })
    for (const id of ['s1', 's2']) await all.subscribe(id)
    await all.append('A')
    await all.clock.pass(minute)
    expect(all.sentTo('s2')).toEqual(['person-A 0'])
    expect(all.sentTo('s1')).toEqual([])
    await relay.stop()
  })

  it('make a relay wait no longer for one that failed long ago', async () => {
    const all = await openRelays()
    let isAway = true
    const save: typeof all.store.save = (...asked) => (isAway ? away() : all.store.save(...asked))
    const relay = all.begin('one', { deliveries: { ...all.store, save } })
    await all.subscribe('s1')
    await all.append('A')
    await all.clock.pass(10 * minute)
    isAway = false
    await all.clock.pass(10 * minute)
    isAway = true
    await all.append('A')
    await all.clock.pass(second)
    isAway = false
    const before = relay.reported.length
    const count = all.posts.length
    await all.clock.until(() => all.posts.length > count, 5 * second)
    expect(relay.reported.length - before).toBeLessThanOrEqual(1)
    await relay.stop()
  })

  it('are reported where a right that is there again cannot be noted', async () => {
    const all = await openRelays()
    const permit: typeof all.commands.permit = async () =>
      E.left({ _tag: 'LogUnavailable', cause: new Error('away') })
    const relay = all.begin('one', { commands: { ...all.commands, permit } })
    all.lack(['people:read'])
    await all.subscribe('s1')
    await all.append('A')
    await all.untilIs('s1', found => found?.denied !== undefined)
    all.lack(undefined)
    await all.clock.pass(3 * second)
    expect(relay.reported).toContainEqual(expect.objectContaining({ _tag: 'LogUnavailable' }))
    await relay.stop()
  })
})

it('a relay that has nothing to do leaves nothing behind with each look', async () => {
  const all = await openRelays()
  const relay = all.begin('one')
  await all.clock.pass(minute)
  expect(all.clock.sleepers()).toBe(1)
  await relay.stop()
  expect(all.clock.sleepers()).toBe(0)
})
