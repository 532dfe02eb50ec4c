import { beforeEach, describe, expect, it } from 'vitest'
import * as E from '#fp/Either'
import { people } from '../../domain/people.ts'
import type { Comparison } from '../../projections/compare-with-served.ts'
import type { EventFeed } from '../../projections/event-feed.ts'
import { modelOf } from '../../projections/items.ts'
import { projections } from '../../projections/read-models.ts'
import type { ReadModelWriter } from '../../projections/read-store.ts'
import { type Rebuilt, rebuild } from '../../projections/rebuild.ts'
import { versions } from '../../projections/versions.ts'
import { startOfLog } from '../../stores/start-of-log.ts'
import { right } from '../support/either.ts'
import { pageWritten, personChanged, personRegistered } from '../support/events.ts'
import { type Opened, openAll, projectAll } from '../support/projecting.ts'

const model = modelOf(people)

let hub: Opened
beforeEach(async () => {
  hub = await openAll()
})

const append = async (...events: readonly ['person' | 'change' | 'page', string][]): Promise<void> => {
  for (const [what, id] of events) {
    if (what === 'person') await right(hub.log.append(`person-${id}`, 'no-stream', [personRegistered(id)]))
    else if (what === 'page')
      await right(hub.log.append(`page-ANA:${id}`, 'no-stream', [pageWritten('ANA', id)]))
    else {
      const last = await right(hub.log.last(`person-${id}`))
      const patch = { name: `${id} ${last?.position}` }
      await right(hub.log.append(`person-${id}`, last?.revision ?? 0, [personChanged(patch)]))
    }
  }
}

const rebuildAll = (
  more: { force?: boolean; writer?: ReadModelWriter; wanted?: typeof projections; feed?: EventFeed } = {},
): Promise<readonly Rebuilt[]> => {
  const { force = false, writer = hub.store, wanted = projections, feed = hub.feed } = more
  return rebuild({ feed, reads: hub.store, writer }, wanted, {
    signal: new AbortController().signal,
    pauseMilliseconds: 0,
    force,
    report: () => {},
    reportCompared: () => {},
  })
}

const comparisonOf = (rebuilt: readonly Rebuilt[], name: string): Comparison | undefined =>
  rebuilt.find(one => one.model === name)?.comparison

/** Changes a document that is served behind the projector's back. */
const damage = async (key: string, text: string): Promise<void> => {
  const served = await right(hub.store.served(model))
  const [document] = await right(hub.store.load(served, [key]))
  if (document === undefined) throw new Error(`there is no ${key}`)
  // A store keeps the later of two documents: it is told of a later one, and set back.
  const later = { ...document, position: document.position + 1n }
  const { checkpoint } = served
  const commit = async (wrong: typeof document) =>
    right(
      hub.store.commit(
        [{ generation: await right(hub.store.served(model)), documents: [wrong] }],
        checkpoint,
        0,
      ),
    )
  await commit({ ...later, text })
}

/** A writer on which something happens just before the documents of the generation served are looked through. */
const during = (event: () => Promise<void>): ReadModelWriter => ({
  ...hub.store,
  documentsAfter: async (generation, key, most) => {
    const served = await right(hub.store.served(generation.model))
    if (served.number === generation.number && key === undefined) await event()
    return hub.store.documentsAfter(generation, key, most)
  },
})

