import { describe, expect, it } from 'vitest'
import * as E from '#fp/Either'
import {
  answered,
  type Delivering,
  day,
  hour,
  openDelivering,
  type Post,
  second,
  start,
  taken,
} from '../support/delivering.ts'
import { personRegistered } from '../support/events.ts'

const minute = 60 * second
const down = () => answered(500)
const away = async () => E.left({ _tag: 'ReadUnavailable' as const, cause: new Error('away') })
const timesOf = (posts: readonly Post[]) => posts.map(({ at }) => at - start)
const pausesOf = (posts: readonly Post[]) =>
  posts.slice(1).map(({ at }, i) => (at - (posts[i]?.at ?? 0)) / second)
const isPassed = async ({ progress, positionAt, feed }: Delivering): Promise<boolean> => {
  const head = await feed.head()
  return E.isRight(head) && (await progress())?.position === positionAt(head.right)
}
const appendMany = async ({ append }: Delivering, count: number, from = 0) => {
  for (let n = from; n < from + count; n += 1) await append(`P${n}`)
}

describe('a delivery', () => {
  it('gives each event, those of a stream in order, and saves how far it is', async () => {
    const all = await openDelivering()
    for (const stream of ['A', 'B', 'A', 'B', 'A']) await all.append(stream)
    const process = all.begin()
    await all.clock.until(() => all.taken().length === 5)
    expect(all.taken().filter(one => one.startsWith('person-A'))).toEqual([
      'person-A 0',
      'person-A 1',
      'person-A 2',
    ])
    await process.stop()
    expect(process.end()).toEqual({ is: 'ended' })
    expect(await isPassed(all)).toBe(true)
    const next = all.begin()
    await all.append('A')
    await all.clock.until(() => all.taken().length === 6)
    await next.stop()
  })

  it('leaves nobody asleep behind, and nothing to be saved, when it has ended', async () => {
    const all = await openDelivering()
    all.answer(down)
    await all.append('A')
    const process = all.begin()
    await all.clock.pass(10 * second)
    await process.stop()
    await all.clock.settled()
    expect(all.clock.sleepers()).toBe(0)
    expect(await all.failing()).toMatchObject([{ stream: 'person-A', revision: 0 }])
  })

  it('posts at most sixteen at the same time, each of another stream', async () => {
    const all = await openDelivering()
    const under = new Set<string>()
    let isDoubled = false
    all.answer(async ({ stream }) => {
      isDoubled ||= under.has(stream)
      under.add(stream)
      await all.clock.sleep(second, new AbortController().signal)
      under.delete(stream)
      return taken
    })
    await appendMany(all, 40)
    for (let n = 0; n < 40; n += 1) await all.append(`P${n}`)
    const process = all.begin()
    await all.clock.until(() => all.taken().length === 80)
    expect(all.under.most).toBe(16)
    expect(isDoubled).toBe(false)
    await process.stop()
  })
})

