import { describe, expect, it } from 'vitest'
import type { EventFeed } from '../../projections/event-feed.ts'
import { makeSharedFollower, type SharedFollower } from '../../projections/shared-follower.ts'
import { openLog } from '../../stores/codec.ts'
import { memoryLog } from '../../stores/memory/event-log.ts'
import { right } from '../support/either.ts'
import { pageWritten, personRegistered } from '../support/events.ts'
import { testKeys } from '../support/keys.ts'

const types = ['PageWritten']

const open = async (limits?: Parameters<typeof makeSharedFollower>[2]) => {
  const { log, feed } = await right(openLog(memoryLog(), testKeys))
  let written = 0
  const write = async (count: number) => {
    for (let n = 0; n < count; n += 1) {
      written += 1
      await right(log.append(`page-A:${written}`, 'no-stream', [pageWritten('A', `${written}`)]))
    }
  }
  let followings = 0
  const counted: EventFeed = {
    ...feed,
    follow: (after, options) => {
      if (options.toHead !== true) followings += 1
      return feed.follow(after, options)
    },
  }
  const follower = makeSharedFollower(counted, types, limits)
  return { log, feed, write, follower, followings: () => followings }
}

/** The pages that a reader sees, until it has seen so many. */
const pagesOf = async (
  follower: SharedFollower,
  count: number,
  pause: (seen: number) => Promise<void> = async () => {},
): Promise<readonly string[]> => {
  const ending = new AbortController()
  const streams: string[] = []
  for await (const { events } of follower.follow(0n, ending.signal)) {
    streams.push(...events.map(({ stream }) => stream))
    await pause(streams.length)
    if (streams.length >= count) break
  }
  ending.abort()
  return streams
}

const pages = (count: number) => Array.from({ length: count }, (_, n) => `page-A:${n + 1}`)

describe('the shared follower', () => {
  it('gives every reader everything, by one following of the log', async () => {
    const hub = await open()
    await hub.write(10)
    const readers = Array.from({ length: 50 }, () => pagesOf(hub.follower, 40))
    await hub.write(30)
    for (const streams of await Promise.all(readers)) expect(streams).toEqual(pages(40))
    expect(hub.followings()).toBe(1)
    await expect.poll(hub.follower.followings).toBe(0)
  })

  it('lets a reader who is too far behind read the log, and loses nothing of it', async () => {
    const hub = await open({ events: 5, characters: 1e6 })
    await hub.write(3)
    const slow = pagesOf(hub.follower, 60, async seen => {
      if (seen === 3) await hub.write(50)
    })
    const fast = pagesOf(hub.follower, 60)
    await expect.poll(hub.follower.followings).toBe(1)
    await hub.write(7)
    expect(await slow).toEqual(pages(60))
    expect(await fast).toEqual(pages(60))
  })

  it('holds no more than its limits, however large events are', async () => {
    const hub = await open({ events: 1_000, characters: 10 })
    const reading = pagesOf(hub.follower, 30)
    await hub.write(30)
    expect(await reading).toEqual(pages(30))
  })

  it('tells a reader where it stands while nothing it shows is written', async () => {
    const { log, feed, follower } = await open()
    await right(log.append('person-EVA', 'no-stream', [personRegistered('EVA')]))
    const head = await right(feed.head())
    const ending = new AbortController()
    for await (const { events, next } of follower.follow(0n, ending.signal)) {
      expect(events).toEqual([])
      if (next === head) break
    }
    ending.abort()
  })

  it('ends every reader when the log is lost, and begins anew with the next', async () => {
    const hub = await open()
    await hub.write(2)
    let isLost = false
    const failure = { _tag: 'LogUnavailable', cause: 'the server is gone' } as const
    const shaky: Pick<EventFeed, 'follow'> = {
      follow: async function* (after, options) {
        for await (const batch of hub.feed.follow(after, options)) {
          yield batch
          if (isLost && options.toHead !== true) throw failure
        }
      },
    }
    const follower = makeSharedFollower(shaky, types)
    const readers = [pagesOf(follower, 100), pagesOf(follower, 100)].map(reading =>
      reading.then(
        () => 'ended',
        (thrown: unknown) => thrown,
      ),
    )
    await expect.poll(follower.followings).toBe(1)
    isLost = true
    await hub.write(1)
    expect(await Promise.all(readers)).toEqual([failure, failure])
    isLost = false
    expect(await pagesOf(follower, 3)).toEqual(pages(3))
  })
})