describe('a rebuild', () => {
  it('is served once it has come as far as what was served, and is the same', async () => {
    for (let n = 0; n < 1_200; n += 1) await append(['page', `${n}`])
    await append(['person', 'ANA'], ['change', 'ANA'])
    await projectAll(hub)
    const before = await right(hub.store.served(model))
    const rebuilt = await rebuildAll()
    const after = await right(hub.store.served(model))
    expect(after.number).toBeGreaterThan(before.number)
    expect(after.checkpoint).toEqual(before.checkpoint)
    expect(rebuilt.map(({ comparison, served }) => [comparison.is, served])).toEqual(
      projections.map(() => ['equal', true]),
    )
    const comparison = comparisonOf(rebuilt, 'pols')
    expect(comparison).toMatchObject({ documents: 1_200, changed: 0, position: before.checkpoint.position })
    if (comparison?.is === 'equal') expect(comparison.digests.built).toBe(comparison.digests.served)
  })

  it('has the same digest each time, and another one when a document changes', async () => {
    await append(['person', 'ANA'], ['person', 'BEA'])
    await projectAll(hub)
    const digest = async () => {
      const comparison = comparisonOf(await rebuildAll(), 'people')
      return comparison?.is === 'equal' ? comparison.digests.built : comparison
    }
    const first = await digest()
    expect(await digest()).toBe(first)
    await append(['change', 'BEA'])
    await projectAll(hub)
    expect(await digest()).not.toBe(first)
  })

  it('compares at the position of what is served, where that is behind the log', async () => {
    await append(['person', 'ANA'])
    await projectAll(hub)
    const { checkpoint } = await right(hub.store.served(model))
    await append(['change', 'ANA'], ['person', 'BEA'])
    const rebuilt = await rebuildAll()
    expect(comparisonOf(rebuilt, 'people')).toMatchObject({ is: 'equal', position: checkpoint.position })
    expect((await right(hub.store.served(model))).checkpoint.position).toBe(await right(hub.feed.head()))
  })

  it('where nothing is served has nothing to be compared with', async () => {
    await append(['person', 'ANA'])
    const rebuilt = await rebuildAll()
    expect(rebuilt.every(({ comparison, served }) => comparison.is === 'nothing served' && served)).toBe(true)
    expect((await right(hub.store.get(model, 'ANA')))?.text).toContain('"ANA"')
  })

  it('is made of some models, too, and leaves the others', async () => {
    await append(['person', 'ANA'])
    await projectAll(hub)
    const before = await right(hub.store.served(versions))
    const wanted = projections.filter(({ shape }) => shape.name === 'people')
    expect((await rebuildAll({ wanted })).map(one => one.model)).toEqual(['people'])
    expect(await right(hub.store.served(versions))).toEqual(before)
  })

  it('that differs is not served, says where it differs first, and keeps no other model back', async () => {
    await append(['person', 'ANA'], ['person', 'BEA'], ['person', 'EVE'])
    await projectAll(hub)
    await damage('BEA', '{"id":"BEA","name":"Eve"}')
    const before = await right(hub.store.served(model))
    const rebuilt = await rebuildAll()
    expect(rebuilt.find(one => one.model === 'people')).toMatchObject({
      served: false,
      comparison: {
        is: 'different',
        difference: { key: 'BEA', is: 'different', parts: ['position', 'text'] },
      },
    })
    expect(rebuilt.filter(({ served }) => !served)).toHaveLength(1)
    expect((await right(hub.store.served(model))).number).toBe(before.number)
  })

  it('that differs is served with force', async () => {
    await append(['person', 'ANA'], ['person', 'BEA'])
    await projectAll(hub)
    await damage('ANA', '{"id":"ANA","name":"Eve"}')
    expect((await rebuildAll({ force: true })).find(one => one.model === 'people')).toMatchObject({
      served: true,
      comparison: { is: 'different' },
    })
    expect((await right(hub.store.get(model, 'ANA')))?.text).not.toContain('Eve')
  })

  it('finds a document that is missing, and one that should not be there', async () => {
    await append(['person', 'ANA'], ['person', 'BEA'])
    await projectAll(hub)
    const { checkpoint } = await right(hub.store.served(model))
    const begun = await right(hub.store.begin(model))
    const generation = { ...begun, checkpoint }
    const whole = await right(hub.store.load(await right(hub.store.served(model)), ['ANA']))
    await right(hub.store.commit([{ generation: begun, documents: whole }], checkpoint, 0))
    await right(hub.store.serve([generation], 'if as far'))
    const difference = async () => {
      const comparison = comparisonOf(await rebuildAll(), 'people')
      return comparison?.is === 'different' ? comparison.difference : comparison
    }
    expect(await difference()).toEqual({ key: 'BEA', is: 'unexpected', parts: [] })
    const [ana] = whole
    if (ana === undefined) throw new Error('ANA is gone')
    const more = [{ generation, documents: [{ ...ana, key: 'AAA' }] }]
    await right(hub.store.commit(more, checkpoint, 0))
    expect(await difference()).toEqual({ key: 'AAA', is: 'missing', parts: [] })
  })

  it('of a log that was put back from a backup is served without a comparison', async () => {
    await append(['person', 'ANA'])
    await projectAll(hub)
    const served = await right(hub.store.served(model))
    const checkpoint = { ...served.checkpoint, position: 99n, eventId: 'of another log' }
    await right(hub.store.commit([{ generation: served, documents: [] }], checkpoint, 0))
    const wanted = projections.filter(({ shape }) => shape.name === 'people')
    expect(await rebuildAll({ wanted })).toMatchObject([
      { comparison: { is: 'of another log' }, served: true },
    ])
    expect((await right(hub.store.served(model))).checkpoint.position).toBe(await right(hub.feed.head()))
  })
})

