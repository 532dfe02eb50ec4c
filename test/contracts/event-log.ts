import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type LogPorts, openLog } from '../../stores/codec.ts'
import type { StoredLog } from '../../stores/stored.ts'
import { left, right } from '../support/either.ts'
import { eventOf, personChanged, personRegistered } from '../support/events.ts'
import { eventsIn, eventsOf } from '../support/feed.ts'
import { testKeys } from '../support/keys.ts'

/** What every engine of the log must do; `open` gives an empty one. */
export const eventLogContract = (name: string, open: () => Promise<StoredLog>) => {
  describe(`the event log on ${name}`, () => {
    let stored: StoredLog
    let ports: LogPorts
    beforeEach(async () => {
      stored = await open()
      ports = await right(openLog(stored, testKeys))
    })
    afterEach(() => stored.close())

    const registered = (id: string) => ports.log.append(`person-${id}`, 'no-stream', [personRegistered(id)])

    it('is founded once, by an event that names it', async () => {
      const again = await right(openLog(stored, testKeys))
      expect(again.identity).toEqual(ports.identity)
      expect(ports.identity.epoch).toBe(0)
      expect(ports.identity.id).toMatch(/^[0-9a-f]{32}$/)
      expect((await eventsOf(ports.feed)).map(({ event }) => event.type)).toEqual(['HubFounded'])
    })

    it('is founded once by those who open it at the same time', async () => {
      const shared = await open()
      const opened = await Promise.all(Array.from({ length: 5 }, () => right(openLog(shared, testKeys))))
      expect(new Set(opened.map(({ identity }) => identity.id)).size).toBe(1)
      expect(await eventsOf(opened[0]?.feed ?? ports.feed)).toHaveLength(1)
      await shared.close()
    })

    it('tells the last event as often as it is asked', async () => {
      for (let round = 0; round < 50; round += 1) {
        const looks = Array.from({ length: 50 }, () => right(ports.log.last('hub')))
        for (const last of await Promise.all(looks)) expect(last?.event.type).toBe('HubFounded')
      }
      expect(await right(ports.log.lastType('hub'))).toEqual({ type: 'HubFounded', isErased: false })
      expect(await right(ports.log.lastType('person-NOBODY'))).toBeUndefined()
    })

    it('creates a stream once: the second time is a conflict', async () => {
      await right(registered('A'))
      expect(await left(registered('A'))).toEqual({ _tag: 'RevisionConflict', actual: 0 })
      expect(await eventsIn(ports.log, 'person-A')).toHaveLength(1)
    })

    it('lets one of many concurrent creations win', async () => {
      const results = await Promise.all(Array.from({ length: 20 }, () => registered('A')))
      expect(results.filter(({ _tag }) => _tag === 'Right')).toHaveLength(1)
      expect(await eventsIn(ports.log, 'person-A')).toHaveLength(1)
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
      expect(await eventsIn(ports.log, 'person-A')).toHaveLength(3)
    })

    it('takes the same append, sent many times at once, as one', async () => {
      const events = [personRegistered('A'), personChanged({ name: 'x' })]
      const appends = Array.from({ length: 10 }, () => ports.log.append('person-A', 'no-stream', events))
      const [first, ...others] = await Promise.all(appends.map(right))
      expect(first?.map(({ revision }) => revision)).toEqual([0, 1])
      for (const other of others) expect(other).toEqual(first)
      expect(await eventsOf(ports.feed)).toHaveLength(3)
    })

    it('does not take for a repeat what has more events, others, or another order', async () => {
      const events = [personRegistered('A'), personChanged({ name: 'x' })]
      await right(ports.log.append('person-A', 'no-stream', events))
      const conflict = { _tag: 'RevisionConflict', actual: 1 }
      for (const others of [
        [...events, personChanged({ name: 'y' })],
        [personRegistered('A'), personChanged({ name: 'x' })],
        [...events].reverse(),
      ])
        expect(await left(ports.log.append('person-A', 'no-stream', others))).toEqual(conflict)
      expect(await eventsIn(ports.log, 'person-A')).toHaveLength(2)
    })

    it('stores all of a batch or none, also beside others', async () => {
      await right(registered('A'))
      const results = await Promise.all([
        registered('B'),
        ports.log.append('person-A', 'no-stream', [personRegistered('A'), personChanged({})]),
        ports.log.append('person-C', 'no-stream', [personRegistered('C'), personChanged({})]),
      ])
      expect(results.map(({ _tag }) => _tag)).toEqual(['Right', 'Left', 'Right'])
      expect(await eventsIn(ports.log, 'person-A')).toHaveLength(1)
      expect(await eventsIn(ports.log, 'person-C')).toHaveLength(2)
    })

    it('gives back what was recorded, oldest first, from a revision on', async () => {
      const events = [
        personRegistered('A', JSON.parse('{"__proto__": {"x": 1}, "a.b": "\\u0000\\ud800"}')),
        eventOf('PersonPasswordSet', {}, { fingerprint: 'f', occurredAt: '2020-01-01T00:00:00Z' }),
      ].map((event, i) => (i === 0 ? event : { ...event, event: { ...event.event, credential: 'v1' } }))
      await right(ports.log.append('person-A', 'no-stream', events))
      const read = await eventsIn(ports.log, 'person-A')
      expect(read).toEqual(
        events.map((event, revision) => ({
          ...event,
          stream: 'person-A',
          revision,
          position: read[revision]?.position,
        })),
      )
      expect(JSON.stringify(read[0]?.event.data)).toContain('"__proto__"')
      expect(await eventsIn(ports.log, 'person-A', 1)).toEqual(read.slice(1))
      expect(await eventsIn(ports.log, 'person-A', 2)).toEqual([])
      expect(await eventsIn(ports.log, 'person-none')).toEqual([])
      expect(await eventsIn(ports.log, "person-A' OR '1'='1")).toEqual([])
      expect(await eventsIn(ports.log, 'person-a')).toEqual([])
    })

    const damages = {
      data: { type: 'PersonRegistered', data: '{"id": ' },
      shape: { type: 'PersonRegistered', data: '{"id": 5}' },
      metadata: { type: 'PersonRegistered', data: '{"id": "B"}', metadata: '{"commandId": "c"}' },
    }
    it.each(Object.entries(damages))(
      'stops at an event with damaged %s, after those before it',
      async (_, damage) => {
        await right(registered('A'))
        const [intact] = (await right(stored.read('person-A', 0))).events
        const damaged = { id: randomUUID(), metadata: intact?.metadata ?? '', ...damage }
        const [position] = await right(stored.append('person-B', 'no-stream', [damaged]))
        await right(registered('C'))
        const seen: string[] = []
        const reading = async () => {
          const { signal } = new AbortController()
          for await (const batch of ports.feed.follow(0n, { signal, toHead: true }))
            seen.push(...batch.events.map(({ stream }) => stream))
        }
        const unreadable = { _tag: 'EventUnreadable', stream: 'person-B', position, reason: 'damaged' }
        await expect(reading()).rejects.toEqual(unreadable)
        expect(seen).toEqual(['hub', 'person-A'])
        expect(await left(ports.log.read('person-B'))).toEqual(unreadable)
        expect(await eventsIn(ports.log, 'person-C')).toHaveLength(1)
      },
    )

    it('says of an event that it is newer than this release', async () => {
      await right(ports.log.append('person-A', 'no-stream', [eventOf('PersonCloned', {})]))
      await right(
        ports.log.append('person-B', 'no-stream', [
          eventOf('PersonRegistered', { id: 'B' }, { schemaVersion: 99 }),
        ]),
      )
      for (const stream of ['person-A', 'person-B'])
        expect(await left(ports.log.read(stream))).toMatchObject({ reason: 'newer than this release' })
      await expect(eventsOf(ports.feed)).rejects.toMatchObject({ stream: 'person-A' })
    })
  })
}
