import { describe, expect, it } from 'vitest'
import * as E from '#fp/Either'
import { people } from '../../domain/people.ts'
import { applyBatch } from '../../projections/apply-batch.ts'
import { modelOf } from '../../projections/items.ts'
import { makeProgress } from '../../projections/progress.ts'
import { startProjector } from '../../projections/projector.ts'
import { projections } from '../../projections/read-models.ts'
import type { ReadModels, ReadModelWriter } from '../../projections/read-store.ts'
import { stillValid, versionKey, versions, versionsProjection } from '../../projections/versions.ts'
import { startOfLog } from '../../stores/start-of-log.ts'
import { right } from '../support/either.ts'
import { eventOf, pageWritten, personChanged, personRegistered } from '../support/events.ts'
import { type Opened, openAll, projectAll } from '../support/projecting.ts'

const model = modelOf(people)

const register = ({ log }: Opened, id: string) =>
  right(log.append(`person-${id}`, 'no-stream', [personRegistered(id)]))
const textOf = async (store: ReadModels, id: string) => (await right(store.get(model, id)))?.text

describe('the projector', () => {
  it('makes the items that the events say, and goes on from its checkpoint', async () => {
    const hub = await openAll()
    await register(hub, 'ANA')
    await right(hub.log.append('person-ANA', 0, [personChanged({ name: 'Ana' })]))
    await projectAll(hub)
    expect(await textOf(hub.store, 'ANA')).toBe(
      '{"id":"ANA","active":true,"roles":["end_user"],"name":"Ana"}',
    )
    await register(hub, 'EVA')
    await projectAll(hub)
    expect(await textOf(hub.store, 'EVA')).toContain('"EVA"')
    expect((await right(hub.store.checkpoint(model))).position).toBe(await right(hub.feed.head()))
  })

  it('takes every event again without harm', async () => {
    const hub = await openAll()
    await register(hub, 'ANA')
    await right(hub.log.append('person-ANA', 0, [personChanged({ n: 1 }), personChanged({ n: 2 })]))
    await projectAll(hub)
    const once = await right(hub.store.get(model, 'ANA'))
    const start = startOfLog
    const forgetful: ReadModelWriter = {
      ...hub.store,
      served: async shape =>
        E.map((served: object) => ({ ...served, model: shape, number: 0, checkpoint: start }))(
          await hub.store.served(shape),
        ),
      commit: async (changes, to, within) => {
        const at = await right(hub.store.checkpoint(changes[0]?.generation.model ?? model))
        const moved = changes.map(change => ({
          ...change,
          generation: { ...change.generation, checkpoint: at },
        }))
        return hub.store.commit(moved, to, within)
      },
    }
    await projectAll({ ...hub, store: { ...hub.store, ...forgetful } })
    expect(await right(hub.store.get(model, 'ANA'))).toEqual(once)
  })

  it('begins again after a commit that failed, and loses nothing', async () => {
    const hub = await openAll()
    await register(hub, 'ANA')
    let failing = 2
    const failed = E.left({ _tag: 'ReadUnavailable', cause: 'disk' } as const)
    const shaky: Opened['store'] = {
      ...hub.store,
      commit: async (...parameters) => {
        failing -= 1
        return failing >= 0 ? failed : hub.store.commit(...parameters)
      },
    }
    const { failures } = await projectAll({ ...hub, store: shaky })
    expect(failures).toEqual(['ReadUnavailable', 'ReadUnavailable'])
    expect(await textOf(hub.store, 'ANA')).toContain('"ANA"')
  })

  it('notices by itself that a commit was taken back, and projects again what was in it', async () => {
    const hub = await openAll()
    await register(hub, 'ANA')
    const { store } = hub
    const start = await right(store.served(model))
    let lost = false
    const forgetting: Opened['store'] = {
      ...store,
      // The first commit succeeds, and is gone afterwards, as after a failed write of its disk.
      commit: async (changes, checkpoint, within) => {
        if (lost) return store.commit(changes, checkpoint, within)
        lost = true
        return E.right(undefined)
      },
    }
    expect(start.checkpoint.position).toBe(0n)
    const ending = new AbortController()
    const progress = makeProgress(projections.map(({ shape }) => shape.name))
    const parts = {
      feed: hub.feed,
      reads: hub.store,
      writer: forgetting,
      leases: hub.leases,
      holder: 'test',
      mayWait: () => true,
      projections,
      progress,
      report: () => {},
    }
    const projector = startProjector(parts, ending.signal)
    while ((await textOf(store, 'ANA')) === undefined) await new Promise(resolve => setImmediate(resolve))
    ending.abort()
    await projector.ended
  })

  it('builds a changed projection anew, while what was served before stays', async () => {
    const hub = await openAll()
    await register(hub, 'ANA')
    await projectAll(hub)
    const changed = projections.map(projection => ({
      ...projection,
      shape: { ...projection.shape, version: projection.shape.version + 1 },
    }))
    await projectAll(hub, changed)
    const next = { ...model, version: model.version + 1 }
    expect((await right(hub.store.get(next, 'ANA')))?.text).toBe(await textOf(hub.store, 'ANA'))
    expect((await right(hub.store.checkpoint(next))).position).toBe(await right(hub.feed.head()))
  })

  it('feeds a model that was added together with the others once it has come as far', async () => {
    const hub = await openAll()
    const [first, ...added] = projections
    if (first === undefined) throw new Error('there are no projections')
    await register(hub, 'ANA')
    await projectAll(hub, [first])
    await register(hub, 'EVA')
    const together: number[] = []
    const store: Opened['store'] = {
      ...hub.store,
      commit: (changes, checkpoint, within) => {
        together.push(changes.length)
        return hub.store.commit(changes, checkpoint, within)
      },
    }
    const ending = new AbortController()
    const progress = makeProgress(projections.map(({ shape }) => shape.name))
    const projector = startProjector(
      {
        feed: hub.feed,
        reads: store,
        writer: store,
        leases: hub.leases,
        holder: 'test',
        mayWait: () => true,
        projections,
        progress,
        report: () => {},
      },
      ending.signal,
    )
    const reached = async (position: bigint) => {
      while (!progress.allReached(position)) await new Promise(resolve => setImmediate(resolve))
    }
    await reached(await right(hub.feed.head()))
    expect(together).toEqual(expect.arrayContaining([1, added.length]))
    together.length = 0
    for (const id of ['IDA', 'UTE']) {
      await register(hub, id)
      await reached(await right(hub.feed.head()))
    }
    expect(together.at(-1)).toBe(projections.length)
    ending.abort()
    await projector.ended
  })

  it('stops at an event that it cannot read, and keeps what came before', async () => {
    const hub = await openAll()
    await register(hub, 'ANA')
    await right(hub.log.append('person-EVA', 'no-stream', [eventOf('PersonCloned', {})]))
    const { stopped } = await projectAll(hub)
    expect(stopped).toMatchObject({ _tag: 'EventUnreadable', stream: 'person-EVA' })
    expect(await textOf(hub.store, 'ANA')).toContain('"ANA"')
  })

  it('builds anew when the log is another than at its checkpoint', async () => {
    const before = await openAll()
    await register(before, 'ANA')
    await register(before, 'EVA')
    await projectAll(before)
    const putBack = { ...(await openAll()), store: before.store }
    await register(putBack, 'IDA')
    await projectAll(putBack)
    expect(await textOf(putBack.store, 'IDA')).toContain('"IDA"')
    expect(await textOf(putBack.store, 'ANA')).toBeUndefined()
  })
})