describe('an event that is not taken', () => {
  it('is tried again after growing pauses, the first after a second, with the same id', async () => {
    const all = await openDelivering()
    let failures = 9
    all.answer(() => (failures-- > 0 ? answered(500) : taken))
    const { id } = await all.append('A')
    const process = all.begin()
    await all.clock.until(() => all.taken().length === 1)
    expect(pausesOf(all.posts)).toEqual([1, 5, 30, 120, 600, 1_800, 3_600, 3_600, 3_600])
    expect(new Set(all.posts.map(post => post.id))).toEqual(new Set([id]))
    await process.stop()
    expect(await all.failing()).toEqual([])
    expect(await all.progress()).toMatchObject({ failures: 0 })
  })

  it('is tried again up to a fifth later, by chance', async () => {
    const all = await openDelivering()
    all.answer(down)
    await all.append('A')
    const process = all.begin({ changed: { random: () => 0.5 } })
    await all.clock.until(() => all.posts.length === 3)
    expect(pausesOf(all.posts)).toEqual([1.1, 5.5])
    await process.stop()
  })

  it('holds up its own stream, and no other', async () => {
    const all = await openDelivering()
    let isBack = false
    all.answer(({ stream }) => (stream === 'person-A' && !isBack ? answered(500) : taken))
    for (const stream of ['A', 'A', 'B', 'A']) await all.append(stream)
    const process = all.begin()
    await all.clock.pass(10 * second)
    await all.append('B')
    await all.clock.pass(second)
    expect(all.taken()).toEqual(['person-B 0', 'person-B 1'])
    isBack = true
    await all.clock.until(() => all.taken().length === 5)
    expect(all.taken().slice(2)).toEqual(['person-A 0', 'person-A 1', 'person-A 2'])
    await process.stop()
  })

  it('is a dead letter after three days, and its stream goes on with the next', async () => {
    const all = await openDelivering()
    all.answer(({ revision }) => (revision === 0 ? answered(500) : taken))
    const { position } = await all.append('A')
    await all.append('A')
    const process = all.begin()
    await all.clock.until(() => all.taken().length === 1)
    expect(all.taken()).toEqual(['person-A 1'])
    const elapsed = all.clock.now() - start
    expect(elapsed).toBeGreaterThanOrEqual(3 * day)
    expect(elapsed).toBeLessThan(3 * day + 2 * hour)
    await process.stop()
    expect(await all.deadLetters()).toEqual([
      {
        position: all.positionAt(position),
        stream: 'person-A',
        revision: 0,
        type: 'PersonRegistered',
        attempts: all.posts.length - 1,
        error: 'the receiver answered 500',
        failedSince: new Date(start).toISOString(),
        deadAt: new Date(all.clock.now()).toISOString(),
      },
    ])
    expect(await all.failing()).toEqual([])
    expect(await isPassed(all)).toBe(true)
  })

  it('has three days of its own where the one before it was taken after long', async () => {
    const all = await openDelivering()
    all.answer(({ revision }) =>
      revision === 0 && all.clock.now() - start > 2.9 * day ? taken : answered(500),
    )
    await all.append('A')
    await all.append('A')
    const process = all.begin()
    await all.clock.until(() => all.taken().length === 1)
    await all.clock.pass(2.9 * day)
    await process.stop()
    expect(await all.deadLetters()).toEqual([])
    expect(await all.failing()).toMatchObject([{ revision: 1 }])
  })

  it('does not count the time in which nobody tried, however often that was', async () => {
    const all = await openDelivering()
    all.answer(down)
    await all.append('A')
    for (let n = 0; n < 5; n += 1) {
      const process = all.begin()
      await all.clock.pass(hour)
      await process.stop()
      await all.clock.pass(2 * day)
    }
    expect(await all.deadLetters()).toEqual([])
    all.answer(() => taken)
    const process = all.begin()
    await all.clock.until(() => all.taken().length === 1, 2 * hour)
    await process.stop()
  })

  it('keeps the rest of a long stream in order behind it', async () => {
    const all = await openDelivering()
    let isBack = false
    all.answer(() => (isBack ? taken : answered(500)))
    for (let n = 0; n < 1_200; n += 1) await all.append('A')
    const process = all.begin()
    await all.clock.pass(5 * minute)
    isBack = true
    await all.clock.until(() => all.taken().length >= 1_200, 2 * hour)
    expect(all.taken()).toEqual(Array.from({ length: 1_200 }, (_, n) => `person-A ${n}`))
    await process.stop()
  })
})

describe('a filter that is changed while streams fail', () => {
  it('takes out what is not asked for any more, and the stream goes on', async () => {
    const all = await openDelivering()
    all.answer(down)
    for (let n = 0; n < 3; n += 1) await all.append('A')
    const first = all.begin()
    await all.clock.pass(2 * second)
    await first.stop()
    all.answer(() => taken)
    const narrowed = all.begin({ subscription: { types: ['PersonChanged'] } })
    await all.clock.until(() => all.taken().length === 2)
    await all.append('A')
    await all.clock.until(() => all.taken().length === 3)
    expect(all.taken()).toEqual(['person-A 1', 'person-A 2', 'person-A 3'])
    await narrowed.stop()
    expect(await all.failing()).toEqual([])
  })

  it('lets in what is asked for now', async () => {
    const all = await openDelivering()
    all.answer(down)
    for (const stream of ['A', 'B', 'A']) await all.append(stream)
    const first = all.begin({ subscription: { types: ['PersonChanged'] } })
    await all.clock.pass(2 * second)
    await first.stop()
    all.answer(() => taken)
    const widened = all.begin()
    await all.append('B')
    await all.clock.until(() => all.taken().length === 2)
    expect(all.taken().toSorted()).toEqual(['person-A 1', 'person-B 1'])
    await widened.stop()
  })
})

