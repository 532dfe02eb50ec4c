import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { describeUnless } from '../support/describe-unless.ts'
import { type HubOnServers, rootOf, startHubOnServers } from '../support/hub-on-servers.ts'
import { bookOf, type Load, startLoad, untilBookIsRead } from '../support/load.ts'
import { noMongoProcess } from '../support/mongodb.ts'

// Each case waits for leases to run out and for several processes to start.
vi.setConfig({ testTimeout: 180_000 })

describeUnless(noMongoProcess(), 'projectors on EventStoreDB and MongoDB', () => {
  let on: HubOnServers
  beforeAll(async () => {
    on = await startHubOnServers('follows others')
  })
  afterAll(() => on?.stop())

  let books = 0
  const newBook = async () => {
    books += 1
    const person = `P${books}`
    expect((await on.root.post(`/people/${person}`, {})).status).toBe(201)
    const size = async () => (await bookOf(on.root, person)).length
    /** Until some pages that are written from now on can be read: it looks for the last of them, not at the whole book. */
    const grows = async (load: Load) => {
      const before = load.answered().length
      const last = () => load.answered()[before + 20]
      await expect.poll(last, { timeout: 60_000, interval: 20 }).toBeDefined()
      const status = async () => (await on.root.get(`/pols/${person}/${last()}`)).status
      await expect.poll(status, { timeout: 60_000, interval: 50 }).toBe(200)
    }
    return { person, size, grows }
  }

  /** Each page that was answered is in the book once, as a rebuild from the log has it. */
  const nothingIsLostOrDoubled = async (expected: readonly string[], person: string) => {
    const size = async () => (await bookOf(on.root, person)).length
    await expect.poll(size, untilBookIsRead).toBe(expected.length)
    const book = await bookOf(on.root, person)
    const summaries = new Map(book.map(({ id, summary }) => [id, summary]))
    expect(summaries.size).toBe(book.length)
    expect(expected.filter(id => summaries.get(id) !== id)).toEqual([])
    const readiness = await on.root.get('/readyz')
    expect(await on.rebuild()).toMatchObject({ code: 0 })
    expect(await bookOf(on.root, person)).toEqual(book)
    expect(readiness.json).toMatchObject({ status: 'ready' })
  }

  it('lose and double nothing when they are killed in the middle of batches, one after the other', async () => {
    const { person, grows } = await newBook()
    await on.projector?.kill('SIGKILL')
    const load = startLoad(on.root, person, 8)
    let next = await on.project()
    for (let round = 0; round < 4; round += 1) {
      // In the middle of the work: it has written some, and there is more.
      await grows(load)
      await next.kill('SIGKILL')
      next = await on.project()
    }
    await load.end()
    await nothingIsLostOrDoubled(load.answered(), person)
    await next.kill('SIGTERM')
  })

  it('work one at a time: when the one that works falls silent another takes over, and it is fenced out', async () => {
    const [first, second] = [await on.project(), await on.project()]
    const { person, grows } = await newBook()
    const load = startLoad(on.root, person, 8)
    await grows(load)
    for (const silent of [first, second, first]) {
      silent.freeze()
      await grows(load)
      silent.thaw()
      await grows(load)
    }
    await load.end()
    await nothingIsLostOrDoubled(load.answered(), person)
    for (const projector of [first, second]) expect(await projector.kill('SIGTERM')).toBe(0)
  })

  it('may run in hubs as well: two hubs that project are one', async () => {
    const [first, second] = [await on.serve(), await on.serve()]
    const { person, size, grows } = await newBook()
    const [ofFirst, ofSecond] = [
      startLoad(rootOf(first), person, 4, 'hub-0-'),
      startLoad(rootOf(second), person, 4, 'hub-1-'),
    ]
    await Promise.all([grows(ofFirst), grows(ofSecond)])
    await first.kill('SIGKILL')
    await grows(ofSecond)
    for (const load of [ofFirst, ofSecond]) await load.end()
    const expected = [ofFirst, ofSecond].flatMap(load => load.answered())
    // Of the hub that was killed, some may have been stored without an answer.
    await expect.poll(size, untilBookIsRead).toBeGreaterThanOrEqual(expected.length)
    const ids = (await bookOf(rootOf(second), person)).map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(expected.filter(id => !ids.includes(id))).toEqual([])
    await second.kill('SIGTERM')
  })
})
