import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RecordedEvent } from '../../domain/event.ts'
import { type LogPorts, openLog } from '../../stores/codec.ts'
import type { StoredLog } from '../../stores/stored.ts'
import { left, right } from '../support/either.ts'
import { eventOf, pageWritten, personChanged, personRegistered } from '../support/events.ts'

/** What every engine of the log must do; `open` gives an empty one. */
export const eventLogContract = (name: string, open: () => Promise<StoredLog>) => {
  describe(`the event log on ${name}`, () => {
    let stored: StoredLog
    let ports: LogPorts
    beforeEach(async () => {
      stored = await open()
      ports = await right(() => openLog(stored))
    })
    afterEach(() => stored.close())

    const signal = new AbortController().signal
    const all = async (after = 0n, types?: readonly string[]): Promise<readonly RecordedEvent[]> => {
      const events: RecordedEvent[] = []
      const options = types === undefined ? { signal, toHead: true } : { signal, toHead: true, types }
      for await (const batch of ports.feed.follow(after, options)) events.push(...batch.events)
      return events
    }
    const registered = (id: string) => ports.log.append(`person-${id}`, 'no-stream', [personRegistered(id)])

    it('is founded once, by an event that names it', async () => {
      const again = await right(() => openLog(stored))
      expect(again.identity).toEqual(ports.identity)
      expect(ports.identity.id).toMatch(/^[0-9a-f]{32}$/)
      expect((await all()).map(({ event }) => event.type)).toEqual(['HubFounded'])
    })

    it('creates a stream once: the second time is a conflict', async () => {
      await right(registered('A'))
      expect(await left(registered('A'))).toEqual({ _tag: 'RevisionConflict', actual: 0 })
      expect(await right(ports.log.read('person-A'))).toHaveLength(1)
    })

    it('lets one of many concurrent creations win', async () => {
      const results = await Promise.all(Array.from({ length: 20 }, () => registered('A')()))
      expect(results.filter(({ _tag }) => _tag === 'Right')).toHaveLength(1)
      expect(await right(ports.log.read('person-A'))).toHaveLength(1)
    })

    it('appends at the very revision only, and says the actual one', async () => {
      await right(registered('A'))
      const append = (expected: number) =>
        ports.log.append('person-A', expected, [personChanged({ name: 'x' })])
      expect(await left(append(1))).toEqual({ _tag: 'RevisionConflict', actual: 0 })
      expect((await right(append(0)))[0]).toMatchObject({ revision: 1 })
      expect(await left(append(0))).toEqual({ _tag: 'RevisionConflict', actual: 1 })
      expect(await left(ports.log.append('person-B', 0, [personChanged({})]))).toMatchObject({ actual: -1 })
    })

    it('gives a repeated append the first one’s places and stores nothing', async () => {
      const events = [personRegistered('A'), personChanged({ name: 'x' })]
      const first = await right(ports.log.append('person-A', 'no-stream', events))
      await right(ports.log.append('person-A', 1, [personChanged({ name: 'y' })]))
      expect(await right(ports.log.append('person-A', 'no-stream', events))).toEqual(first)
      expect(await right(ports.log.read('person-A'))).toHaveLength(3)
    })

    it('stores all of a batch or none, also beside others', async () => {
      await right(registered('A'))
      const results = await Promise.all([
        registered('B')(),
        ports.log.append('person-A', 'no-stream', [personRegistered('A'), personChanged({})])(),
        ports.log.append('person-C', 'no-stream', [personRegistered('C'), personChanged({})])(),
      ])
      expect(results.map(({ _tag }) => _tag)).toEqual(['Right', 'Left', 'Right'])
      expect(await right(ports.log.read('person-A'))).toHaveLength(1)
      expect(await right(ports.log.read('person-C'))).toHaveLength(2)
    })

    it('gives back what was recorded, oldest first, from a revision on', async () => {
      const events = [
        personRegistered('A', JSON.parse('{"__proto__": {"x": 1}, "a.b": "\\u0000\\ud800"}')),
        eventOf('PersonPasswordSet', {}, { fingerprint: 'f', occurredAt: '2020-01-01T00:00:00Z' }),
      ].map((event, i) => (i === 0 ? event : { ...event, event: { ...event.event, credential: 'v1' } }))
      await right(ports.log.append('person-A', 'no-stream', events))
      const read = await right(ports.log.read('person-A'))
      expect(read).toEqual(
        events.map((event, revision) => ({
          ...event,
          stream: 'person-A',
          revision,
          position: read[revision]?.position,
        })),
      )
      expect(JSON.stringify(read[0]?.event.data)).toContain('"__proto__"')
      expect(await right(ports.log.read('person-A', 1))).toEqual(read.slice(1))
      expect(await right(ports.log.read('person-none'))).toEqual([])
    })

    it('feeds events in the order in which they were appended, positions rising', async () => {
      const appended = await Promise.all(
        Array.from({ length: 100 }, (_, n) =>
          right(ports.log.append(`page-A:${n}`, 'no-stream', [pageWritten('A', `${n}`)])),
        ),
      )
      const fed = (await all()).slice(1)
      expect(fed.map(({ position }) => position)).toEqual(
        appended
          .flat()
          .map(({ position }) => position)
          .sort((a, b) => (a < b ? -1 : 1)),
      )
      expect(await right(ports.feed.head)).toBe(fed.at(-1)?.position)
      expect(await right(ports.feed.eventIdAt(fed[7]?.position ?? 0n))).toBe(fed[7]?.id)
      expect(await right(ports.feed.eventIdAt(10_000n))).toBeUndefined()
    })

    it.each([499, 500, 501, 1_001])(
      'feeds %i events without a gap at a batch’s edge, and resumes',
      async count => {
        await Promise.all(
          Array.from({ length: count - 1 }, (_, n) =>
            right(ports.log.append(`page-A:${n}`, 'no-stream', [pageWritten('A', `${n}`)])),
          ),
        )
        const fed = await all()
        expect(fed).toHaveLength(count)
        const from = fed[250]?.position ?? 0n
        expect((await all(from)).map(({ id }) => id)).toEqual(fed.slice(251).map(({ id }) => id))
      },
    )

    it('feeds the wanted types only, and moves on past the others', async () => {
      await right(registered('A'))
      await right(ports.log.append('page-A:1', 'no-stream', [pageWritten('A', '1')]))
      await right(ports.log.append('page-A:2', 'no-stream', [pageWritten('A', '2')]))
      expect((await all(0n, ['PersonRegistered'])).map(({ event }) => event.type)).toEqual([
        'PersonRegistered',
      ])
      for await (const batch of ports.feed.follow(0n, { signal, toHead: true, types: ['PersonRegistered'] }))
        if (batch.caughtUp) expect(batch.next).toBe(await right(ports.feed.head))
    })

    it('feeds what is appended later to whoever waits, and says when there is nothing', async () => {
      const ending = new AbortController()
      const seen: string[] = []
      let silences = 0
      for await (const batch of ports.feed.follow(0n, { signal: ending.signal })) {
        seen.push(...batch.events.map(({ event }) => event.type))
        if (batch.events.length === 0) silences += 1
        if (seen.length === 1 && silences === 0) continue
        if (seen.length === 1) await right(registered('A'))
        else ending.abort()
      }
      expect(seen).toEqual(['HubFounded', 'PersonRegistered'])
      expect(silences).toBeGreaterThan(0)
    })

    it('stops at an event it cannot read, after those before it', async () => {
      await right(registered('A'))
      const damaged = { id: 'x', type: 'PersonRegistered', data: '{"id": ', metadata: '{}' }
      await right(stored.append('person-B', 'no-stream', [damaged]))
      const seen: string[] = []
      const reading = async () => {
        for await (const batch of ports.feed.follow(0n, { signal, toHead: true }))
          seen.push(...batch.events.map(({ stream }) => stream))
      }
      await expect(reading()).rejects.toMatchObject({ _tag: 'EventUnreadable', reason: 'damaged' })
      expect(seen).toEqual(['hub', 'person-A'])
      expect(await left(ports.log.read('person-B'))).toMatchObject({ reason: 'damaged', stream: 'person-B' })
    })

    it('says of an event that it is newer than this release', async () => {
      await right(ports.log.append('person-A', 'no-stream', [eventOf('PersonCloned', {})]))
      await right(
        ports.log.append('person-B', 'no-stream', [
          eventOf('PersonRegistered', { id: 'B' }, { schemaVersion: 99 }),
        ]),
      )
      for (const stream of ['person-A', 'person-B'])
        expect(await left(ports.log.read(stream))).toMatchObject({ reason: 'newer than this release' })
    })
  })
}
