/** `npm run bench:relay`: what messages between nodes and webhooks cost. With an option it is tried only: no results are kept. */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Caller, type Exchanged, exchange, repeatGet } from './exchange.ts'
import { type MeasuredServer, startServer } from './load.ts'
import { alternate, type Comparison, type Latency, type Ratio } from './measure.ts'
import { mebibytes } from './memory.ts'
import { writeResults } from './results.ts'
import { accountOf, seedLog } from './seed.ts'
import { seedMessages } from './seed-messages.ts'
import { startSink } from './sink.ts'
import { type CreatedStore, createStore, untilReady } from './stores.ts'
import { tokenOf } from './tokens.ts'
import { bodiesOf, makeRounds } from './webhooks.ts'

const { values } = parseArgs({
  options: {
    waiting: { type: 'string' },
    pages: { type: 'string' },
    writes: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
  },
})
const isTried = Object.keys(values).length > 0
const waiting = Number(values.waiting ?? 1_000_000)
const pages = Number(values.pages ?? 10_000)
const writes = Number(values.writes ?? 300)
const rounds = Number(values.rounds ?? 5)
const seconds = Number(values.seconds ?? 3)

const pairs = 16
const people = 1_000
const away = 'away'
const namesOf = (role: string) => Array.from({ length: pairs }, (_, n) => `${role}-${n}`)
const scopes = ['messages:send', 'messages:read', 'people:read', 'pols:read', 'subscriptions:write']

const folder = mkdtempSync(join(tmpdir(), 'thalamus-bench-relay-'))
const say = (text: string): void => {
  process.stderr.write(`${text}\n`)
}

interface Row {
  readonly name: string
  readonly measured: string
  readonly aim: string
}

const rows: Row[] = []
const add = (row: Row): void => {
  rows.push(row)
  say(`${row.name}: ${row.measured}`)
}

const range = ({ median, least, most }: Ratio): string =>
  `${median.toFixed(2)} (${least.toFixed(2)}–${most.toFixed(2)})`
const asRatio = ({ wall, cpu, bare, ours }: Comparison): string =>
  `wall ${range(wall)}, CPU ${range(cpu)}; ${Math.round(bare)} and ${Math.round(ours)} /s`
const latency = ({ median, p99 }: Latency): string => `p50 ${median.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`

const makeStore = (name: string, fillLog: (log: string) => Promise<unknown>): Promise<CreatedStore> =>
  createStore(join(folder, name), scopes, fillLog, [...namesOf('sender'), ...namesOf('recipient'), away])

const withHub = async <A>(store: CreatedStore, work: (hub: MeasuredServer) => Promise<A>): Promise<A> => {
  const hub = await startServer('hub', store.path)
  try {
    await untilReady(hub)
    return await work(hub)
  } finally {
    await hub.stop()
  }
}

const callersOf = (hub: MeasuredServer, store: CreatedStore, role: string): Promise<readonly Caller[]> =>
  Promise.all(
    namesOf(role).map(async id => ({ id, token: await tokenOf(hub, id, store.clientSecrets.get(id) ?? '') })),
  )

const measureMessages = (store: CreatedStore): Promise<void> =>
  withHub(store, async hub => {
    const [senders, recipients] = [
      await callersOf(hub, store, 'sender'),
      await callersOf(hub, store, 'recipient'),
    ]
    const turns: Exchanged[] = []
    const comparison = await alternate(
      rounds,
      false,
      () => repeatGet(hub, [...senders, ...recipients], `/people/${accountOf(0)}`, seconds),
      async () => {
        const turn = await exchange(hub, senders, recipients, seconds)
        turns.push(turn)
        return turn
      },
    )
    const sumOf = (value: (turn: Exchanged) => number) => turns.reduce((sum, turn) => sum + value(turn), 0)
    const messages = sumOf(turn => turn.messages)
    const perSecond = (messages / sumOf(turn => turn.milliseconds)) * 1000
    add({
      name: `(a) messages of ${pairs} senders to ${pairs} recipients, acknowledged: their requests, against as many \`GET /people/{id}\``,
      measured: `${Math.round(perSecond)} messages /s of ${(sumOf(turn => turn.operations) / messages).toFixed(2)} requests each; ${asRatio(comparison)}`,
      aim: '',
    })
  })

