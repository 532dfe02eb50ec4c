/** `npm run bench:encryption`: what the encryption of people's data costs, against the same without it. */
import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import * as E from '#fp/Either'
import type { EventLog } from '../commands/event-log.ts'
import { commandHandler } from '../commands/handle.ts'
import { itemRequests } from '../commands/item-requests.ts'
import { itemWriter } from '../commands/items.ts'
import { makeTurns } from '../commands/turns.ts'
import type { JsonObject } from '../domain/json.ts'
import { pages } from '../domain/pages.ts'
import { people as persons } from '../domain/people.ts'
import type { Identity, Resource } from '../domain/resource.ts'
import { feedEntryText } from '../projections/feed-entry.ts'
import { encodeOne, openLog } from '../stores/codec.ts'
import { sqliteLog } from '../stores/sqlite/event-log.ts'
import type { StoredLog } from '../stores/stored.ts'
import { openKeysBeside } from './keys.ts'
import { alternate, type Comparison, type Cost } from './measure.ts'
import { costOf, fullRebuild } from './rebuild-round.ts'
import { writeResults } from './results.ts'
import { accountOf, pageOf, personOf, seedLog } from './seed.ts'

const [events = 60_000, rounds = 7] = process.argv.slice(2).map(Number)
const people = 1_000
const folder = mkdtempSync(join(tmpdir(), 'thalamus-encryption-'))
const forms = ['in clear', 'encrypted'] as const
type Form = (typeof forms)[number]
const logOf = (form: Form): string => join(folder, form, 'events.db')

/** The log as a release before encryption had it: what is appended stays in clear. */
const inClear = (log: EventLog, stored: StoredLog): EventLog => ({
  ...log,
  append: async (stream, expected, events) => {
    const appended = await stored.append(stream, expected, events.map(encodeOne))
    const first = expected === 'no-stream' ? 0 : expected + 1
    return E.map((positions: readonly bigint[]) =>
      events.map((event, i) => ({ ...event, stream, revision: first + i, position: positions[i] ?? 0n })),
    )(appended)
  },
})

interface Written {
  readonly resource: Resource
  readonly identity: Identity
  readonly json: JsonObject
}

/** So many writes by so many callers at once: all that a request does but HTTP, rights and the read models. */
const writes = (form: Form, callers: number, each: number, next: (n: number) => Written): Promise<Cost> =>
  costOf(async () => {
    const stored = sqliteLog(logOf(form))
    const { keys, close } = await openKeysBeside(logOf(form))
    const ports = await openLog(stored, keys)
    if (E.isLeft(ports)) throw new Error(ports.left._tag)
    const log = form === 'encrypted' ? ports.right.log : inClear(ports.right.log, stored)
    const handle = commandHandler({ log, turns: makeTurns(1_000), now: () => new Date() })
    const accept = itemRequests<never>(itemWriter(log, handle), () =>
      E.right(async () => E.right({ ...sender, password: { is: 'none' } as const })),
    )
    let n = 0
    const call = async () => {
      for (let i = 0; i < each; i += 1) {
        const { resource, identity, json } = next(n++)
        const sent = { json, bytes: Buffer.from(JSON.stringify(json)) }
        const accepted = accept(resource, identity, { _tag: 'Create', sent }, sender)
        if (E.isLeft(accepted)) throw new Error(accepted.left._tag)
        const context = { actor, requestId: 'bench', commandId: randomUUID() }
        const written = await accepted.right({ preconditions: {}, context })
        if (E.isLeft(written)) throw new Error(written.left._tag)
      }
    }
    await Promise.all(Array.from({ length: callers }, call))
    await stored.close()
    await close()
    return n
  })

const actor = { kind: 'node', id: 'bench', node: 'bench' } as const
const sender = { rights: { roles: true, password: true }, knownRoles: ['end_user'], takesHashes: false }

const page = (n: number): Written => {
  const [owner, id] = [accountOf(n % people), randomUUID()]
  return { resource: pages, identity: { owner, id }, json: pageOf(owner, id, n) }
}
let registered = 0
const person = (): Written => {
  registered += 1
  const id = `NEW${registered}`
  return { resource: persons, identity: { id }, json: { ...personOf(registered), id } }
}

const rebuildOf = (form: Form): Promise<Cost> => {
  const reads = join(folder, `read-${randomUUID()}.db`)
  return fullRebuild(logOf(form), reads).finally(() => {
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${reads}${suffix}`, { force: true })
  })
}

/** The whole feed, as text. */
const feedOf = (form: Form): Promise<Cost> =>
  costOf(async () => {
    const stored = sqliteLog(logOf(form))
    const { keys, close } = await openKeysBeside(logOf(form))
    const ports = await openLog(stored, keys)
    if (E.isLeft(ports)) throw new Error(ports.left._tag)
    const { feed, identity } = ports.right
    let shown = 0
    const { signal } = new AbortController()
    for await (const batch of feed.follow(0n, { signal, toHead: true }))
      for (const event of batch.events) shown += feedEntryText(identity, event).length > 0 ? 1 : 0
    await stored.close()
    await close()
    return shown
  })

const shown = ({ median, least, most }: Comparison['cpu']): string =>
  `${median.toFixed(2)} (${least.toFixed(2)}–${most.toFixed(2)})`

const rows: string[] = []
const compare = async (name: string, aim: string, round: (form: Form) => Promise<Cost>): Promise<void> => {
  const { cpu, wall, bare, ours } = await alternate(
    rounds,
    false,
    () => round('in clear'),
    () => round('encrypted'),
  )
  const row = `| ${name} | ${shown(wall)} | ${shown(cpu)} | ${Math.round(bare)} | ${Math.round(ours)} | ${aim} |`
  process.stderr.write(`${row}\n`)
  rows.push(row)
}

try {
  for (const form of forms) {
    mkdirSync(join(folder, form))
    await seedLog(logOf(form), people, Math.ceil(events / people) - 1, events, form)
  }
  await compare(`rebuild of the read models, ${events} events`, '≥ 0.80', rebuildOf)
  await compare(`the whole feed as text, ${events} events`, '–', feedOf)
  for (const callers of [1, 16, 64])
    await compare(`write of a page, ${callers} at once`, '≥ 0.91', form =>
      writes(form, callers, Math.ceil(2_000 / (callers + 4)), page),
    )
  for (const callers of [1, 64])
    await compare(`registration of a person, ${callers} at once`, '–', form =>
      writes(form, callers, Math.ceil(2_000 / (callers + 9)), person),
    )
  writeResults(
    'bench:encryption',
    `${cpus().length} × ${cpus()[0]?.model ?? ''}, Node ${process.version}. Median and range of ${rounds} rounds; a ratio is operations per second with
encryption against those without it in the round beside it, by the clock and by CPU time. A write is from the body to the disk, without HTTP,
rights and read models, which come on top of it on both sides; how much of a write over HTTP that is was not measured.

| what | wall ratio | CPU ratio | in clear /s | encrypted /s | aim |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}`,
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}
