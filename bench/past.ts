/** `npm run bench:past`: what the feed, the history and reads as of a time cost. */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { projections } from '../projections/read-models.ts'
import { versionsProjection } from '../projections/versions.ts'
import { drain, drainRound } from './drain.ts'
import { load, type MeasuredServer, startServer } from './load.ts'
import { alternate, type Comparison, type Cost, type Latency, type Ratio } from './measure.ts'
import { mebibytes, type Resident, residentDuring } from './memory.ts'
import { bareScan, fullRebuild } from './rebuild-round.ts'
import { writeResults } from './results.ts'
import { type Past, type SeededPast, seedPast } from './seed.ts'
import { createStore, rootHeaders, untilReady } from './stores.ts'
import { measureWakeUps } from './wake-up.ts'

const rounds = 9
const longRounds = 5
const roundSeconds = 1
const warmSeconds = 3
const connections = 16
const slowBytesPerSecond = 4 * 2 ** 20
const slowSeconds = 60
const streamedEvents = 1_000_000

const folder = mkdtempSync(join(tmpdir(), 'thalamus-bench-past-'))
const say = (text: string): void => {
  process.stderr.write(`${text}\n`)
}

interface Row {
  readonly name: string
  readonly store: string
  readonly measured: string
  readonly aim: string
}

const rows: Row[] = []
const add = (row: Row): void => {
  rows.push(row)
  say(`${row.name}, ${row.store}: ${row.measured}`)
}

interface Store extends SeededPast {
  readonly path: string
  readonly log: string
}

const makeStore = async (name: string, past: Past): Promise<Store> => {
  const path = join(folder, name)
  const log = join(path, 'events.db')
  let seeded: SeededPast | undefined
  say(`writing ${past.people} people with ${past.revisionsEach} revisions and ${past.pagesEach} pages each`)
  await createStore(path, [], async file => {
    seeded = await seedPast(file, past)
  })
  if (seeded === undefined) throw new Error('the log was not filled')
  return { ...seeded, path, log }
}

const withHub = async (store: Store, work: (hub: MeasuredServer) => Promise<void>): Promise<void> => {
  const hub = await startServer('hub', store.path)
  try {
    await untilReady(hub)
    await work(hub)
  } finally {
    await hub.stop()
  }
}

const range = ({ median, least, most }: Ratio): string =>
  `${median.toFixed(2)} (${least.toFixed(2)}–${most.toFixed(2)})`
const rates = ({ bare, ours }: Comparison): string => `${Math.round(bare)} and ${Math.round(ours)} /s`
const inverse = ({ median, least, most }: Ratio): Ratio => ({
  median: 1 / median,
  least: 1 / most,
  most: 1 / least,
})

const asRatio = (comparison: Comparison): string =>
  `CPU ${range(comparison.cpu)}, wall ${range(comparison.wall)}; ${rates(comparison)}`
const asMultiple = (comparison: Comparison): string =>
  `CPU ${range(inverse(comparison.cpu))} ×, wall ${range(inverse(comparison.wall))} ×; ${rates(comparison)}`

const measureFeed = (store: Store): Promise<void> =>
  withHub(store, async hub =>
    add({
      name: '(a) `GET /feed` as NDJSON, against a scan that reads and parses the same rows',
      store: `${store.events} events`,
      measured: asRatio(
        await alternate(
          longRounds,
          false,
          () => bareScan(store.log),
          () => drainRound(hub),
        ),
      ),
      aim: '≥ 0.4',
    }),
  )

const latency = ({ median, p99 }: Latency): string => `p50 ${median.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`

const measurePolls = (store: Store): Promise<void> =>
  withHub(store, async hub => {
    for (const [readers, writes] of [
      [1, 300],
      [100, 30],
    ] as const) {
      const { polls, answers } = await measureWakeUps(hub, readers, writes)
      add({
        name: `(b) long poll: from sending a write to the answer, ${readers} waiting`,
        store: `${writes} writes`,
        measured: `${latency(polls)}; the write’s own answer ${latency(answers)}`,
        aim: 'p99 < 50 ms',
      })
    }
  })

/** The requests for two paths in turns: how many times as much the second costs as the first. */
const comparePaths = async (hub: MeasuredServer, first: string, second: string): Promise<Comparison> => {
  const run = (path: string, seconds: number): Promise<Cost> =>
    load(hub, {
      connections,
      seconds,
      headers: rootHeaders,
      method: 'GET',
      expected: 200,
      next: () => ({ path }),
    })
  await run(first, warmSeconds)
  await run(second, warmSeconds)
  return alternate(
    rounds,
    false,
    () => run(first, roundSeconds),
    () => run(second, roundSeconds),
  )
}

const histories = [10, 100, 10_000] as const