describe('dead letters', () => {
  const openWithDead = async () => {
    const all = await openDelivering()
    all.answer(down)
    const positions: bigint[] = []
    for (const stream of ['A', 'B', 'C']) positions.push((await all.append(stream)).position)
    const process = all.begin()
    await all.clock.pass(4 * day)
    await process.stop()
    expect((await all.deadLetters()).map(({ stream }) => stream)).toEqual([
      'person-A',
      'person-B',
      'person-C',
    ])
    return { all, positions, from: positions[0] ?? 0n, to: positions[1] ?? 0n }
  }

  it('are sent again in the range that is asked for, once', async () => {
    const { all, from, to } = await openWithDead()
    all.answer(() => taken)
    const replays = [{ revision: 1, from, to, at: new Date(all.clock.now()).toISOString() }]
    const process = all.begin({ replays })
    await all.clock.until(() => all.taken().length === 2)
    await all.clock.pass(second)
    expect(all.taken().toSorted()).toEqual(['person-A 0', 'person-B 0'])
    await process.stop()
    expect((await all.deadLetters()).map(({ stream }) => stream)).toEqual(['person-C'])
    expect(await all.progress()).toMatchObject({ handledRevision: 1 })
    const again = all.begin({ replays })
    await all.clock.pass(minute)
    await again.stop()
    expect(all.taken()).toHaveLength(2)
    expect(await all.failing()).toEqual([])
  })

  it('are sent again only where they were given up before that was asked for', async () => {
    const { all, to } = await openWithDead()
    const replays = [{ revision: 1, from: 0n, to, at: new Date(start + day).toISOString() }]
    const process = all.begin({ replays })
    await all.clock.pass(minute)
    await process.stop()
    expect(await all.deadLetters()).toHaveLength(3)
    expect(await all.progress()).toMatchObject({ handledRevision: 1 })
  })

  it('that are sent again have three days anew, hold up nothing, and are dead letters again', async () => {
    const { all, from } = await openWithDead()
    const before = all.posts.length
    all.answer(({ stream, revision }) => (stream === 'person-A' && revision === 0 ? answered(500) : taken))
    const at = new Date(all.clock.now()).toISOString()
    const process = all.begin({ replays: [{ revision: 1, from, to: from, at }] })
    await all.append('A')
    await all.clock.until(() => all.taken().length === 1)
    expect(all.taken()).toEqual(['person-A 1'])
    await all.clock.pass(2.9 * day)
    expect(await all.deadLetters()).toHaveLength(2)
    await all.clock.pass(day)
    await process.stop()
    expect(all.posts.length - before).toBeGreaterThan(70)
    const letters = await all.deadLetters()
    expect(letters).toHaveLength(3)
    expect(letters[0]?.deadAt.localeCompare(at)).toBe(1)
  })

  it('are none the fewer when the process crashes while they are sent again', async () => {
    const { all, from, to } = await openWithDead()
    const replays = [{ revision: 1, from, to, at: new Date(all.clock.now()).toISOString() }]
    const first = all.begin({ replays })
    await all.clock.pass(0)
    first.crash()
    all.answer(() => taken)
    const next = all.begin({ replays })
    await all.clock.until(() => new Set(all.taken()).size === 2, 2 * hour)
    await all.clock.pass(minute)
    await next.stop()
    expect((await all.deadLetters()).map(({ stream }) => stream)).toEqual(['person-C'])
  })
})

describe('Retry-After', () => {
  it('holds the whole subscription, also what was waiting for its turn, and is kept by the next process', async () => {
    const all = await openDelivering()
    let isHeld = false
    all.answer(async () => {
      if (isHeld) return taken
      isHeld = true
      return { is: 'answered', status: 429, retryAfterMilliseconds: 10 * minute }
    })
    await appendMany(all, 1)
    const first = all.begin()
    await all.clock.until(() => all.posts.length === 1)
    await appendMany(all, 40, 1)
    await all.clock.pass(minute)
    await first.stop()
    const next = all.begin()
    await all.clock.until(() => all.taken().length === 41)
    expect(all.posts.slice(1).every(({ at }) => at - start >= 10 * minute)).toBe(true)
    await next.stop()
  })

  it('holds those that wait for their turn when it comes', async () => {
    const all = await openDelivering()
    let answers = 0
    all.answer(async () => {
      answers += 1
      if (answers > 16) return taken
      await all.clock.sleep(second, new AbortController().signal)
      return { is: 'answered', status: 429, retryAfterMilliseconds: 10 * minute }
    })
    await appendMany(all, 40)
    const process = all.begin()
    await all.clock.until(() => all.taken().length >= 1)
    expect(timesOf(all.posts).filter(at => at < 10 * minute)).toHaveLength(16)
    await all.clock.until(() => all.taken().length === 40)
    await process.stop()
  })
})

