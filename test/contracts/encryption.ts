import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import * as E from '#fp/Either'
import type { SubjectKeys } from '../../auth/subject-keys.ts'
import type { LogFailure } from '../../domain/log-failure.ts'
import { encodeOne, type LogPorts, openLog } from '../../stores/codec.ts'
import type { StoredLog, StoredNewEvent } from '../../stores/stored.ts'
import { left, right } from '../support/either.ts'
import { eventOf, pageWritten, personRegistered } from '../support/events.ts'
import { eventsIn, eventsOf } from '../support/feed.ts'
import { keysWithoutStore } from '../support/keys.ts'
import { noise } from '../support/noise.ts'

/** What the codec makes of an engine, as far as the data of people goes; `open` gives an empty one. */
export const encryptionContract = (name: string, open: () => Promise<StoredLog>) => {
  describe(`the data of people on ${name}`, () => {
    let stored: StoredLog
    let keys: SubjectKeys
    let ports: LogPorts
    beforeEach(async () => {
      stored = await open()
      keys = keysWithoutStore()
      ports = await right(openLog(stored, keys))
    })
    afterEach(() => stored.close())

    const word = 'Quetzalcoatl'
    const register = (id: string) =>
      right(ports.log.append(`person-${id}`, 'no-stream', [personRegistered(id, { name: word })]))
    const dataIn = async (stream: string) =>
      (await right(stored.read(stream, 0))).events.map(({ data }) => data)

    /** What the codec would store, without storing it. */
    const encoded = async (stream: string, event = personRegistered('A', { name: word })) => {
      let made: readonly StoredNewEvent[] = []
      const kept: StoredLog = {
        ...stored,
        append: async (_stream, _expected, events) => {
          made = events
          return E.right([])
        },
      }
      const { log } = await right(openLog(kept, keys))
      await right(log.append(stream, 'no-stream', [event]))
      const [one] = made
      if (one === undefined) throw new Error('nothing was encoded')
      return one
    }
    const store = (stream: string, event: StoredNewEvent) =>
      right(stored.append(stream, 'no-stream', [event]))
    const reasonFor = async (stream: string) => (await left(ports.log.read(stream))) as LogFailure

    it('is stored so that nobody reads it, and given as it was', async () => {
      await register('A')
      const [data = ''] = await dataIn('person-A')
      expect(data).not.toContain(word)
      expect(Buffer.from(data.slice(1), 'base64').toString('latin1')).not.toContain(word)
      const [event] = await eventsIn(ports.log, 'person-A')
      expect(event?.event.data).toMatchObject({ id: 'A', name: word })
    })

    it('is never stored twice alike', async () => {
      const event = personRegistered('A', { name: word })
      const [one, other] = [await encoded('person-A', event), await encoded('person-A', event)]
      expect(one).toEqual({ ...other, data: one.data })
      expect(one.data).not.toBe(other.data)
    })

    it.each([10, 100_000, 890_000])('of %i characters comes back as it went in', async length => {
      let text = ''
      for (let n = 0; text.length < length; n += 1) text += ((n * 2_654_435_761) % 2 ** 32).toString(36)
      await right(ports.log.append('page-A:x', 'no-stream', [pageWritten('A', 'x', { info: text })]))
      const [event] = await eventsIn(ports.log, 'page-A:x')
      expect(event?.event.data.info).toBe(text)
    })

    // Letters of two and three bytes: 900 KiB are fewer characters than of English.
    it.each([
      ['Cyrillic', 0x0410, 64],
      ['Chinese', 0x4e00, 20_000],
    ])('of 880 KiB of %s letters comes back as it went in', async (_, first, letters) => {
      let text = ''
      for (let n = 0, bytes = 0; bytes < 880 * 1024; n += 1) {
        const letter = String.fromCodePoint(first + ((Math.imul(n, 2_654_435_761) >>> 8) % letters))
        text += letter
        bytes += Buffer.byteLength(letter)
      }
      await right(ports.log.append('page-A:x', 'no-stream', [pageWritten('A', 'x', { info: text })]))
      const [event] = await eventsIn(ports.log, 'page-A:x')
      expect(event?.event.data.info).toBe(text)
    })

    it('of 880 KiB that can hardly be compressed is refused, and nothing of it is stored', async () => {
      const page = pageWritten('A', 'x', { info: noise(880 * 1024) })
      expect(await left(ports.log.append('page-A:x', 'no-stream', [page]))).toEqual({
        _tag: 'AppendTooLarge',
      })
      expect(await eventsIn(ports.log, 'page-A:x')).toEqual([])
    })

    it('of things that are nobody’s stays in clear', async () => {
      await right(
        ports.log.append('institution-I', 'no-stream', [
          eventOf('InstitutionRegistered', { id: 'I', name: word }),
        ]),
      )
      expect((await dataIn('institution-I'))[0]).toContain(word)
    })

    it.each([1, 20, 60, -1])(
      'with the letter at %i changed is damaged, and everything else goes on',
      async place => {
        const event = await encoded('person-A')
        const at = place < 0 ? event.data.length - 4 : place
        const other = event.data[at] === 'A' ? 'B' : 'A'
        await store('person-A', {
          ...event,
          data: event.data.slice(0, at) + other + event.data.slice(at + 1),
        })
        expect(await reasonFor('person-A')).toMatchObject({ _tag: 'EventUnreadable', reason: 'damaged' })
        await register('B')
        expect(await eventsIn(ports.log, 'person-B')).toHaveLength(1)
      },
    )

    it('is not read in the place of another event: not of another stream, another id, another type', async () => {
      const event = await encoded('page-A:one', pageWritten('A', 'one'))
      const other = await encoded('page-A:two', pageWritten('A', 'one'))
      await store('page-A:one', { ...other, data: event.data })
      await store('page-A:two', { ...other, data: event.data })
      await store('page-A:three', { ...event, type: 'PageAmended' })
      for (const stream of ['page-A:one', 'page-A:two', 'page-A:three'])
        expect(await reasonFor(stream)).toMatchObject({ reason: 'damaged' })
    })

    it('without its key is a failure that says so, and what comes before it is given', async () => {
      await register('A')
      await register('B')
      const lost: SubjectKeys = {
        ...keys,
        find: async people => {
          const found = await right(keys.find(people))
          return E.right(new Map([...found].filter(([account]) => account !== 'B')))
        },
      }
      const { log, feed } = await right(openLog(stored, lost))
      for (const failure of [await left(log.read('person-B')), await left(log.lastType('person-B'))])
        expect(failure).toMatchObject({
          _tag: 'EventUnreadable',
          stream: 'person-B',
          reason: 'without its key',
        })
      expect(await eventsIn(log, 'person-A')).toHaveLength(1)
      const given: string[] = []
      const follow = async () => {
        const { signal } = new AbortController()
        for await (const { events } of feed.follow(0n, { signal, toHead: true }))
          given.push(...events.map(({ stream }) => stream))
      }
      await expect(follow()).rejects.toMatchObject({ reason: 'without its key' })
      expect(given).toEqual(['hub', 'person-A'])
      const known = await right(openLog(stored, lost, 'count as destroyed'))
      expect((await eventsOf(known.feed)).map(({ event }) => event.erased)).toEqual([
        undefined,
        undefined,
        true,
      ])
    })

    it('whose key was destroyed is an event without data; nothing more is recorded of its person', async () => {
      await register('A')
      await register('B')
      await keys.destroy('A')
      const [event] = await eventsIn(ports.log, 'person-A')
      expect(event).toMatchObject({
        event: { type: 'PersonRegistered', data: {}, erased: true },
        metadata: { subject: 'A', actor: { id: 'ITAPYT999HON' } },
      })
      expect(await right(ports.log.lastType('person-A'))).toEqual({
        type: 'PersonRegistered',
        isErased: true,
      })
      expect(await right(ports.log.lastType('person-B'))).toMatchObject({ isErased: false })
      expect(await left(ports.log.append('page-A:x', 'no-stream', [pageWritten('A', 'x')]))).toEqual({
        _tag: 'SubjectErased',
      })
      expect((await eventsIn(ports.log, 'person-B'))[0]?.event.data).toMatchObject({ name: word })
    })

    it('is not given any more to whoever has read that its person is forgotten', async () => {
      await register('A')
      const fact = eventOf('PersonErased', { id: 'A', reason: 'r' }, { subject: 'A' })
      await right(ports.log.append('person-A', 0, [fact]))
      const late = await encoded('page-A:late', pageWritten('A', 'late', { summary: word }))
      await store('page-A:late', late)
      const events = await eventsOf(ports.feed)
      expect(events.slice(-2).map(({ event }) => event)).toEqual([
        { type: 'PersonErased', data: { id: 'A', reason: 'r' } },
        { type: 'PageWritten', data: {}, erased: true },
      ])
    })

    it('that was recorded in clear, before there were keys, is read as ever', async () => {
      await store('person-A', encodeOne(personRegistered('A', { name: word })))
      expect((await eventsIn(ports.log, 'person-A'))[0]?.event.data).toMatchObject({ name: word })
      await keys.destroy('A')
      expect((await eventsIn(ports.log, 'person-A'))[0]?.event).toMatchObject({ erased: true, data: {} })
    })
  })
}
