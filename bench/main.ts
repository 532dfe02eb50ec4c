/** `npm run bench`: what the hub costs against what bounds it, on this machine, in one run. */
import { randomUUID } from 'node:crypto'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Load, load, type MeasuredServer, type Requests, startServer } from './load.ts'
import { alternate, type Comparison, type Cost, type Ratio } from './measure.ts'
import { bareScan, fullRebuild } from './rebuild-round.ts'
import { writeResults } from './results.ts'
import { accountOf, pageOf, seedLog } from './seed.ts'
import { basic, type CreatedStore, createStore, rootHeaders, untilReady } from './stores.ts'
import { tokenForm, tokenOf } from './tokens.ts'

const rounds = 9
const roundSeconds = 1
const warmSeconds = 4
const pagesEach = 5
const small = 1_000
const large = 100_000

const folder = mkdtempSync(join(tmpdir(), 'thalamus-bench-'))
type Store = CreatedStore & { readonly people: number }

const say = (text: string): void => {
  process.stderr.write(`${text}\n`)
}

const headers = rootHeaders

/** A DATA_DIR with so many people, and five pages each. */
const makeStore = async (people: number): Promise<Store> => {
  say(`writing ${people} people with ${pagesEach} pages each`)
  const store = await createStore(join(folder, String(people)), ['people:read'], log =>
    seedLog(log, people, pagesEach),
  )
  return { ...store, people }
}

/** Runs `work` with a hub on a copy of the store, and with a bare Express. */
const withServers = async <A>(
  store: Store,
  work: (hub: MeasuredServer, bare: MeasuredServer) => Promise<A>,
): Promise<A> => {
  const copy = join(folder, 'copy')
  cpSync(store.path, copy, { recursive: true })
  const hub = await startServer('hub', copy)
  const bare = await startServer('bare')
  try {
    await untilReady(hub)
    return await work(hub, bare)
  } finally {
    await hub.stop()
    await bare.stop()
    rmSync(copy, { recursive: true })
  }
}

interface Row {
  readonly name: string
  readonly store: string
  readonly comparison: Comparison
  readonly note: string
}

const rows: Row[] = []
const add = (row: Row): void => {
  rows.push(row)
  say(`${row.name}, ${row.store}: CPU ratio ${row.comparison.cpu.median.toFixed(2)} ${row.note}`)
}

type Headers = Readonly<Record<string, string>>

const reads = (people: number, authorization: Headers): Omit<Requests, 'seconds'> => {
  let n = 0
  return {
    connections: 16,
    headers: authorization,
    method: 'GET',
    expected: 200,
    next: () => ({ path: `/people/${accountOf(n++ % people)}` }),
  }
}

const measureReads = (store: Store): Promise<void> =>
  withServers(store, async (hub, bare) => {
    const requests = reads(store.people, headers)
    const run = (server: MeasuredServer, seconds: number, pace?: number) =>
      load(server, { ...requests, seconds }, pace)
    await run(bare, warmSeconds)
    await run(hub, warmSeconds)
    add({
      name: '(a) `GET /people/{id}`, 16 connections',
      store: `${store.people} people`,
      comparison: await alternate(
        rounds,
        true,
        pace => run(bare, roundSeconds, pace),
        pace => run(hub, roundSeconds, pace),
      ),
      note: '',
    })
  })

/** Reads with an access token, against bare and against Basic; and what a token costs, against its bare signature. */
const measureTokens = (store: Store): Promise<void> =>
  withServers(store, async (hub, bare) => {
    const bearer = reads(store.people, {
      Authorization: `Bearer ${await tokenOf(hub, 'bench', store.clientSecret)}`,
    })
    const byPassword = reads(store.people, headers)
    const run = (
      server: MeasuredServer,
      requests: Omit<Requests, 'seconds'>,
      seconds: number,
      pace?: number,
    ) => load(server, { ...requests, seconds }, pace)
    await run(bare, bearer, warmSeconds)
    await run(hub, bearer, warmSeconds)
    await run(hub, byPassword, warmSeconds)
    add({
      name: '(d) `GET /people/{id}` with Bearer, 16 connections',
      store: `${store.people} people`,
      comparison: await alternate(
        rounds,
        true,
        pace => run(bare, bearer, roundSeconds, pace),
        pace => run(hub, bearer, roundSeconds, pace),
      ),
      note: '',
    })
    add({
      name: '(d) the same, against Basic on the hub itself',
      store: `${store.people} people`,
      comparison: await alternate(
        rounds,
        true,
        pace => run(hub, byPassword, roundSeconds, pace),
        pace => run(hub, bearer, roundSeconds, pace),
      ),
      note: '',
    })
    const tokens: Omit<Requests, 'seconds'> = {
      connections: 16,
      headers: { ...basic('bench', store.clientSecret), ...tokenForm.type },
      method: tokenForm.method,
      expected: 200,
      next: () => ({ path: tokenForm.path, body: tokenForm.body }),
    }
    const sign = async (): Promise<Cost> => {
      const operations = 5_000
      const [before, start] = [await hub.used(), performance.now()]
      const after = await hub.sign(operations)
      return {
        operations,
        milliseconds: performance.now() - start,
        cpuMilliseconds: after.cpuMilliseconds - before.cpuMilliseconds,
      }
    }
    await run(hub, tokens, warmSeconds)
    add({
      name: '(e) `POST /oidc/token`, against bare EdDSA signatures in the same process',
      store: `${store.people} people`,
      comparison: await alternate(rounds, false, sign, () => run(hub, tokens, roundSeconds)),
      note: '',
    })
  })