describe('a receiver that is gone', () => {
  it('ends the work with 410, and nothing is passed over', async () => {
    const all = await openDelivering()
    all.answer(() => answered(410))
    await appendMany(all, 3)
    const process = all.begin()
    await all.clock.until(process.isOver)
    expect(process.end()).toEqual({ is: 'gone' })
    expect(await all.progress()).toMatchObject({ lastError: { error: 'the receiver answered 410' } })
    all.answer(() => taken)
    const next = all.begin()
    await all.clock.until(() => all.taken().length === 3)
    await next.stop()
  })

  it('may say so of a stream that failed before', async () => {
    const all = await openDelivering()
    let answers = 0
    all.answer(() => {
      answers += 1
      return answered(answers === 1 ? 500 : 410)
    })
    await all.append('A')
    const process = all.begin()
    await all.clock.until(process.isOver)
    expect(process.end()).toEqual({ is: 'gone' })
    all.answer(() => taken)
    const next = all.begin()
    await all.clock.until(() => all.taken().length === 1)
    await next.stop()
  })
})

describe('a node that lacks a right', () => {
  it('ends the work before anything is posted', async () => {
    const all = await openDelivering()
    await appendMany(all, 3)
    const process = all.begin({ changed: { lacking: () => ['people:read'] } })
    await all.clock.until(process.isOver)
    expect(process.end()).toEqual({ is: 'denied', needed: ['people:read'] })
    expect(all.posts).toEqual([])
  })

  it('is seen without any event', async () => {
    const all = await openDelivering()
    let needed: readonly string[] | undefined
    const process = all.begin({ changed: { lacking: () => needed } })
    await all.clock.pass(minute)
    needed = ['active']
    await expect.poll(process.end).toEqual({ is: 'denied', needed: ['active'] })
  })

  it('is given nothing that was waiting for its turn when the right was lost', async () => {
    const all = await openDelivering()
    let needed: readonly string[] | undefined
    all.answer(async () => {
      await all.clock.sleep(second, new AbortController().signal)
      needed = ['people:read']
      return taken
    })
    await appendMany(all, 40)
    const process = all.begin({ changed: { lacking: () => needed } })
    await all.clock.until(process.isOver)
    expect(process.end()).toEqual({ is: 'denied', needed: ['people:read'] })
    expect(all.posts).toHaveLength(16)
    expect((await all.progress())?.position).toBe(all.positionAt(17n))
  })
})

describe('a receiver that is down', () => {
  it('is tried with some streams, then probed, and everything arrives soon after it is up again', async () => {
    const all = await openDelivering()
    all.answer(down)
    await appendMany(all, 400)
    const process = all.begin()
    await all.clock.pass(10 * second)
    const atFirst = all.posts.length
    expect(atFirst).toBeLessThanOrEqual(2 * 16)
    await all.clock.pass(hour)
    // Each 15 s one that has failed, and one that was not tried before.
    expect(all.posts.length).toBeLessThanOrEqual(atFirst + 2 * 240)
    expect(new Set(all.posts.map(({ stream }) => stream)).size).toBeLessThanOrEqual(atFirst + 240)
    all.answer(() => taken)
    const upAt = all.clock.now()
    await all.clock.until(() => new Set(all.taken()).size === 400)
    expect(all.clock.now() - upAt).toBeLessThanOrEqual(30 * second)
    await process.stop()
    expect(await all.failing()).toEqual([])
    expect(await isPassed(all)).toBe(true)
  })

  it('is found up again also where nothing more was recorded', async () => {
    const all = await openDelivering()
    all.answer(down)
    await appendMany(all, 20)
    const process = all.begin()
    await all.clock.pass(12 * hour)
    all.answer(() => taken)
    const upAt = all.clock.now()
    await all.clock.until(() => new Set(all.taken()).size === 20)
    expect(all.clock.now() - upAt).toBeLessThanOrEqual(30 * second)
    await process.stop()
  })

  it('is not what sixteen streams make of it that fail for themselves', async () => {
    const all = await openDelivering()
    all.answer(({ stream }) => (Number(stream.slice('person-P'.length)) < 20 ? answered(500) : taken))
    await appendMany(all, 60)
    const process = all.begin()
    await all.clock.until(() => all.taken().length === 40, minute)
    await process.stop()
  })
})

