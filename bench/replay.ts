/**
 * `node bench/replay.ts [EVENTS [ROUNDS]]`: replays a log to a file, against a bare scan that parses the same rows; says how fast, and
 * how much memory it takes on the way.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import * as E from '#fp/Either'
import { openProduct, produce } from '../cli/replay/produce.ts'
import { type ReplayOptions, replayRequestOf } from '../cli/replay/request.ts'
import { storeHistory } from '../cli/replay/store.ts'
import { openLog } from '../stores/codec.ts'
import { sqliteLog } from '../stores/sqlite/event-log.ts'
import { openKeysBeside } from './keys.ts'
import { alternate, type Cost } from './measure.ts'
import { bareScan, costOf } from './rebuild-round.ts'
import { seedLog } from './seed.ts'

const [events = 1_000_000, rounds = 5] = process.argv.slice(2).map(Number)
const folder = mkdtempSync(join(tmpdir(), 'thalamus-replay-'))
const log = join(folder, 'events.db')
const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`

/** The whole log to a fresh file; `look` is called now and then. */
const replayToFile = (options: ReplayOptions, look: () => void = () => {}): Promise<Cost> =>
  costOf(async () => {
    const out = join(folder, 'history')
    for (const suffix of ['', '.replay']) rmSync(`${out}${suffix}`, { force: true })
    const stored = sqliteLog(log)
    const { keys, close } = await openKeysBeside(log)
    const ports = await openLog(stored, keys)
    const request = replayRequestOf({ ...options, out }, {})
    if (E.isLeft(ports) || E.isLeft(request)) throw new Error('the log cannot be replayed')
    const head = await ports.right.feed.head()
    if (E.isLeft(head)) throw new Error(head.left._tag)
    const stdout = new Writable({ write: (_chunk, _encoding, done) => done() })
    const product = await openProduct(request.right, undefined, stdout)
    if (E.isLeft(product)) throw new Error(product.left)
    const history = storeHistory(ports.right, head.right, request.right.filter)
    const terminal = {
      isTerminal: true,
      write: () => {
        look()
        return true
      },
      now: () => performance.now(),
    }
    const { signal } = new AbortController()
    await produce(history, undefined, product.right, [0n, head.right], {
      stdout,
      terminal,
      signal,
      complain: sentence => process.stderr.write(`${sentence}\n`),
      words: [],
    })
    await stored.close()
    await close()
    return Number(head.right)
  })

try {
  await seedLog(log, Math.ceil(events / 6), 5, events)
  process.stdout.write(`${events} events, ${mebibytes(statSync(log).size)}\n`)
  for (const format of ['ndjson', 'csv']) {
    const resident: number[] = []
    await replayToFile({ format }, () => resident.push(process.memoryUsage.rss()))
    const half = Math.floor(resident.length / 2)
    const [first, second] = [Math.max(...resident.slice(0, half)), Math.max(...resident.slice(half))]
    const { wall, cpu, bare, ours } = await alternate(
      rounds,
      false,
      () => bareScan(log),
      () => replayToFile({ format }),
    )
    process.stdout.write(
      `${format}: ${Math.round(ours)} events/s, the bare scan ${Math.round(bare)}; ratio ${wall.median.toFixed(2)} by the clock, ${cpu.median.toFixed(2)} of CPU time; resident at most ${mebibytes(first)} in the first half, ${mebibytes(second)} in the second\n`,
    )
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
