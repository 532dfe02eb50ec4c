import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { personIsThere, readable } from '../../../api/http/reading.ts'
import { makeHealth } from '../../../api/open/health.ts'
import { readItem } from '../../../commands/items.ts'
import { pages } from '../../../domain/pages.ts'
import { people } from '../../../domain/people.ts'
import { modelOf } from '../../../projections/items.ts'
import { makeProgress } from '../../../projections/progress.ts'
import { startTestHub, type TestHub } from '../../support/hub.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
})
afterAll(() => hub.close())

/** A process whose models have come so far; the log held five events when it started. */
const processAt = (positions: Readonly<Record<string, bigint>>) => {
  const { auth, reads, standing, ports } = hub.core
  const progress = makeProgress(Object.keys(positions))
  for (const [model, position] of Object.entries(positions)) progress.moved(model, position)
  const projector = { stopped: () => undefined }
  const health = makeHealth({ feed: ports.feed, reads, auth, progress, standing, projector, headAtStart: 5n })
  const { positionOf, head: logHead } = ports.feed
  return { progress, health, positionOf, logHead, readModels: reads, readItem: readItem(ports.log) }
}
const read = { request: { headers: {} } }

describe('a read', () => {
  it('is answered while another model is being built from the log', async () => {
    const dependencies = processAt({ people: 5n, pols: 0n })
    expect(await readable(dependencies, read, modelOf(people))).toMatchObject({ _tag: 'Right' })
    const page = await readable(dependencies, read, modelOf(pages))
    expect(page).toMatchObject({ _tag: 'Left', left: { _tag: 'StartingUp' } })
    const { health } = dependencies
    expect(await health.check()).toMatchObject({
      right: { ready: false, problems: ['the read models are being built'] },
    })
  })

  it('waits for the people where it is of a book', async () => {
    const dependencies = processAt({ people: 4n, pols: 5n })
    expect(await readable(dependencies, read, modelOf(pages))).toMatchObject({ _tag: 'Right' })
    const person = await personIsThere(dependencies, 'ESPGNU777ORG')
    expect(person).toMatchObject({ _tag: 'Left', left: { _tag: 'StartingUp' } })
  })
})