describe('what is held', () => {
  it('is at most 256 events ahead of those under way', async () => {
    const all = await openDelivering()
    let asked = 0
    all.answer(() => new Promise(() => {}))
    await appendMany(all, 600)
    const process = all.begin({
      changed: {
        asksFor: (_, { stream }) => {
          if (!stream.startsWith('person-')) return false
          asked += 1
          return true
        },
      },
    })
    await all.clock.pass(minute)
    expect(asked).toBeLessThanOrEqual(257)
    expect(all.under.now).toBe(16)
    process.crash()
  })

  it('is a few large events only', async () => {
    const all = await openDelivering()
    let asked = 0
    all.answer(() => new Promise(() => {}))
    const info = 'x'.repeat(500_000)
    for (let n = 0; n < 40; n += 1) await all.append(`P${n}`, personRegistered(`P${n}`, { info }))
    const process = all.begin({
      changed: {
        asksFor: (_, { stream }) => {
          if (!stream.startsWith('person-')) return false
          asked += 1
          return true
        },
      },
    })
    await all.clock.pass(minute)
    expect(asked).toBeLessThanOrEqual(16)
    process.crash()
  })

  it('is at most a thousand failing streams: nothing more is read, and nothing is lost', async () => {
    const all = await openDelivering()
    let isBack = false
    // One in ten is taken, so that the receiver is not down.
    all.answer(({ stream }) => (isBack || stream.endsWith('0') ? taken : answered(500)))
    await appendMany(all, 1_500)
    const process = all.begin()
    await all.clock.pass(hour)
    await process.stop()
    const { length } = await all.failing()
    expect(length).toBeGreaterThan(900)
    expect(length).toBeLessThanOrEqual(1_000 + 16)
    isBack = true
    const next = all.begin()
    await all.clock.until(() => new Set(all.taken()).size === 1_500, 3 * hour)
    await next.stop()
    expect(await all.failing()).toEqual([])
  })
})

describe('a subscription for which nothing is recorded', () => {
  it('writes nothing, and seldom how far it is past what is not asked for', async () => {
    const all = await openDelivering()
    let saves = 0
    const save: typeof all.store.save = (...asked) => {
      saves += 1
      return all.store.save(...asked)
    }
    let next = 0n
    const follow: typeof all.dependencies.follow = async function* (_, signal) {
      while (!signal.aborted) {
        yield { events: [], next, caughtUp: true }
        await all.clock.sleep(second, signal)
      }
    }
    const process = all.begin({ changed: { follow, deliveries: { ...all.store, save } } })
    await all.clock.pass(hour)
    expect(saves).toBe(1)
    for (let n = 0; n < 60; n += 1) {
      next += 1n
      await all.clock.pass(second)
    }
    expect(saves).toBeGreaterThan(1)
    expect(saves).toBeLessThanOrEqual(14)
    await process.stop()
  })
})

describe('a stop in the middle', () => {
  it('notes what posts under way become, and leaves nothing to be done twice', async () => {
    const all = await openDelivering()
    all.answer(async () => {
      await all.clock.sleep(second, new AbortController().signal)
      return taken
    })
    await appendMany(all, 40)
    const first = all.begin()
    await all.clock.pass(0)
    await first.stop()
    expect(all.taken()).toHaveLength(16)
    const next = all.begin()
    await all.clock.until(() => all.taken().length === 40)
    expect(new Set(all.taken()).size).toBe(40)
    await next.stop()
  })

  it('cuts off posts that take long, and they are sent again with the same id', async () => {
    const all = await openDelivering()
    all.answer(() => new Promise(() => {}))
    await all.append('A')
    const first = all.begin()
    await all.clock.pass(0)
    await first.stop()
    expect(all.clock.now() - start).toBe(2 * second)
    all.answer(() => taken)
    const next = all.begin()
    await all.clock.until(() => all.taken().length === 1)
    expect(all.posts.map(({ id }) => id)).toEqual([all.posts[0]?.id, all.posts[0]?.id])
    expect(await all.failing()).toEqual([])
    await next.stop()
  })
})

