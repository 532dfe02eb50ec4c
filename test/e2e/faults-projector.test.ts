import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeUnless } from '../support/describe-unless.ts'
import { type HubOnServers, rootOf, startHubOnServers } from '../support/hub-on-servers.ts'
import { bookOf, startLoad } from '../support/load.ts'
import { noMongoProcess } from '../support/mongodb.ts'

describeUnless(noMongoProcess(), 'projectors on EventStoreDB and MongoDB', () => {
  let on: HubOnServers
  beforeAll(async () => {
    on = await startHubOnServers('follows others')
  })
  afterAll(() => on?.stop())

  const sizeOfBook = async () => (await bookOf(on.root)).length

  /** Each page that was answered is in the book once, as a rebuild from the log has it. */
  const nothingIsLostOrDoubled = async (expected: readonly string[], already: number) => {
    await expect.poll(sizeOfBook, { timeout: 30_000 }).toBe(already + expected.length)
    const book = await bookOf(on.root)
    const summaries = new Map(book.map(({ id, summary }) => [id, summary]))
    expect(summaries.size).toBe(book.length)
    expect(expected.filter(id => summaries.get(id) !== id)).toEqual([])
    const known = await on.root.get('/readyz')
    expect(await on.rebuild()).toMatchObject({ code: 0 })
    expect(await bookOf(on.root)).toEqual(book)
    expect(known.json).toMatchObject({ status: 'ready' })
  }

  it('lose and double nothing when they are killed in the middle of batches, one after the other', async () => {
    await on.projector?.kill('SIGKILL')
    const already = await sizeOfBook()
    const load = startLoad(on.root, 8, 'killed-')
    let next = await on.project()
    for (let round = 0; round < 4; round += 1) {
      const before = await sizeOfBook()
      // In the middle of the work: it has written some, and there is more.
      await expect.poll(sizeOfBook, { timeout: 20_000 }).toBeGreaterThan(before + 20)
      await next.kill('SIGKILL')
      next = await on.project()
    }
    await load.end()
    await nothingIsLostOrDoubled(load.answered(), already)
    await next.kill('SIGTERM')
  })

  it('work one at a time: when the one that works falls silent another takes over, and it is fenced out', async () => {
    const already = await sizeOfBook()
    const [first, second] = [await on.project(), await on.project()]
    const load = startLoad(on.root, 4, 'silent-')
    const goesOn = async () => {
      const before = await sizeOfBook()
      await expect.poll(sizeOfBook, { timeout: 20_000 }).toBeGreaterThan(before + 10)
    }
    await goesOn()
    for (const silent of [first, second, first]) {
      silent.freeze()
      await goesOn()
      silent.thaw()
      await goesOn()
    }
    await load.end()
    await nothingIsLostOrDoubled(load.answered(), already)
    for (const projector of [first, second]) expect(await projector.kill('SIGTERM')).toBe(0)
  })

  it('may run in hubs as well: two hubs that project are one', async () => {
    const already = await sizeOfBook()
    const hubs = [await on.serve(), await on.serve()]
    const loads = hubs.map((hub, i) => startLoad(rootOf(hub), 4, `hub-${i}-`))
    for (const load of loads)
      await expect.poll(() => load.answered().length, { timeout: 20_000 }).toBeGreaterThan(20)
    await hubs[0]?.kill('SIGKILL')
    const left = hubs[1]
    if (left === undefined) throw new Error('there is no second hub')
    const answered = loads[1]?.answered().length ?? 0
    await expect.poll(() => loads[1]?.answered().length, { timeout: 20_000 }).toBeGreaterThan(answered + 20)
    for (const load of loads) await load.end()
    const expected = loads.flatMap(load => load.answered())
    // Of the hub that was killed, some may have been stored without an answer.
    await expect.poll(sizeOfBook, { timeout: 30_000 }).toBeGreaterThanOrEqual(already + expected.length)
    const ids = (await bookOf(rootOf(left))).map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(expected.filter(id => !ids.includes(id))).toEqual([])
    await left.kill('SIGTERM')
  })
})
