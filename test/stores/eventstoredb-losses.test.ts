import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import * as E from '#fp/Either'
import type { StoredLog } from '../../stores/stored.ts'
import { describeUnless } from '../support/describe-unless.ts'
import { left, right } from '../support/either.ts'
import { failures } from '../support/eventstoredb/messages.ts'
import { startStandIn } from '../support/eventstoredb/stand-in.ts'
import { anEvent, idsOf, newPrefix, openTarget } from '../support/eventstoredb/target.ts'

const target = await openTarget()
afterAll(() => target.close())

/** Follows until it is told to end, again and again, as the hub does; gives the ids. */
const followThrough = (log: StoredLog, signal: AbortSignal) => {
  const seen: string[] = []
  const failed: unknown[] = []
  const run = async () => {
    let next = 0n
    while (!signal.aborted)
      try {
        for await (const batch of log.follow(next, { signal })) {
          seen.push(...batch.events.map(({ id }) => id))
          next = batch.next
        }
      } catch (thrown) {
        failed.push(thrown)
        await pause(20)
      }
  }
  return { seen, failed, ended: run() }
}

describe('the log in EventStoreDB, when the connection breaks', () => {
  it('stores each append once while connections break in the middle of them', async () => {
    const { wire, url } = await target.wired()
    const prefix = newPrefix()
    const log = target.open({ url, prefix, limits: { pause: 10 } })
    const ending = new AbortController()
    const follower = followThrough(log, ending.signal)
    const events = Array.from({ length: 300 }, () => [anEvent(), anEvent()])
    let missing = events.length
    const breaking = (async () => {
      while (missing > 0) {
        await pause(60)
        wire.hiccup()
      }
    })()
    const append = async (n: number): Promise<void> => {
      const appended = await log.append(`a-${n}`, 'no-stream', events[n] ?? [])
      // Whatever became of it, it may be sent again.
      if (E.isLeft(appended) && appended.left._tag === 'LogUnavailable') return append(n)
      expect(appended).toMatchObject({ right: { length: 2 } })
      missing -= 1
    }
    await Promise.all(events.map((_, n) => append(n)))
    await breaking
    const witness = target.open({ prefix })
    const stored = await idsOf(witness)
    expect(stored).toHaveLength(600)
    expect(new Set(stored)).toEqual(new Set(events.flat().map(({ id }) => id)))
    await expect.poll(() => follower.seen.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(600)
    ending.abort()
    await follower.ended
    expect(follower.seen).toEqual(stored)
    await Promise.all([log.close(), witness.close()])
    await wire.cut()
  })

  it('reads on when a connection breaks in whose place there is a new one', async () => {
    const { wire, url } = await target.wired()
    const log = target.open({ url })
    await right(log.append('a', 'no-stream', [anEvent()]))
    for (let round = 0; round < 10; round += 1) {
      const reads = Array.from({ length: 20 }, () => log.read('a', 0))
      const looks = [log.last('a'), log.head()]
      wire.hiccup()
      const all = await Promise.all([...reads, ...looks])
      expect(all.filter(E.isLeft)).toEqual([])
    }
    await log.close()
    await wire.cut()
  })

  it('says that nothing was stored while there is no server, at once', async () => {
    const { wire, url } = await target.wired()
    const log = target.open({ url })
    await wire.cut()
    const started = performance.now()
    const failed = await left(log.append('a', 'no-stream', [anEvent()]))
    expect(failed).toMatchObject({ _tag: 'LogUnavailable' })
    expect(failed).not.toHaveProperty('outcomeUnknown')
    for (const work of [log.head(), log.eventIdAt(5n)])
      expect(await left<unknown, unknown>(work)).toMatchObject({ _tag: 'LogUnavailable' })
    expect(performance.now() - started).toBeLessThan(2_000)
    await wire.mend()
    await right(log.append('a', 'no-stream', [anEvent()]))
    await log.close()
    await wire.cut()
  })

  it('says that an outcome is unknown when it cannot find out, and takes the repeat for one', async () => {
    const { wire, url } = await target.wired()
    const log = target.open({ url, limits: { deadline: 300, patience: 500, pause: 10, silence: 300 } })
    const event = anEvent()
    await right(log.append('a', 'no-stream', [anEvent()]))
    wire.silence()
    expect(await left(log.append('a', 0, [event]))).toMatchObject({
      _tag: 'LogUnavailable',
      outcomeUnknown: true,
    })
    expect(await left(log.read('a', 0))).toMatchObject({ _tag: 'LogUnavailable' })
    wire.speak()
    const [position] = await right(log.append('a', 0, [event]))
    expect(await right(log.last('a'))).toMatchObject({ id: event.id, revision: 1, position })
    await log.close()
    await wire.cut()
  })

  it('notices a silent server within seconds, without a sign of life in between', async () => {
    const { wire, url } = await target.wired()
    const log = target.open({ url })
    const { signal } = new AbortController()
    let heard = 0
    const follow = async () => {
      for await (const { caughtUp } of log.follow(0n, { signal })) {
        if (caughtUp && heard === 0) wire.silence()
        heard = performance.now()
      }
    }
    const started = performance.now()
    await expect(follow()).rejects.toMatchObject({ _tag: 'LogUnavailable' })
    expect(performance.now() - started).toBeLessThan(6_000)
    expect(heard - started).toBeLessThan(1_500)
    wire.speak()
    await right(log.append('a', 'no-stream', [anEvent()]))
    expect(await idsOf(log)).toHaveLength(1)
    await log.close()
    await wire.cut()
  })

  it('closes in time although the server is silent', async () => {
    const { wire, url } = await target.wired()
    const log = target.open({ url, limits: { silence: 500 } })
    await right(log.append('a', 'no-stream', [anEvent()]))
    wire.silence()
    const followed = followThrough(log, AbortSignal.timeout(3_000))
    const started = performance.now()
    await log.close()
    expect(performance.now() - started).toBeLessThan(4_000)
    await followed.ended
    await wire.cut()
  })
})

const noStandIn = target.standIn === undefined ? 'only the stand-in can be told to' : undefined
describeUnless(noStandIn, 'the log in EventStoreDB, when the server misbehaves', () => {
  const opened = async (more: { readonly appends?: number } = {}) => {
    const server = await startStandIn()
    const url = `esdb://127.0.0.1:${server.port()}?tls=false`
    const limits = { pause: 10, deadline: 500, patience: 1_500, ...more }
    return { server, log: target.open({ url, limits }) }
  }

  it.each(['commitTimeout', 'lost', 'shutdown', 'cancelled', 'notReady'] as const)(
    'finds its events after an append that was stored and answered by %s',
    async kind => {
      const { server, log } = await opened()
      for (const count of [1, 3]) {
        const events = Array.from({ length: count }, () => anEvent())
        server.failAppend({ stores: true, error: failures[kind]() })
        const positions = await right(log.append(`a-${count}`, 'no-stream', events))
        const stored = (await right(log.read(`a-${count}`, 0))).events
        expect(stored.map(({ id }) => id)).toEqual(events.map(({ id }) => id))
        expect(positions).toEqual(stored.map(({ position }) => position))
      }
      await log.close()
      server.kill()
    },
  )

  it.each(['commitTimeout', 'lost', 'notReady'] as const)(
    'stores an append that %s kept from being stored',
    async kind => {
      const { server, log } = await opened()
      server.failAppend({ stores: false, error: failures[kind]() })
      await right(log.append('a', 'no-stream', [anEvent()]))
      expect((await right(log.read('a', 0))).events).toHaveLength(1)
      await log.close()
      server.kill()
    },
  )

  it('gives up after a while, the outcome unknown', async () => {
    const { server, log } = await opened()
    for (let n = 0; n < 30; n += 1) server.failAppend({ stores: false, error: failures.commitTimeout() })
    expect(await left(log.append('a', 'no-stream', [anEvent()]))).toMatchObject({ outcomeUnknown: true })
    await log.close()
    server.kill()
  })

  it('finds what was stored after the time of an append was over', async () => {
    const { server, log } = await opened()
    server.delay(700)
    const appending = log.append('a', 'no-stream', [anEvent()])
    await pause(600)
    server.delay(0)
    expect(E.isRight(await appending)).toBe(true)
    await pause(300)
    expect((await right(log.read('a', 0))).events).toHaveLength(1)
    await log.close()
    server.kill()
  })

  it.each(['tooSlow', 'lost', 'shutdown', 'cancelled', 'ends'] as const)(
    'goes on after %s dropped a subscription, unnoticed',
    async kind => {
      const { server, log } = await opened()
      const ending = new AbortController()
      const follower = followThrough(log, ending.signal)
      const appended: string[] = []
      for (let n = 0; n < 20; n += 1) {
        const event = anEvent()
        await right(log.append(`a-${n}`, 'no-stream', [event]))
        appended.push(event.id)
        if (n % 5 === 4) {
          await expect.poll(() => follower.seen.length).toBe(n + 1)
          server.drop(kind === 'ends' ? 'ends' : failures[kind]())
        }
      }
      await expect.poll(() => follower.seen).toEqual(appended)
      ending.abort()
      await follower.ended
      expect(follower.failed).toEqual([])
      await log.close()
      server.kill()
    },
  )

  it('throws when the server is gone, and goes on where it was when it is back', async () => {
    const { server, log } = await opened()
    const ending = new AbortController()
    const follower = followThrough(log, ending.signal)
    await right(log.append('a', 'no-stream', [anEvent()]))
    await expect.poll(() => follower.seen.length).toBe(1)
    server.kill()
    await expect.poll(() => follower.failed.length).toBeGreaterThan(0)
    expect(follower.failed[0]).toMatchObject({ _tag: 'LogUnavailable' })
    await server.start()
    await right(log.append('a', 0, [anEvent()]))
    await expect.poll(() => follower.seen.length, { timeout: 10_000 }).toBe(2)
    ending.abort()
    await follower.ended
    await log.close()
    server.kill()
  })

  it('goes on behind what others wrote without looking through it again', async () => {
    const { server, log } = await opened()
    const prefix = newPrefix()
    await right(log.append('a', 'no-stream', [anEvent()]))
    const ending = new AbortController()
    const follower = followThrough(log, ending.signal)
    const foreign = Array.from({ length: 1_000 }, () => ({
      ...anEvent(),
      contentType: 'application/json',
      data: new Uint8Array(),
      metadata: new Uint8Array(),
    }))
    await expect.poll(() => follower.seen.length).toBe(1)
    for (let n = 0; n < 3; n += 1) server.engine.append(`${prefix}${n}`, 'no stream', foreign)
    await expect.poll(server.resumed).toEqual([])
    server.drop(failures.tooSlow())
    await expect.poll(server.resumed).toHaveLength(1)
    // The server says how far it has come after every 1,000 events.
    expect(server.resumed()[0]).toBeGreaterThanOrEqual(server.engine.all[999]?.position ?? 0n)
    await right(log.append('a', 0, [anEvent()]))
    await expect.poll(() => follower.seen.length).toBe(2)
    ending.abort()
    await follower.ended
    await log.close()
    server.kill()
  })

  it('lets a bounded number of appends wait', async () => {
    const { server, log } = await opened({ appends: 100 })
    server.delay(200)
    const appends = Array.from({ length: 110 }, (_, n) => log.append(`a-${n}`, 'no-stream', [anEvent()]))
    const refused = await Promise.all(appends.slice(100))
    for (const one of refused) expect(one).toMatchObject({ left: { _tag: 'LogUnavailable' } })
    server.delay(0)
    expect((await Promise.all(appends.slice(0, 100))).filter(E.isLeft)).toEqual([])
    await log.close()
    server.kill()
  })
})
