import { expect, it } from 'vitest'
import * as E from '#fp/Either'
import type { RecordedEvent } from '../../domain/event.ts'
import { lagsOf } from '../../metrics/read-model-lag.ts'
import type { FeedBatch } from '../../projections/event-feed.ts'

const start = Date.parse('2026-01-01T00:00:00Z')

/** Recorded as many seconds after the start as its number says. */
const eventAt = (position: bigint, second: number): RecordedEvent => ({
  id: `e${position}`,
  stream: 'person-ESPGNU777ORG',
  revision: 0,
  position,
  event: { type: 'PersonChanged', data: {} },
  metadata: {
    commandId: 'c',
    actor: { kind: 'operator', id: 'o' },
    requestId: 'r',
    schemaVersion: 1,
    recordedAt: new Date(start + second * 1_000).toISOString(),
  },
})

/** A log whose events lie so far apart, and that gives so many at once. */
const logOf = (events: number, apart: bigint, most = 500) => {
  const all = Array.from({ length: events }, (_, i) => eventAt(BigInt(i + 1) * apart, i + 1))
  return {
    head: async () => E.right(BigInt(events) * apart),
    follow: async function* (after: bigint): AsyncGenerator<FeedBatch> {
      const rest = all.filter(({ position }) => position > after)
      const given = rest.slice(0, most)
      yield {
        events: given,
        next: given.at(-1)?.position ?? after,
        caughtUp: given.length === rest.length,
      }
    },
  }
}

const now = start + 100_000

it('a model at the head lacks nothing', async () => {
  expect(await lagsOf(logOf(10, 1n), [{ name: 'people', position: 10n }], now)).toEqual([
    { model: 'people', events: 0, seconds: 0 },
  ])
})

it('a model behind it lacks events since the first of them was recorded, whatever the others lack', async () => {
  const models = [
    { name: 'people', position: 8n },
    { name: 'pols', position: 3n },
    { name: 'nodes', position: 10n },
  ]
  expect(await lagsOf(logOf(10, 1n), models, now)).toEqual([
    { model: 'people', events: 2, seconds: 91 },
    { model: 'pols', events: 7, seconds: 96 },
    { model: 'nodes', events: 0, seconds: 0 },
  ])
})

it('positions need not count events', async () => {
  const [lag] = await lagsOf(logOf(10, 700n), [{ name: 'people', position: 2_100n }], now)
  expect(lag).toEqual({ model: 'people', events: 7, seconds: 96 })
})

it('a long way is estimated by how far apart the next events lie', async () => {
  const [lag] = await lagsOf(logOf(10_000, 700n, 100), [{ name: 'people', position: 0n }], now)
  expect(lag?.events).toBe(10_000)
})

it('of a log that does not answer nothing is known', async () => {
  const away = { ...logOf(1, 1n), head: async () => E.left({ _tag: 'LogUnavailable' as const, cause: '' }) }
  expect(await lagsOf(away, [{ name: 'people', position: 0n }], now)).toEqual([])
})
