/** `npm run bench:encryption`: what the encryption of people's data costs, against the same without it. */
import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import * as E from '#fp/Either'
import type { NewEvent } from '../domain/event.ts'
import { feedEntryText } from '../projections/feed-entry.ts'
import { encodeOne, openLog } from '../stores/codec.ts'
import { sqliteLog } from '../stores/sqlite/event-log.ts'
import { openKeysBeside } from './keys.ts'
import { alternate, type Comparison, type Cost } from './measure.ts'
import { costOf, fullRebuild } from './rebuild-round.ts'
import { writeResults } from './results.ts'
import { accountOf, eventOf, pageOf, personOf, seedLog } from './seed.ts'

const [events = 60_000, rounds = 7] = process.argv.slice(2).map(Number)
const people = 1_000
const folder = mkdtempSync(join(tmpdir(), 'thalamus-encryption-'))
const forms = ['in clear', 'encrypted'] as const
type Form = (typeof forms)[number]
const logOf = (form: Form): string => join(folder, form, 'events.db')

/** Appends so many events by so many callers at once, each to a stream of its own. */
const appends = (
  form: Form,
  callers: number,
  each: number,
  next: (n: number) => { readonly stream: string; readonly event: NewEvent },
): Promise<Cost> =>
  costOf(async () => {
    const stored = sqliteLog(logOf(form))
    const { keys, close } = await openKeysBeside(logOf(form))
    const ports = await openLog(stored, keys)
    if (E.isLeft(ports)) throw new Error(ports.left._tag)
    const { log } = ports.right
    let n = 0
    const call = async () => {
      for (let i = 0; i < each; i += 1) {
        const { stream, event } = next(n++)
        const appended =
          form === 'encrypted'
            ? await log.append(stream, 'no-stream', [event])
            : await stored.append(stream, 'no-stream', [encodeOne(event)])
        if (E.isLeft(appended)) throw new Error(appended.left._tag)
      }
    }
    await Promise.all(Array.from({ length: callers }, call))
    await stored.close()
    await close()
    return n
  })

const page = (n: number) => {
  const [account, id] = [accountOf(n % people), randomUUID()]
  return { stream: `page-${account}:${id}`, event: eventOf('PageWritten', pageOf(account, id, n), account) }
}
let registered = 0
const person = () => {
  registered += 1
  const account = `NEW${registered}`
  return {
    stream: `person-${account}`,
    event: eventOf('PersonRegistered', { ...personOf(registered), id: account }, account),
  }
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
  await compare('append of a page, 1 caller', '≥ 0.91', form => appends(form, 1, 500, page))
  await compare('append of a page, 16 callers', '≥ 0.91', form => appends(form, 16, 500, page))
  await compare('append of a page, 64 callers', '≥ 0.91', form => appends(form, 64, 200, page))
  await compare('append of the first event about a person, 1 caller', '–', form =>
    appends(form, 1, 300, person),
  )
  await compare('append of the first event about a person, 64 callers', '–', form =>
    appends(form, 64, 100, person),
  )
  writeResults(
    'bench:encryption',
    `${cpus().length} × ${cpus()[0]?.model ?? ''}, Node ${process.version}. Median and range of ${rounds} rounds; a ratio is operations per second with
encryption against those without it in the round beside it, by the clock and by CPU time. Appends go to the log alone: a write over HTTP
takes several times as long, and encryption adds the same to it.

| what | wall ratio | CPU ratio | in clear /s | encrypted /s | aim |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}`,
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}
