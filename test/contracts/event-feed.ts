import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type LogPorts, openLog } from '../../stores/codec.ts'
import type { StoredLog } from '../../stores/stored.ts'
import { right } from '../support/either.ts'
import { pageWritten, personRegistered } from '../support/events.ts'
import { eventsOf } from '../support/feed.ts'
import { testKeys } from '../support/keys.ts'

/** What every engine must do for whoever reads along; `open` gives an empty log. */
export const eventFeedContract = (name: string, open: () => Promise<StoredLog>) => {
  describe(`the feed of the log on ${name}`, () => {
    let stored: StoredLog
    let ports: LogPorts
    beforeEach(async () => {
      stored = await open()
      ports = await right(openLog(stored, testKeys))
    })
    afterEach(() => stored.close())

    const { signal } = new AbortController()
    const registered = (id: string) => ports.log.append(`person-${id}`, 'no-stream', [personRegistered(id)])
    const written = (count: number, from = 0) =>
      Promise.all(
        Array.from({ length: count }, (_, n) => `${from + n}`).map(id =>
          right(ports.log.append(`page-A:${id}`, 'no-stream', [pageWritten('A', id)])),
        ),
      )

    it('gives events in the order in which they were appended, positions rising', async () => {
      const appended = (await written(100)).flat()
      const fed = (await eventsOf(ports.feed)).slice(1)
      expect(fed.map(({ position }) => position)).toEqual(
        appended.map(({ position }) => position).sort((a, b) => (a < b ? -1 : 1)),
      )
      expect(new Set(fed.map(({ position }) => position)).size).toBe(100)
      expect(new Map(fed.map(event => [event.id, event]))).toEqual(
        new Map(appended.map(event => [event.id, event])),
      )
    })

    it('keeps the events of one append together', async () => {
      const batchOf = (book: string) => ['1', '2', '3'].map(id => pageWritten(book, id))
      const books = Array.from({ length: 30 }, (_, n) => `B${n}`)
      await Promise.all(
        books.map(book => right(ports.log.append(`page-${book}:1`, 'no-stream', batchOf(book)))),
      )
      const streams = (await eventsOf(ports.feed)).slice(1).map(({ stream }) => stream)
      for (let i = 0; i < streams.length; i += 3)
        expect(new Set(streams.slice(i, i + 3)), `at ${i}`).toEqual(new Set([streams[i]]))
    })

    it('knows its head, and which event is at a position', async () => {
      const appended = (await written(10)).flat()
      const fed = await eventsOf(ports.feed)
      expect(await right(ports.feed.head())).toBe(fed.at(-1)?.position)
      for (const { position, id } of appended) expect(await right(ports.feed.eventIdAt(position))).toBe(id)
      expect(await right(ports.feed.eventIdAt(0n))).toBeUndefined()
      expect(await right(ports.feed.eventIdAt(10_000n))).toBeUndefined()
    })

    it('gives events without a gap at a batch’s edge, and goes on from any place', async () => {
      let there = 1
      for (const count of [499, 500, 501, 1_000, 1_001]) {
        await written(count - there, there)
        there = count
        const events = await eventsOf(ports.feed)
        const ids = events.map(({ id }) => id)
        expect(new Set(ids).size).toBe(count)
        expect((await eventsOf(ports.feed)).map(({ id }) => id)).toEqual(ids)
        for (const place of [0, 250, 498, count - 2, count - 1]) {
          const rest = await eventsOf(ports.feed, events[place]?.position)
          expect(
            rest.map(({ id }) => id),
            `of ${count} behind ${place}`,
          ).toEqual(ids.slice(place + 1))
        }
      }
    })

    it('says with each batch where to go on, without a gap or a double', async () => {
      await written(1_200)
      const whole = (await eventsOf(ports.feed)).map(({ id }) => id)
      const seen: string[] = []
      let next = 0n
      for (let caughtUp = false; !caughtUp; )
        for await (const batch of ports.feed.follow(next, { signal, toHead: true })) {
          seen.push(...batch.events.map(({ id }) => id))
          next = batch.next
          caughtUp = batch.caughtUp
          break
        }
      expect(seen).toEqual(whole)
    })

    it('gives the wanted types only, and moves on past the others', async () => {
      await right(registered('A'))
      await written(1_100)
      const types = ['PersonRegistered']
      expect((await eventsOf(ports.feed, 0n, types)).map(({ stream }) => stream)).toEqual(['person-A'])
      let last: { readonly next: bigint; readonly caughtUp: boolean } | undefined
      for await (const batch of ports.feed.follow(0n, { signal, toHead: true, types })) last = batch
      expect(last).toMatchObject({ next: await right(ports.feed.head()), caughtUp: true })
      expect(await eventsOf(ports.feed, 0n, ['PersonRemoved'])).toEqual([])
    })

    it('shows what is appended later to whoever waits, and says when there is nothing', async () => {
      const ending = new AbortController()
      const seen: string[] = []
      let silences = 0
      for await (const batch of ports.feed.follow(0n, { signal: ending.signal })) {
        seen.push(...batch.events.map(({ event }) => event.type))
        if (batch.events.length === 0) silences += 1
        if (silences === 0) continue
        if (seen.length === 1) await right(registered('A'))
        else ending.abort()
      }
      expect(seen).toEqual(['HubFounded', 'PersonRegistered'])
    })

    it('shows every reader everything while it is being appended', async () => {
      const follow = async () => {
        const seen: string[] = []
        const ending = new AbortController()
        for await (const batch of ports.feed.follow(0n, { signal: ending.signal })) {
          seen.push(...batch.events.map(({ id }) => id))
          if (seen.length >= 601) ending.abort()
        }
        return seen
      }
      const readers = [follow(), follow()]
      for (let n = 0; n < 600; n += 1) {
        const appended = right(ports.log.append(`page-A:${n}`, 'no-stream', [pageWritten('A', `${n}`)]))
        if (n % 7 === 0) await appended
      }
      const [first, second] = await Promise.all(readers)
      expect(first).toEqual((await eventsOf(ports.feed)).map(({ id }) => id))
      expect(second).toEqual(first)
    })

    it('never breaks its order and fills no hole later, whoever reads while many write', async () => {
      const writers = 8
      const each = 40
      let isWriting = true
      const reader = async () => {
        const seen: bigint[] = []
        let next = 0n
        for (let isLast = false; !isLast; ) {
          isLast = !isWriting
          for await (const batch of ports.feed.follow(next, { signal, toHead: true })) {
            seen.push(...batch.events.map(({ position }) => position))
            next = batch.next
          }
          await new Promise(resolve => setImmediate(resolve))
        }
        return seen
      }
      const readers = [reader(), reader(), reader()]
      await Promise.all(
        Array.from({ length: writers }, async (_, writer) => {
          for (let n = 0; n < each; n += 1) {
            const stream = `page-W${writer}:${n}`
            await right(ports.log.append(stream, 'no-stream', [pageWritten(`W${writer}`, `${n}`)]))
          }
        }),
      )
      isWriting = false
      const whole = (await eventsOf(ports.feed)).map(({ position }) => position)
      expect(whole).toHaveLength(1 + writers * each)
      expect(whole).toEqual(whole.toSorted((a, b) => (a < b ? -1 : 1)))
      for (const seen of await Promise.all(readers)) expect(seen).toEqual(whole)
    })

    it('ends with its signal: at once while it waits, and before it begins', async () => {
      const ending = new AbortController()
      const batches: boolean[] = []
      for await (const { caughtUp } of ports.feed.follow(0n, { signal: ending.signal })) {
        batches.push(caughtUp)
        // The reader waits for more by the time this runs.
        setImmediate(() => ending.abort())
      }
      expect(batches).toEqual([true])
      for await (const batch of ports.feed.follow(0n, { signal: AbortSignal.abort() }))
        expect(batch, 'nothing').toBeUndefined()
    })
  })
}