describe('versions', () => {
  it('hold every revision with its state, validity, event and actor', async () => {
    const hub = await openAll()
    const [first] = await register(hub, 'ANA')
    const [second] = await right(hub.log.append('person-ANA', 0, [personChanged({ name: 'Ana' })]))
    const [third] = await right(hub.log.append('person-ANA', 1, [eventOf('PersonRemoved', {})]))
    await projectAll(hub)
    const generation = await right(hub.store.served(versions))
    const keys = [0, 1, 2].map(revision => versionKey('people', 'ANA', revision))
    const loaded = await right(hub.store.load(generation, keys))
    expect(loaded.map(({ fields }) => [fields.valid_from, fields.valid_to])).toEqual([
      [first?.position, second?.position],
      [second?.position, third?.position],
      [third?.position, stillValid],
    ])
    const states = loaded.map(({ text }) => JSON.parse(text ?? ''))
    expect(states).toMatchObject([
      { event: 'PersonRegistered', item: { id: 'ANA' }, actor: { id: 'ITAPYT999HON' }, subject: 'ANA' },
      { event: 'PersonChanged', item: { id: 'ANA', name: 'Ana' } },
      { event: 'PersonRemoved', item: null },
    ])
    expect(
      loaded.map(({ fields }) => [fields.resource, fields.actor, fields.subject, fields.list ?? null]),
    ).toEqual([
      ['people', 'ITAPYT999HON', 'ANA', 'people'],
      ['people', 'ITAPYT999HON', null, 'people'],
      ['people', 'ITAPYT999HON', null, null],
    ])
    expect(loaded.map(({ fields }) => fields.filter_1 ?? null)).toEqual([null, 'ana', null])
  })

  it('are of a time by the order of commits, where processes commit in another order than their clocks say', async () => {
    const hub = await openAll()
    const at = (id: string, recordedAt: string) => {
      const event = personRegistered(id)
      return { ...event, metadata: { ...event.metadata, recordedAt } }
    }
    const second = at('EVA', '2026-01-02T03:04:06.000Z')
    await right(hub.log.append('person-EVA', 'no-stream', [second]))
    await right(hub.log.append('person-ANA', 'no-stream', [at('ANA', '2026-01-02T03:04:05.000Z')]))
    await projectAll(hub)
    const keysAsOf = async (time: string) => {
      const place = { position: await right(hub.feed.head()), time: BigInt(Date.parse(time)) }
      const query = { equals: { list: 'people' }, descending: false, limit: 9, mostBytes: 1e6 }
      const page = await right(hub.store.find(versions, { ...query, validAt: place }))
      return page.documents.map(({ key }) => key)
    }
    // Whoever asked before the later commit found nobody: that answer stays.
    expect(await keysAsOf('2026-01-02T03:04:05.500Z')).toEqual([])
    expect(await keysAsOf('2026-01-02T03:04:06.000Z')).toHaveLength(2)
    expect((await right(hub.store.checkpoint(versions))).clock).toBe(
      BigInt(Date.parse('2026-01-02T03:04:06Z')),
    )
  })

  it('of one thing follow each other in time, also where a clock was far ahead meanwhile', async () => {
    const hub = await openAll()
    const at = (recordedAt: string) => {
      const event = personChanged({ recordedAt })
      return { ...event, metadata: { ...event.metadata, recordedAt } }
    }
    await register(hub, 'ANA')
    await right(
      hub.log.append('person-ANA', 0, [at('2026-01-02T03:06:00.000Z'), at('2026-01-02T03:04:06.000Z')]),
    )
    await projectAll(hub)
    const position = await right(hub.feed.head())
    const query = { equals: { list: 'people' }, descending: false, limit: 9, mostBytes: 1e6 }
    for (const time of ['03:04:05', '03:04:30', '03:06:00', '03:07:00']) {
      const place = { position, time: BigInt(Date.parse(`2026-01-02T${time}Z`)) }
      const page = await right(hub.store.find(versions, { ...query, validAt: place }))
      expect(page.documents, time).toHaveLength(1)
    }
  })

  it('close without writing the text of what they close again', async () => {
    const hub = await openAll()
    await register(hub, 'ANA')
    await projectAll(hub)
    const [changed] = await right(hub.log.append('person-ANA', 0, [personChanged({ name: 'Ana' })]))
    const generation = await right(hub.store.served(versions))
    const batch = await right(
      applyBatch(hub.store, versionsProjection, generation, changed === undefined ? [] : [changed]),
    )
    expect(batch.documents.map(({ key }) => key)).toEqual([versionKey('people', 'ANA', 1)])
    expect(batch.fieldChanges).toMatchObject([{ key: versionKey('people', 'ANA', 0) }])
  })

  it('answer what an item was at a position, and which pages were in a book', async () => {
    const hub = await openAll()
    await register(hub, 'ANA')
    const [written] = await right(hub.log.append('page-ANA:p', 'no-stream', [pageWritten('ANA', 'p')]))
    const amended = eventOf('PageAmended', { page_date: '2020-01-01' })
    const [second] = await right(hub.log.append('page-ANA:p', 0, [amended]))
    await projectAll(hub)
    const query = {
      equals: { list: 'pols/ANA' },
      orderedBy: 'ordered_by',
      descending: false,
      limit: 9,
      mostBytes: 1e6,
    }
    const keysAt = async (position: bigint) =>
      (await right(hub.store.find(versions, { ...query, validAt: { position } }))).documents.map(
        ({ key }) => key,
      )
    expect(await keysAt(1n)).toEqual([])
    expect(await keysAt(written?.position ?? 0n)).toEqual([versionKey('pols', 'ANA:p', 0)])
    expect(await keysAt(second?.position ?? 0n)).toEqual([versionKey('pols', 'ANA:p', 1)])
  })
})
