/** `npm run bench:overload`: what the hub answers at ten times what it can do, against its best, and how it lives meanwhile. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import autocannon from 'autocannon'
import { z } from 'zod'
import { type MeasuredServer, startServer } from './load.ts'
import { writeResults } from './results.ts'
import { accountOf, pageOf, seedLog } from './seed.ts'
import { createStore, rootHeaders, untilReady } from './stores.ts'

const people = 1_000
const pagesEach = 5
const rounds = Number(process.env.ROUNDS ?? 5)
const seconds = 4
const times = 10
/** Among these is the load at which it answers most. */
const usualConnections = [16, 64]

interface Work {
  readonly name: string
  readonly method: 'GET' | 'POST'
  readonly expected: '2xx'
  readonly next: () => { readonly path: string; readonly body?: string }
}

let n = 0
const works: readonly Work[] = [
  {
    name: '`GET /people/{id}`',
    method: 'GET',
    expected: '2xx',
    next: () => ({ path: `/people/${accountOf(n++ % people)}` }),
  },
  {
    name: '`GET /people?limit=100`',
    method: 'GET',
    expected: '2xx',
    next: () => ({ path: '/people?limit=100' }),
  },
  {
    name: '`POST /pols/…`',
    method: 'POST',
    expected: '2xx',
    next: () => {
      const [account, id] = [accountOf(n++ % people), randomUUID()]
      return { path: `/pols/${account}/${id}`, body: JSON.stringify(pageOf(account, id, n)) }
    },
  },
]

interface Measured {
  /** Answered as they should be, a second. */
  readonly rate: number
  readonly refused: number
  readonly p99: number
  /** Of `/livez`, in milliseconds. */
  readonly livez: number
  /** Answered a second of the hub's CPU time. */
  readonly perCpu: number
  /** What 99 of 100 wait at most until the event loop turns, in milliseconds of CPU time. */
  readonly turn: number
}

const quantile = (values: readonly number[], q: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] ?? 0

/** Whoever comes at some time meets a long turn more likely than a short one. */
const weightedQuantile = (values: readonly number[], q: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const most = sorted.reduce((sum, value) => sum + value, 0) * q
  let sum = 0
  for (const value of sorted) {
    sum += value
    if (sum >= most) return value
  }
  return 0
}

const measure = async (
  hub: MeasuredServer,
  { method, next }: Work,
  connections: number,
): Promise<Measured> => {
  const { url } = hub
  const before = await hub.used()
  const probe = new Worker(new URL('./probe.ts', import.meta.url), { workerData: { url } })
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    timeout: 30,
    requests: [{ method, headers: rootHeaders, setupRequest: request => ({ ...request, ...next() }) }],
  })
  const after = await hub.used()
  probe.postMessage('end')
  const took = z.array(z.number()).parse((await once(probe, 'message'))[0])
  return {
    rate: result['2xx'] / result.duration,
    refused: result.non2xx + result.errors,
    p99: result.latency.p99,
    livez: quantile(took, 0.99),
    perCpu: (result['2xx'] / (after.cpuMilliseconds - before.cpuMilliseconds)) * 1_000,
    turn: weightedQuantile(after.turns, 0.99),
  }
}

const folder = mkdtempSync(join(tmpdir(), 'thalamus-overload-'))
const lines: string[] = []
const say = (text: string): void => {
  process.stderr.write(`${text}\n`)
}
const range = (values: readonly number[], digits: number): string =>
  `${quantile(values, 0.5).toFixed(digits)} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`

try {
  const store = await createStore(join(folder, 'store'), ['people:read'], log =>
    seedLog(log, people, pagesEach),
  )
  for (const work of works) {
    const copy = join(folder, 'copy')
    cpSync(store.path, copy, { recursive: true })
    const hub = await startServer('hub', copy)
    await untilReady(hub)
    await measure(hub, work, 16)
    const ratios: number[] = []
    const cpuRatios: number[] = []
    const [bests, floods]: [Measured[], Measured[]] = [[], []]
    let most = usualConnections[0] ?? 16
    for (let i = 0; i < rounds; i += 1) {
      let best: Measured | undefined
      for (const connections of usualConnections) {
        const measured = await measure(hub, work, connections)
        if (best === undefined || measured.rate > best.rate) {
          best = measured
          most = connections
        }
      }
      if (best === undefined) break
      const flood = await measure(hub, work, times * most)
      bests.push(best)
      floods.push(flood)
      ratios.push(flood.rate / best.rate)
      cpuRatios.push(flood.perCpu / best.perCpu)
      say(
        `${work.name} ${most}: ${best.rate.toFixed(0)}/s, p99 ${best.p99}, livez ${best.livez.toFixed(0)}, cpu ${best.perCpu.toFixed(0)} turn ${best.turn.toFixed(0)}; ×${times}: ${flood.rate.toFixed(0)}/s, ${flood.refused} refused, p99 ${flood.p99}, livez ${flood.livez.toFixed(0)}, cpu ${flood.perCpu.toFixed(0)} turn ${flood.turn.toFixed(0)}`,
      )
    }
    const median = (of: readonly Measured[], value: (one: Measured) => number): string =>
      quantile(of.map(value), 0.5).toFixed(0)
    const cells = [
      work.name,
      `${median(bests, one => one.rate)} and ${median(floods, one => one.rate)}`,
      range(ratios, 2),
      range(cpuRatios, 2),
      `${median(bests, one => one.turn)} and ${range(
        floods.map(one => one.turn),
        0,
      )} ms`,
      `${median(bests, one => one.livez)} and ${range(
        floods.map(one => one.livez),
        0,
      )} ms`,
      String(floods.reduce((sum, one) => sum + one.refused, 0)),
    ]
    lines.push(`| ${cells.join(' | ')} |`)
    await hub.stop()
    rmSync(copy, { recursive: true })
  }
  const { model } = cpus()[0] ?? { model: 'unknown' }
  const text = `${cpus().length} × ${model}, Node ${process.version}, ${rounds} rounds of ${seconds} s.
Best is the better of ${usualConnections.join(' and ')} connections that ask again as soon as they are answered; then ${times} times as many.
The ratio is of answers a second: by the clock, and of the hub's CPU time, which does not count what else the machine does. A turn is what 99 of 100
requests wait at most for the event loop, in CPU time; \`/livez\` is asked from a thread of its own, by the clock.
What bounds it is one core. Writes also wait for the disk on the event loop (the embedded engine syncs there), \`/livez\` with them.

| what | best and ${times} × /s | ratio by the clock | ratio by CPU time | turn, p99 | \`/livez\`, p99 | refused |
| --- | --- | --- | --- | --- | --- | --- |
${lines.join('\n')}
`
  if (process.env.DRY === undefined) writeResults('bench:overload', text)
  process.stdout.write(text)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
