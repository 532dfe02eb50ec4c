import { EventStoreDBClient } from '@eventstore/db-client'
import { afterAll, describe, expect, it } from 'vitest'
import { eventStoreUrlProblem } from '../../stores/eventstoredb/address.ts'
import { eventStoreDbLog } from '../../stores/eventstoredb/event-log.ts'
import { mostCharacters } from '../../stores/stored.ts'
import { encryptionContract } from '../contracts/encryption.ts'
import { eventFeedContract } from '../contracts/event-feed.ts'
import { eventLogContract } from '../contracts/event-log.ts'
import { left, right } from '../support/either.ts'
import { anEvent, idsOf, newPrefix, openTarget } from '../support/eventstoredb/target.ts'

const target = await openTarget()
afterAll(() => target.close())

eventLogContract('EventStoreDB', async () => target.open())
encryptionContract('EventStoreDB', async () => target.open())
eventFeedContract('EventStoreDB', async () => target.open())

const { signal } = new AbortController()

describe('the log in EventStoreDB', () => {
  const texts = [
    '{"a":1}',
    '{"b": 1.0, "a": 1e2, "n": 12345678901234567890, "a": 2}',
    '{"2":"x","1":"y","__proto__":{"x":1},"constructor":null,"toJSON":"t"}',
    '[1,2]',
    '"a string"',
    '"\\ud800 \\u0000 é 😀"',
    '\ufeff{}',
    'null',
    '',
    'no JSON at all {',
  ]
  it.each(texts)('gives back the very text: %j', async text => {
    const log = target.open()
    await right(log.append('a', 'no-stream', [anEvent({ data: text, metadata: text })]))
    expect((await right(log.read('a', 0))).events).toMatchObject([{ data: text, metadata: text }])
    expect(await right(log.last('a'))).toMatchObject({ data: text, metadata: text })
    await log.close()
  })

  it('sees nothing of what others write to the same server', async () => {
    const prefix = newPrefix()
    const [ours, others] = [target.open({ prefix }), target.open({ prefix: prefix.slice(0, -1) })]
    const seen: string[] = []
    for (let n = 0; n < 5; n += 1) {
      const event = anEvent()
      const [position = 0n] = await right(ours.append(`a-${n}`, 'no-stream', [event]))
      seen.push(event.id)
      const foreign = Array.from({ length: 40 }, () => anEvent())
      const positions = await right(others.append(`a-${n}`, 'no-stream', foreign))
      expect(await right(ours.head())).toBe(position)
      expect(await right(ours.eventIdAt(position))).toBe(event.id)
      expect(await right(ours.eventIdAt(positions[0] ?? 0n))).toBeUndefined()
    }
    expect(await idsOf(ours)).toEqual(seen)
    let next = 0n
    for await (const batch of ours.follow(0n, { signal, toHead: true })) next = batch.next
    expect(next).toBe(await right(ours.head()))
    await Promise.all([ours.close(), others.close()])
  })

  it('has a head of 0 as long as it holds nothing', async () => {
    const log = target.open()
    expect(await right(log.head())).toBe(0n)
    expect(await idsOf(log)).toEqual([])
    await log.close()
  })

  it('refuses more than 1 MiB at once, and knows that nothing was stored', async () => {
    const log = target.open()
    const big = (length: number) => anEvent({ data: JSON.stringify('x'.repeat(length)) })
    expect(await left(log.append('a', 'no-stream', [big(2 ** 20)]))).not.toHaveProperty('outcomeUnknown')
    expect(await left(log.append('a', 'no-stream', [big(2 ** 19), big(2 ** 19)]))).toMatchObject({
      _tag: 'LogUnavailable',
    })
    expect(await right(log.read('a', 0))).toEqual({ events: [], more: false })
    await right(log.append('a', 'no-stream', [big(1_000_000)]))
    await log.close()
  })

  it('reads a stream in runs of 8 MiB, and of 500 events', async () => {
    const log = target.open()
    const data = JSON.stringify({ x: 'x'.repeat(900_000) })
    for (let n = 0; n < 11; n += 1)
      await right(log.append('big', n === 0 ? 'no-stream' : n - 1, [anEvent({ data })]))
    const first = await right(log.read('big', 0))
    expect(first.more).toBe(true)
    expect(first.events.length).toBe(Math.ceil(mostCharacters / data.length))
    expect((await right(log.read('big', first.events.length))).events).toHaveLength(11 - first.events.length)
    await right(
      log.append(
        'many',
        'no-stream',
        Array.from({ length: 501 }, () => anEvent()),
      ),
    )
    expect(await right(log.read('many', 0))).toMatchObject({ more: true, events: { length: 500 } })
    expect(await right(log.read('many', 500))).toMatchObject({ more: false, events: { length: 1 } })
    await log.close()
  })

  it('takes streams that were deleted on the server for damage', async () => {
    const prefix = newPrefix()
    const { url, wire } = await target.wired()
    const log = target.open({ prefix, limits: { pause: 1, patience: 100 } })
    const client = EventStoreDBClient.connectionString(url)
    for (const stream of ['deleted', 'gone']) await right(log.append(stream, 'no-stream', [anEvent()]))
    await client.deleteStream(`${prefix}deleted`)
    await client.tombstoneStream(`${prefix}gone`)
    expect(await left(log.append('deleted', 'no-stream', [anEvent()]))).toMatchObject({
      _tag: 'LogUnavailable',
      outcomeUnknown: true,
    })
    for (const stream of ['deleted', 'gone'])
      expect(await left(log.read(stream, 0))).toMatchObject({ _tag: 'LogUnavailable' })
    expect(await left(log.append('gone', 0, [anEvent()]))).toMatchObject({ _tag: 'LogUnavailable' })
    await client.dispose()
    await log.close()
    await wire.cut()
  })

  it('says when it has nothing, at least once a second', async () => {
    const log = target.open()
    const ending = new AbortController()
    const times: number[] = []
    for await (const { events, caughtUp } of log.follow(0n, { signal: ending.signal })) {
      expect({ events, caughtUp }).toEqual({ events: [], caughtUp: true })
      times.push(performance.now())
      if (times.length === 5) ending.abort()
    }
    const pauses = times.slice(1).map((time, i) => time - (times[i] ?? 0))
    expect(Math.max(...pauses)).toBeLessThan(1_000)
    await log.close()
  })

  it('follows bursts without a gap or a double, however slowly they are taken', async () => {
    const log = target.open()
    const ending = new AbortController()
    const bursts = Array.from({ length: 8 }, () => Array.from({ length: 400 }, () => anEvent()))
    const seen: string[] = []
    const follow = async () => {
      for await (const { events } of log.follow(0n, { signal: ending.signal })) {
        seen.push(...events.map(({ id }) => id))
        if (seen.length >= 8 * 400) ending.abort()
      }
    }
    const followed = follow()
    for (const [n, burst] of bursts.entries()) await right(log.append(`a-${n}`, 'no-stream', burst))
    await followed
    expect(seen).toEqual(bursts.flat().map(({ id }) => id))
    await log.close()
  })

  it('appends and reads beside very many followers, and is rid of them when they leave', async context => {
    if ('Deno' in globalThis)
      return context.skip('a connection with hundreds of cancelled calls brings Deno down')
    const log = target.open()
    const [after = 0n] = await right(log.append('a', 'no-stream', [anEvent()]))
    const ending = new AbortController()
    const live = new Set<number>()
    const follow = async (number: number) => {
      for await (const { caughtUp } of log.follow(after, { signal: ending.signal }))
        if (caughtUp) live.add(number)
    }
    // A server takes 100 calls a connection at once.
    const followers = Array.from({ length: 120 }, (_, number) => follow(number))
    await right(log.append('a', 0, [anEvent()]))
    expect((await right(log.read('a', 0))).events).toHaveLength(2)
    await expect.poll(() => live.size, { timeout: 20_000 }).toBe(120)
    ending.abort()
    await Promise.all(followers)
    for (let n = 0; n < 30; n += 1) for await (const _ of log.follow(after, { signal })) break
    if (target.standIn !== undefined) await expect.poll(target.standIn.subscriptions).toBe(0)
    const closing = performance.now()
    await log.close()
    expect(performance.now() - closing).toBeLessThan(1_000)
  })

  it('ends with its close, for followers too', async () => {
    const log = target.open()
    let closing: Promise<void> | undefined
    const follow = async () => {
      for await (const _ of log.follow(0n, { signal })) closing ??= log.close()
    }
    await expect(follow()).rejects.toMatchObject({ _tag: 'LogUnavailable' })
    await closing
    expect(await left(log.read('a', 0))).toMatchObject({ _tag: 'LogUnavailable' })
    expect(await left(log.append('a', 'no-stream', [anEvent()]))).toMatchObject({ _tag: 'LogUnavailable' })
    expect(await left(log.head())).toMatchObject({ _tag: 'LogUnavailable' })
  })

  it('finds its server by discovery', async () => {
    const log = target.open({ url: target.url.replace('esdb:', 'esdb+discover:') })
    await right(log.append('a', 'no-stream', [anEvent()]))
    expect(await idsOf(log)).toHaveLength(1)
    await log.close()
  })

  it('never uses the client’s batch append', () => {
    expect(target.standIn?.batchAppends() ?? 0).toBe(0)
  })
})

describe('the address of an event store', () => {
  it.each(['esdb://127.0.0.1:2113?tls=false', 'esdb://user:pass@host:1,other:2', 'esdb+discover://u:p@host'])(
    'may be %s',
    url => expect(eventStoreUrlProblem(url)).toBeUndefined(),
  )

  it.each(['http://host', 'esdb://', 'esdb://host:2113', 'esdb://u:secret@ho st', 'esdb://u:s@cret@host'])(
    'may not be %s, and is not repeated',
    url => {
      expect(eventStoreUrlProblem(url)).toMatch(/^must /)
      expect(eventStoreUrlProblem(url)).not.toMatch(/secret|s@cret/)
      expect(() => eventStoreDbLog({ url, prefix: 'p.' })).toThrow('must')
    },
  )

  it('is not repeated either where the client does not take it', () => {
    const url = 'esdb://u:secret@host?tls=perhaps'
    expect(() => eventStoreDbLog({ url, prefix: 'p.' })).toThrow(/must(?!.*secret)/)
  })
})