describe('a rebuild beside a hub that writes', () => {
  const ids = ['ANA', 'BEA', 'EVE']
  beforeEach(async () => {
    await append(...ids.map((id): ['person', string] => ['person', id]))
    await projectAll(hub)
  })

  const wanted = projections.filter(({ shape }) => shape.name === 'people')
  const writeMore = async () => {
    await append(['change', 'ANA'], ['change', 'EVE'], ['change', 'ANA'], ['person', 'ZOE'])
    await projectAll(hub)
  }

  it('compares what is changed while it is looked at by the event that changed it', async () => {
    const writer = during(writeMore)
    const [rebuilt] = await rebuildAll({ writer, wanted })
    expect(rebuilt).toMatchObject({ served: true, comparison: { is: 'equal', documents: 1, changed: 3 } })
    expect((await right(hub.store.checkpoint(model))).position).toBe(await right(hub.feed.head()))
  })

  it('looks at the log again where it was read before what has come since', async () => {
    let isBefore = false
    const writer = during(async () => {
      await writeMore()
      isBefore = true
    })
    const feed: EventFeed = {
      ...hub.feed,
      follow: async function* (after, options) {
        if (isBefore) isBefore = false
        else yield* hub.feed.follow(after, options)
      },
    }
    const [rebuilt] = await rebuildAll({ writer, wanted, feed })
    expect(rebuilt).toMatchObject({ served: true, comparison: { is: 'equal', documents: 1, changed: 3 } })
  })

  it('compares all models so, each at a position of its own', async () => {
    let n = 0
    const writer = during(async () => {
      n += 1
      await append(['change', 'ANA'], ['page', `p${n}`])
      await projectAll(hub)
    })
    const rebuilt = await rebuildAll({ writer })
    expect(rebuilt.map(({ comparison }) => comparison.is)).toEqual(projections.map(() => 'equal'))
    expect(rebuilt.every(({ served }) => served)).toBe(true)
  })

  it.each(['ANA', 'ZOE'])('finds a difference in %s, which is changed meanwhile', async id => {
    const busy = during(writeMore)
    const writer: ReadModelWriter = {
      ...busy,
      documentsAfter: async (generation, key, most) => {
        const served = await right(hub.store.served(model))
        const documents = await right(busy.documentsAfter(generation, key, most))
        const isServed = generation.number === served.number
        return E.right(
          documents.map(one => (isServed && one.key === id ? { ...one, text: '{"name":"Eve"}' } : one)),
        )
      },
    }
    const [rebuilt] = await rebuildAll({ writer, wanted })
    expect(rebuilt).toMatchObject({ served: false, comparison: { is: 'different', difference: { key: id } } })
  })

  it('finds a document that no event of the log has made', async () => {
    const writer = during(async () => {
      const served = await right(hub.store.served(model))
      const [ana] = await right(hub.store.load(served, ['ANA']))
      if (ana === undefined) throw new Error('ANA is gone')
      const documents = [{ ...ana, position: 1_000n }]
      await right(hub.store.commit([{ generation: served, documents }], served.checkpoint, 0))
    })
    const [rebuilt] = await rebuildAll({ writer, wanted })
    expect(rebuilt).toMatchObject({
      served: false,
      comparison: { is: 'different', difference: { key: 'ANA', parts: ['position'] } },
    })
  })

  it('ends with a word about it where another rebuild is served meanwhile', async () => {
    const writer = during(async () => {
      const begun = await right(hub.store.begin(model))
      await right(hub.store.serve([{ ...begun, checkpoint: startOfLog }], 'whatever was served'))
    })
    await expect(rebuildAll({ writer, wanted })).rejects.toEqual({ _tag: 'Superseded' })
  })
})
