import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { describeUnless } from '../support/describe-unless.ts'
import { type HubOnServers, startHubOnServers } from '../support/hub-on-servers.ts'
import { bookOf, startLoad, untilBookIsRead } from '../support/load.ts'
import { noMongoProcess } from '../support/mongodb.ts'
import type { RunningHub } from '../support/process.ts'

/** How long a server is away. */
const awayMilliseconds = 10_000

/** What a hub's log says went wrong, the last of it. */
const problemsOf = ({ log }: Pick<RunningHub, 'log'>): string =>
  log()
    .split('\n')
    .filter(line => /"level":"(error|warn)"/.test(line))
    .slice(-20)
    .join('\n')

// Each case lasts as long as a server is away, and until the hub has caught up.
vi.setConfig({ testTimeout: 180_000 })

describeUnless(noMongoProcess(), 'a hub on EventStoreDB and MongoDB, whose servers are processes', () => {
  let on: HubOnServers
  let books = 0
  beforeAll(async () => {
    on = await startHubOnServers()
  })
  afterAll(() => on?.stop())

  const read = () => on.root.get('/people/ROOT')
  const status = async () => (await read()).status
  const untilRead = (expected: number) =>
    expect
      .poll(status, { timeout: 15_000, interval: 20, message: `reads are ${expected}` })
      .toBe(expected)
      .catch(failure => {
        throw new Error(`${String(failure)}\n${problemsOf(on.hub)}`)
      })

  /** Writes while a server is away, and finds each page that was answered in the book, once. */
  const whileAway = async (
    leave: () => Promise<void>,
    meanwhile: () => Promise<void>,
    comeBack: () => Promise<void> | void,
  ) => {
    books += 1
    const person = `P${books}`
    expect((await on.root.post(`/people/${person}`, {})).status).toBe(201)
    const load = startLoad(on.root, person, 8)
    await expect.poll(() => load.answered().length, { timeout: 60_000 }).toBeGreaterThan(40)
    await leave()
    const left = Date.now()
    const before = load.answered().length
    await meanwhile()
    await pause(Math.max(0, awayMilliseconds - (Date.now() - left)))
    const during = load.answered().length - before
    await comeBack()
    await untilRead(200)
    const after = load.answered().length
    await expect.poll(() => load.answered().length, { timeout: 20_000 }).toBeGreaterThan(after + 40)
    await load.end()
    const expected = load.answered()
    const all = async () => (await bookOf(on.root, person)).length
    await expect.poll(all, untilBookIsRead).toBe(expected.length)
    const book = await bookOf(on.root, person)
    expect(new Set(book.map(({ id }) => id)).size).toBe(book.length)
    const summaries = new Map(book.map(({ id, summary }) => [id, summary]))
    expect(expected.filter(id => summaries.get(id) !== id)).toEqual([])
    return { during, refusals: load.refusals() }
  }

  /** A read is refused with 503, and says when to come again. */
  const readsAreRefused = async () => {
    await untilRead(503)
    const refused = await read()
    expect([refused.status, refused.headers.get('Retry-After')]).toEqual([
      503,
      expect.stringMatching(/^\d+$/),
    ])
  }

  describe('when MongoDB is away for 10 s', () => {
    const goOn = async (leave: () => Promise<void>, comeBack: () => Promise<void> | void) => {
      const { during, refusals } = await whileAway(leave, readsAreRefused, comeBack)
      expect(during).toBeGreaterThan(40)
      expect(
        refusals.map(({ text }) => text),
        problemsOf(on.hub),
      ).toEqual([])
    }

    it('goes on writing, refuses reads, and catches up: stopped', () =>
      goOn(
        () => on.mongo.run?.stop() ?? Promise.resolve(),
        () => on.mongo.run?.restart(),
      ))

    it('goes on writing, refuses reads, and catches up: silent', () =>
      goOn(
        () => on.mongo.run?.freeze() ?? Promise.resolve(),
        () => on.mongo.run?.thaw(),
      ))

    it('goes on writing, refuses reads, and catches up: killed', () =>
      goOn(
        () => on.mongo.run?.kill() ?? Promise.resolve(),
        () => on.mongo.run?.restart(),
      ))
  })

  describe('when the event store is away for 10 s', () => {
    const readsGoOn = async () => {
      expect(await status()).toBe(200)
    }
    const refuse = async (leave: () => Promise<void>, comeBack: () => Promise<void> | void) => {
      const { refusals } = await whileAway(leave, readsGoOn, comeBack)
      expect(refusals.length).toBeGreaterThan(0)
      for (const { status, headers } of refusals)
        expect([status, headers.get('Retry-After')]).toEqual([503, expect.stringMatching(/^\d+$/)])
    }

    it('refuses writes with 503, answers reads, and recovers: killed', () =>
      refuse(
        () => on.events.kill(),
        () => on.events.restart(),
      ))

    it('refuses writes with 503, answers reads, and recovers: silent', () =>
      refuse(
        () => on.events.freeze(),
        () => on.events.thaw(),
      ))

    it('refuses writes with 503, answers reads, and recovers: stopped', () =>
      refuse(
        () => on.events.stop(),
        () => on.events.restart(),
      ))
  })
})