const measureWebhooks = (store: CreatedStore): Promise<void> =>
  withHub(store, async hub => {
    const sink = await startSink()
    const token = await tokenOf(hub, 'sender-0', store.clientSecrets.get('sender-0') ?? '')
    const { deliver, post, measureLatency, close } = makeRounds(hub, sink, token)
    const { answered, sent } = await measureLatency(writes)
    add({
      name: `(c) from the answer to a write to its webhook's arrival, ${writes} writes one after the other`,
      measured: `${latency(answered)}; from its sending ${latency(sent)}`,
      aim: '',
    })
    const bodies = await bodiesOf(hub)
    add({
      name: '(b) webhooks of one subscription, against posts of the same bodies by the same client',
      measured: asRatio(
        await alternate(
          rounds,
          false,
          () => post(bodies),
          () => deliver(bodies.length),
        ),
      ),
      aim: '≥ 0.5',
    })
    await close()
    sink.stop()
  })

const sizesOf = ({ path }: CreatedStore): string =>
  ['events.db', 'relay.db', 'read.db']
    .map(file => `${file} ${mebibytes(statSync(join(path, file)).size)}`)
    .join(', ')

const measureWaiting = async (empty: CreatedStore): Promise<void> => {
  say(`writing ${waiting} messages that wait`)
  const start = performance.now()
  let written = 0
  const full = await makeStore('full', async log => {
    await seedLog(log, people, 0)
    await seedMessages({ log, relay: join(folder, 'full', 'relay.db') }, away, waiting)
    written = performance.now()
  })
  const [writing, building] = [written - start, performance.now() - written].map(time =>
    (time / 1000).toFixed(0),
  )
  const sizes = sizesOf(full)
  await withHub(empty, before =>
    withHub(full, async after => {
      const roundOf = async (hub: MeasuredServer, store: CreatedStore) => {
        const [senders, recipients] = [
          await callersOf(hub, store, 'sender'),
          await callersOf(hub, store, 'recipient'),
        ]
        return async () => {
          const { messages, ...cost } = await exchange(hub, senders, recipients, seconds)
          return { ...cost, operations: messages }
        }
      }
      add({
        name: `(d) the same messages, while ${waiting} wait for a node that is away, against none`,
        measured: `${asRatio(await alternate(rounds, false, await roundOf(before, empty), await roundOf(after, full)))}. Written in ${writing} s, read models built in ${building} s: ${sizes}`,
        aim: '≥ 0.9',
      })
    }),
  )
}

const table = (): string =>
  [
    '| what | measured | aim |',
    '| --- | --- | --- |',
    ...rows.map(({ name, measured, aim }) => `| ${name} | ${measured} | ${aim} |`),
  ].join('\n')

try {
  const [loadBefore] = loadavg()
  say(`writing ${people} people and ${pages} pages`)
  const store = await makeStore('small', log =>
    seedLog(log, people, Math.ceil(pages / people), people + pages),
  )
  await measureWebhooks(store)
  await measureMessages(store)
  await measureWaiting(store)
  const { model } = cpus()[0] ?? { model: 'unknown' }
  const text = `${cpus().length} × ${model}, Node ${process.version}; the load was ${loadBefore?.toFixed(1)} before. Median and range of ${rounds} rounds, each beside one of
what it is compared with: of ${seconds} s (a, d), or of ${pages} pages (b). The two rates are of what is compared with, and of ours; CPU
time is the hub's, in (b) that of who posts.

${table()}
`
  if (!isTried) writeResults('bench:relay', text)
  process.stdout.write(text)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