describe('a store or a log that fails', () => {
  it('ends the work with the failure, and nothing is lost', async () => {
    const all = await openDelivering()
    await appendMany(all, 5)
    const process = all.begin({ changed: { deliveries: { ...all.store, save: away } } })
    await all.clock.until(process.isOver)
    expect(process.failure()).toMatchObject({ _tag: 'ReadUnavailable' })
    const next = all.begin()
    await all.clock.until(() => new Set(all.taken()).size === 5)
    await next.stop()
  })

  it('ends the work at once where a failing stream cannot be read, also while the subscription is held', async () => {
    const all = await openDelivering()
    let answers = 0
    all.answer(() => {
      answers += 1
      return answers < 3 ? answered(500) : { is: 'answered', status: 429, retryAfterMilliseconds: day }
    })
    await all.append('A')
    await all.append('B')
    let reads = 0
    const read: typeof all.log.read = async (stream, from) => {
      reads += 1
      return reads > 1
        ? E.left({ _tag: 'LogUnavailable', cause: new Error('away') })
        : all.log.read(stream, from)
    }
    const process = all.begin({ changed: { log: { read } } })
    await all.clock.until(process.isOver, minute)
    expect(process.failure()).toMatchObject({ _tag: 'LogUnavailable' })
  })

  it('ends the work where what sends breaks, instead of the process', async () => {
    const all = await openDelivering()
    await all.append('A')
    const broken = () => {
      throw new Error('no key')
    }
    const process = all.begin({ changed: { send: broken } })
    await all.clock.until(process.isOver, minute)
    expect(process.failure()).toMatchObject({ message: 'no key' })
    const next = all.begin()
    await all.clock.until(() => all.taken().length === 1)
    await next.stop()
  })

  it('leaves no listener behind at the signal of who began it', async () => {
    const all = await openDelivering()
    const process = all.begin({ changed: { deliveries: { ...all.store, claim: away } } })
    await all.clock.until(process.isOver)
    expect(process.failure()).toMatchObject({ _tag: 'ReadUnavailable' })
    expect(all.clock.sleepers()).toBe(0)
  })
})

describe('an old holder that goes on', () => {
  it('is told that it was superseded, and loses nothing of the new one’s', async () => {
    const all = await openDelivering()
    all.answer(({ stream }) => (stream === 'person-A' ? answered(500) : taken))
    await all.append('A')
    await all.append('B')
    const old = all.begin()
    await all.clock.pass(3 * second)
    const next = all.begin()
    for (const stream of ['A', 'B', 'C']) await all.append(stream)
    await all.clock.until(old.isOver)
    expect(old.failure()).toEqual({ _tag: 'Superseded' })
    all.answer(() => taken)
    await all.clock.until(() => new Set(all.taken()).size === 5)
    await next.stop()
    expect(await all.failing()).toEqual([])
    expect(await isPassed(all)).toBe(true)
  })

  it('cannot take a subscription over again', async () => {
    const all = await openDelivering()
    const old = all.begin({ token: 1 })
    const next = all.begin({ token: 2 })
    await all.clock.until(old.isOver)
    const again = all.begin({ token: 1 })
    await all.clock.until(again.isOver)
    expect(again.failure()).toEqual({ _tag: 'Superseded' })
    await next.stop()
  })
})

describe('what was saved of an earlier position', () => {
  it('does not shorten what a failing stream has to be given yet', async () => {
    const all = await openDelivering()
    all.answer(down)
    const recorded = []
    for (let n = 0; n < 6; n += 1) recorded.push(await all.append('A'))
    const first = all.begin()
    await all.clock.pass(2 * second)
    await first.stop()
    // As a store without transactions leaves it: the failing stream is written, the progress is not.
    const progress = await all.progress()
    const back = { ...progress, position: all.positionAt(recorded[0]?.position ?? 0n) }
    await all.store.claim('s1', 1)
    const put = [{ kind: 'progress' as const, key: '', text: JSON.stringify(back) }]
    await all.store.save('s1', 1, { put, remove: [] })
    const seen: number[] = []
    const save: typeof all.store.save = (subscription, token, changes) => {
      for (const { kind, text } of changes.put) if (kind === 'failing') seen.push(JSON.parse(text).until)
      return all.store.save(subscription, token, changes)
    }
    const next = all.begin({ changed: { deliveries: { ...all.store, save } } })
    await all.clock.pass(10 * second)
    await next.stop()
    expect(Math.min(...seen)).toBe(5)
  })
})