const measureHistories = (store: Store): Promise<void> =>
  withHub(store, async hub => {
    const [ten = '', hundred = '', many = ''] = store.accounts
    for (const [limit, account, revisions] of [
      [10, ten, histories[0]],
      [100, hundred, histories[1]],
    ] as const) {
      const pathOf = (id: string) => `/people/${id}/history?limit=${limit}`
      add({
        name: `(c) \`…/history?limit=${limit}\` of ${histories[2]} revisions, against ${revisions}`,
        store: `${store.events} events`,
        measured: asMultiple(await comparePaths(hub, pathOf(account), pathOf(many))),
        aim: '≤ 1.5 ×',
      })
    }
  })

const measureLists = (store: Store, { people, revisionsEach }: Past): Promise<void> =>
  withHub(store, async hub => {
    for (const query of ['limit=100', 'limit=100&lastname=Betz%2017']) {
      const path = `/people?${query}`
      add({
        name: `(d) \`${decodeURIComponent(path)}&asOf=…\`, a middle time, against now`,
        store: `${people} people, ${revisionsEach} revisions each`,
        measured: asMultiple(await comparePaths(hub, path, `${path}&asOf=${store.middle}`)),
        aim: '≤ 3 ×',
      })
    }
  })

const asMemory = ({ before, atFirst, later }: Resident): string =>
  `${mebibytes(before)} before, at most ${mebibytes(atFirst)} in the first tenth of the time, ${mebibytes(later)} after it`

const measureMemory = async (store: Store): Promise<void> => {
  const readers: readonly (readonly [string, Parameters<typeof drain>[1] & object])[] = [
    ['at full speed, over and over', {}],
    [
      `${mebibytes(slowBytesPerSecond)} a second, for ${slowSeconds} s`,
      { bytesPerSecond: slowBytesPerSecond, seconds: slowSeconds },
    ],
  ]
  for (const [speed, pace] of readers)
    await withHub(store, async hub => {
      let events = 0
      const work = async () => {
        const start = performance.now()
        while (
          events < streamedEvents &&
          performance.now() - start < 1000 * (pace.seconds ?? Number.POSITIVE_INFINITY)
        )
          events += (await drain(hub, pace)).events
      }
      const resident = await residentDuring(hub.pid, work())
      add({
        name: `(e) memory of the hub while \`GET /feed\` is read as NDJSON, ${speed}`,
        store: `${events} events, of ${store.events}`,
        measured: asMemory(resident),
        aim: 'flat within 64 MiB',
      })
    })
}

const withoutVersions = projections.filter(projection => projection !== versionsProjection)

const measureVersions = async (store: Store): Promise<void> => {
  const file = join(folder, 'rebuilt.db')
  const build = async (all: typeof projections): Promise<Cost> => {
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true })
    return fullRebuild(store.log, file, all)
  }
  const comparison = await alternate(
    longRounds,
    false,
    () => build(withoutVersions),
    () => build(projections),
  )
  const withBytes = statSync(file).size
  await build(withoutVersions)
  const withoutBytes = statSync(file).size
  const events = `${store.events} events`
  add({
    name: '(f) rebuild of all read models, against all but `versions`',
    store: events,
    measured: asMultiple(comparison),
    aim: '',
  })
  add({
    name: '(f) the read models on disk, against all but `versions`',
    store: events,
    measured: `${(withBytes / withoutBytes).toFixed(1)} ×; ${mebibytes(withoutBytes)} and ${mebibytes(withBytes)}, events.db ${mebibytes(statSync(store.log).size)}`,
    aim: '',
  })
}

const table = (): string =>
  [
    '| what | store | measured | aim |',
    '| --- | --- | --- | --- |',
    ...rows.map(({ name, store, measured, aim }) => `| ${name} | ${store} | ${measured} | ${aim} |`),
  ].join('\n')

const small: Past = { people: 20_000, revisionsEach: 3, pagesEach: 2, longHistories: [] }
const large: Past = { people: 100_000, revisionsEach: 3, pagesEach: 0, longHistories: histories }

try {
  const smallStore = await makeStore('small', small)
  await measurePolls(smallStore)
  await measureFeed(smallStore)
  await measureVersions(smallStore)
  const largeStore = await makeStore('large', large)
  await measureHistories(largeStore)
  await measureLists(largeStore, large)
  await measureMemory(largeStore)

  const { model } = cpus()[0] ?? { model: 'unknown' }
  const text = `${cpus().length} × ${model}, Node ${process.version}. Median and range of ${rounds} rounds of ${roundSeconds} s, each beside one of what it is compared with
(c, d: ${connections} connections), or of ${longRounds} rounds of the whole log (a, f). The two rates are of what is compared with, and of ours. A ratio
is ours against a bare scan (a); a multiple is the time that ours takes (c, d, f).

${table()}
`
  writeResults('bench:past', text)
  process.stdout.write(text)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