const measureWrites = (store: Store, connections: number): Promise<void> =>
  withServers(store, async (hub, bare) => {
    let n = 0
    let commits = 0
    let writes = 0
    const requests = {
      connections,
      headers,
      method: 'POST' as const,
      expected: 201,
      next: () => {
        const [account, id] = [accountOf(n++ % store.people), randomUUID()]
        return { path: `/pols/${account}/${id}`, body: JSON.stringify(pageOf(account, id, n)) }
      },
    }
    const run = (server: MeasuredServer, seconds: number, pace?: number): Promise<Load> =>
      load(server, { ...requests, seconds }, pace)
    await run(bare, warmSeconds)
    await run(hub, warmSeconds)
    const ours = async (pace?: number): Promise<Cost> => {
      const cost = await run(hub, roundSeconds, pace)
      if (pace === undefined) {
        commits += cost.logCommits
        writes += cost.operations
      }
      return cost
    }
    const comparison = await alternate(rounds, true, pace => run(bare, roundSeconds, pace), ours)
    add({
      name: `(b) \`POST /pols/…\`, ${connections} connection${connections === 1 ? '' : 's'}`,
      store: `${store.people} people`,
      comparison,
      note: `${(commits / writes).toFixed(3)} commits of the event log per write`,
    })
  })

const measureRebuild = async (log: string, events: number): Promise<void> => {
  const reads = join(folder, 'rebuilt.db')
  const ours = (): Promise<Cost> => {
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${reads}${suffix}`, { force: true })
    return fullRebuild(log, reads)
  }
  add({
    name: '(c) rebuild of the read models',
    store: `${events} events`,
    comparison: await alternate(rounds, false, () => bareScan(log), ours),
    note: '',
  })
}

const ratio = ({ median, least, most }: Ratio): string =>
  `${median.toFixed(2)} (${least.toFixed(2)}–${most.toFixed(2)})`

const table = (): string => {
  const lines = rows.map(
    ({ name, store, comparison: { wall, cpu, bare, ours }, note }) =>
      `| ${name} | ${store} | ${ratio(cpu)} | ${ratio(wall)} | ${Math.round(bare)} | ${Math.round(ours)} | ${note} |`,
  )
  return [
    '| what | store | CPU ratio, median (range) | wall ratio, median (range) | bare /s | ours /s | |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...lines,
  ].join('\n')
}

try {
  const stores = [await makeStore(small), await makeStore(large)] as const
  const log200 = join(folder, 'events-200000.db')
  say('writing 200,000 events')
  await seedLog(log200, 33_334, pagesEach, 200_000)

  for (const store of stores) {
    await measureReads(store)
    for (const connections of [1, 16, 64]) await measureWrites(store, connections)
  }
  await measureTokens(stores[0])
  await measureRebuild(join(stores[0].path, 'events.db'), small * (1 + pagesEach))
  await measureRebuild(log200, 200_000)
  await measureRebuild(join(stores[1].path, 'events.db'), large * (1 + pagesEach))

  const { model } = cpus()[0] ?? { model: 'unknown' }
  const head = `${cpus().length} × ${model}, Node ${process.version}, ${rounds} rounds of ${roundSeconds} s each after ${warmSeconds} s of warming up.`
  const text = `${head}
A ratio is ours against a bare round beside it: operations per second by the clock (wall), each as fast as it can, and
operations per second of the serving process's CPU time, both at the same load: 70 % of what ours can do at most. Bare is an Express 5 route that answers the same bytes (a) or parses the same body (b), and a
scan that reads and parses the same rows (c). Round for round, (e) compares tokens with bare signatures.

${table()}
`
  writeResults('bench', text)
  process.stdout.write(text)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
