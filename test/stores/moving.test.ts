import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, describe, expect, it } from 'vitest'
import * as E from '#fp/Either'
import type { AuthTarget } from '../../auth/auth-contents.ts'
import { formatPosition } from '../../domain/position.ts'
import { encodeOne, openLog } from '../../stores/codec.ts'
import { fileContent } from '../../stores/files/content.ts'
import { type MoveOptions, move } from '../../stores/moving/move.ts'
import { sqliteAuthStore } from '../../stores/sqlite/auth-store.ts'
import { sqliteLog } from '../../stores/sqlite/event-log.ts'
import type { StoredLog } from '../../stores/stored.ts'
import { left, right } from '../support/either.ts'
import { eventOf, pageWritten, personChanged, personRegistered } from '../support/events.ts'
import { anEvent, idsOf, newPrefix, openTarget } from '../support/eventstoredb/target.ts'
import { eventsOf } from '../support/feed.ts'
import { temporaryFolder } from '../support/folder.ts'
import { keysWithoutStore, testKeys } from '../support/keys.ts'

const folder = temporaryFolder()
const server = await openTarget()
afterAll(() => {
  server.standIn?.kill()
  folder.remove()
})

/** Where contents go. */
const contents = fileContent(join(folder.path, 'content'), testKeys)
let files = 0
/** A log of the embedded engine: two people, one of them changed five times at once, and pages. */
const aLog = async (pages = 20) => {
  files += 1
  const path = join(folder.path, `${files}.db`)
  const log = sqliteLog(path)
  const ports = await right(openLog(log, testKeys))
  await right(ports.log.append('person-A', 'no-stream', [personRegistered('A', { name: 'é \u0000' })]))
  for (let n = 0; n < pages; n += 1)
    await right(ports.log.append(`page-A:${n}`, 'no-stream', [pageWritten('A', `${n}`)]))
  await right(ports.log.append('person-B', 'no-stream', [personRegistered('B')]))
  const changes = Array.from({ length: 5 }, (_, n) => personChanged({ name: `${n}` }))
  await right(ports.log.append('person-A', 0, changes))
  return {
    path,
    log,
    ports,
    auth: sqliteAuthStore(join(folder.path, `${files}-auth.db`)),
    keys: testKeys,
    contents: fileContent(join(folder.path, `${files}-content`), testKeys),
  }
}

/** A store of credentials that was nobody's, and takes everything. */
const anAuthTarget = (): AuthTarget => {
  let logId: string | undefined
  let isWhole = false
  return {
    owner: async () => E.right(logId === undefined ? 'nobody' : { logId, isWhole }),
    claimFor: async id => {
      logId ??= id
      return E.right(logId === id)
    },
    isWholeFor: async () => {
      isWhole = true
      return E.right(undefined)
    },
    takeOver: async () => E.right(0),
  }
}

const quiet: MoveOptions = { report: () => {} }
const small: MoveOptions = { ...quiet, placesEvery: 4, placesTogether: 2 }

/** The events without what a move changes. */
const facts = async (log: StoredLog, keys = testKeys) => {
  const { feed } = await right(openLog(log, keys))
  const events = await eventsOf(feed)
  return events
    .filter(({ event }) => !event.type.startsWith('HubMove') && event.type !== 'HubPositionsKept')
    .map(({ position: _, ...event }) => event)
}

/** What a log holds of the events of some streams, as it is stored. */
const storedData = async (log: StoredLog, ...streams: readonly string[]) => {
  const data: string[] = []
  for (const stream of streams) {
    const { events } = await right(log.read(stream, 0))
    data.push(...events.map(event => event.data))
  }
  return data
}

describe('a log that was written before people had keys', () => {
  it('is encrypted when it is moved, and says the same', async () => {
    files += 1
    const log = sqliteLog(join(folder.path, `${files}.db`))
    const keys = keysWithoutStore()
    await right(openLog(log, keys))
    const inClear = [personRegistered('A', { name: 'Clear' }), personRegistered('GONE', { name: 'Gone' })]
    for (const event of inClear)
      await right(log.append(`person-${event.metadata.subject}`, 'no-stream', [encodeOne(event)]))
    await keys.destroy('GONE')
    const before = await facts(log, keys)
    const target = server.open()
    const auth = sqliteAuthStore(join(folder.path, `${files}-auth.db`))
    const source = { log, auth, keys, contents }
    const moved = await right(move(source, { log: target, auth: anAuthTarget(), contents }, quiet))
    expect(moved).toMatchObject({ events: 3, wasMoved: false })
    const people = ['person-A', 'person-GONE']
    for (const data of await storedData(log, ...people)) expect(data).toMatch(/^\{/)
    for (const data of await storedData(target, ...people)) expect(data).toMatch(/^1[A-Za-z0-9+/]+=*$/)
    expect(await facts(target, keys)).toEqual(before)
    expect(before.map(({ event }) => event.erased)).toEqual([undefined, undefined, true])
    // Who forgets that somebody was forgotten gets nothing either.
    const { log: reopened } = await right(openLog(target, keysWithoutStore()))
    expect(await left(reopened.read('person-GONE'))).toMatchObject({ reason: 'damaged' })
    await Promise.all([log.close(), auth.close(), target.close()])
  })

  it('is copied as it is stored where it was encrypted already', async () => {
    const source = await aLog()
    const log = server.open()
    await right(move(source, { log, auth: anAuthTarget(), contents }, quiet))
    const streams = ['person-A', 'person-B', 'page-A:3']
    const data = await storedData(source.log, ...streams)
    expect(await storedData(log, ...streams)).toEqual(data)
    expect(data.filter(text => text.startsWith('1')).length).toBe(3)
    await Promise.all([source.log.close(), source.auth.close(), log.close()])
  })
})

describe('a log that is moved from SQLite to EventStoreDB', () => {
  it('is the same log in a new epoch: events, ids, order, revisions and times', async () => {
    const source = await aLog()
    const before = await facts(source.log)
    const log = server.open()
    const moved = await right(move(source, { log, auth: anAuthTarget(), contents }, quiet))
    expect(moved).toEqual({ events: 28, digest: expect.stringMatching(/^[0-9a-f]{64}$/), wasMoved: false })
    const { identity, feed } = await right(openLog(log, testKeys))
    expect(identity).toEqual({ id: source.ports.identity.id, epoch: 1 })
    expect(await facts(log)).toEqual(before)
    const types = (await eventsOf(feed)).map(({ event }) => event.type)
    expect([...types.slice(0, 2), ...types.slice(-2)]).toEqual([
      'HubFounded',
      'HubMoveBegun',
      'HubPositionsKept',
      'HubMoved',
    ])
    await Promise.all([source.log.close(), source.auth.close(), log.close()])
  })

  it('goes on being written where it is now, and no longer where it was', async () => {
    const source = await aLog()
    const log = server.open()
    await right(move(source, { log, auth: anAuthTarget(), contents }, quiet))
    const ports = await right(openLog(log, testKeys))
    await right(ports.log.append('person-A', 5, [personChanged({ name: 'new' })]))
    expect(await left(source.ports.log.append('person-A', 5, [personChanged({})]))).toMatchObject({
      _tag: 'LogUnavailable',
    })
    expect(await facts(source.log)).toHaveLength(28)
    await Promise.all([source.log.close(), source.auth.close(), log.close()])
  })

  it('knows every position it gave before, and refuses those it never had', async () => {
    const source = await aLog(30)
    const { identity, feed: old } = source.ports
    const before = await eventsOf(old)
    const log = server.open()
    await right(move(source, { log, auth: anAuthTarget(), contents }, small))
    const { feed } = await right(openLog(log, testKeys))
    const find = (number: bigint) => right(feed.positionOf(formatPosition(identity, number)))
    for (const { position, id } of before) {
      const now = await find(position)
      expect(await right(feed.eventIdAt(now ?? 0n))).toBe(id)
    }
    expect(await find(0n)).toBe(0n)
    expect(await find(BigInt(before.length) + 1n)).toBeUndefined()
    const head = await right(feed.head())
    expect(await right(feed.positionOf(formatPosition(feed.identity, head)))).toBe(head)
    for (const wrong of [
      { ...identity, epoch: 2 },
      { id: 'another', epoch: 0 },
    ])
      expect(await right(feed.positionOf(formatPosition(wrong, 5n)))).toBeUndefined()
    await Promise.all([source.log.close(), source.auth.close(), log.close()])
  })

  it('takes with it what is written meanwhile, and nothing answered is lost', async () => {
    const source = await aLog()
    const log = server.open()
    const written: string[] = []
    let refused = 0
    const writing: Promise<void>[] = []
    const write = async () => {
      const page = pageWritten('A', `late-${writing.length}`)
      const stream = `page-A:late-${writing.length}`
      const appended = await source.ports.log.append(stream, 'no-stream', [page])
      if (E.isRight(appended)) written.push(page.id)
      else refused += 1
    }
    const report = () => {
      for (let n = 0; n < 3; n += 1) writing.push(write())
    }
    await right(move(source, { log, auth: anAuthTarget(), contents }, { report }))
    await Promise.all(writing)
    expect(refused).toBeGreaterThan(0)
    expect(written.length).toBeGreaterThan(0)
    expect(await facts(log)).toEqual(await facts(source.log))
    const ids = new Set(await idsOf(log))
    expect(written.filter(id => !ids.has(id))).toEqual([])
    await Promise.all([source.log.close(), source.auth.close(), log.close()])
  })

  it('takes the contents with it that its events name, and stops where one is gone', async () => {
    const source = await aLog()
    const log = server.open()
    const auth = anAuthTarget()
    const bytes = [Buffer.from('a content'), Buffer.from('another')]
    for (const [n, piece] of bytes.entries()) {
      async function* pieces() {
        yield piece
      }
      const sha256 = createHash('sha256').update(piece).digest('hex')
      await right(source.contents.receive(pieces(), 100, ({ keep }) => keep()))
      const data = { size: piece.length, type: 'text/plain', sha256 }
      await right(
        source.ports.log.append(`document-${n}`, 'no-stream', [
          eventOf('PersonalDocumentCreated', { id: `${n}`, person: 'A' }),
          eventOf('PersonalDocumentContentStored', data),
        ]),
      )
    }
    const names = bytes.map(piece => ({
      size: piece.length,
      sha256: createHash('sha256').update(piece).digest('hex'),
    }))
    const lost = { ...source, contents: fileContent(join(folder.path, 'lost'), testKeys) }
    expect(await left(move(lost, { log, auth, contents }, quiet))).toEqual({
      _tag: 'ContentDamaged',
      sha256: names[0]?.sha256,
    })
    expect(await right(source.log.sealedAt())).toBeUndefined()
    await right(move(source, { log, auth, contents }, quiet))
    for (const [n, name] of names.entries()) {
      await right(contents.verify(name))
      const pieces: Uint8Array[] = []
      for await (const piece of contents.read(name)) pieces.push(piece)
      expect(Buffer.concat(pieces)).toEqual(bytes[n])
    }
    await Promise.all([source.log.close(), source.auth.close(), log.close()])
  })

  it('is moved once: a second run says so', async () => {
    const source = await aLog()
    const target = { log: server.open(), auth: anAuthTarget(), contents }
    const first = await right(move(source, target, quiet))
    const ids = await idsOf(target.log)
    expect(await right(move(source, target, quiet))).toEqual({ ...first, wasMoved: true })
    expect(await idsOf(target.log)).toEqual(ids)
    // Nor one that an earlier run had begun to fill.
    const begun = anAuthTarget()
    await right(begun.claimFor(source.ports.identity.id))
    for (const auth of [anAuthTarget(), begun])
      expect(await left(move(source, { ...target, auth }, quiet))).toEqual({ _tag: 'MovedWithAnother' })
    await Promise.all([source.log.close(), source.auth.close(), target.log.close()])
  })
})

/** A log whose server is lost at the n-th append from now, which is stored or not. */
const lostAt = (log: StoredLog, n: number, stores: boolean): StoredLog => {
  let appends = 0
  return {
    ...log,
    append: async (stream, expected, events) => {
      appends += 1
      if (appends < n) return log.append(stream, expected, events)
      if (appends === n && stores) await log.append(stream, expected, events)
      return E.left({ _tag: 'LogUnavailable', cause: new Error('lost') })
    },
  }
}

describe('a move to EventStoreDB that was broken off', () => {
  it.each([1, 2, 3, 12, 24, 25, 26, 27, 28])(
    'at append %i goes on where it was: nothing is lost, nothing doubled',
    async n => {
      const source = await aLog()
      const log = server.open()
      const auth = anAuthTarget()
      let moved: unknown
      for (const stores of [true, false])
        moved = await move(
          source,
          { log: lostAt(log, n, stores), auth, contents },
          { ...small, placesEvery: 8 },
        )
      const opened = await openLog(log, testKeys)
      if (n > 1 && E.isLeft(opened)) expect(opened.left).toEqual({ _tag: 'MoveUnfinished' })
      else if (n > 1) expect(moved).toMatchObject({ _tag: 'Right' })
      await right(move(source, { log, auth, contents }, { ...small, placesEvery: 8 }))
      expect(await facts(log)).toEqual(await facts(source.log))
      expect(new Set(await idsOf(log)).size).toBe((await idsOf(log)).length)
      const { feed } = await right(openLog(log, testKeys))
      const last = formatPosition(source.ports.identity, 28n)
      expect(await right(feed.positionOf(last))).toBeDefined()
      await Promise.all([source.log.close(), source.auth.close(), log.close()])
    },
  )

  it('goes on where the last append of the run before arrives late, and was a part of this one', async () => {
    const source = await aLog()
    const log = server.open()
    let late = 0
    const withLate: StoredLog = {
      ...log,
      append: async (stream, expected, events) => {
        const [first] = events
        if (stream === 'person-A' && events.length > 1 && first !== undefined) {
          late += 1
          await log.append(stream, expected, [first])
        }
        return log.append(stream, expected, events)
      },
    }
    await right(move(source, { log: withLate, auth: anAuthTarget(), contents }, quiet))
    expect(late).toBe(1)
    expect(await facts(log)).toEqual(await facts(source.log))
    await Promise.all([source.log.close(), source.auth.close(), log.close()])
  })
})

describe('two runs of a move to EventStoreDB at the same time', () => {
  it('double nothing, and one of them at least comes to the end', async () => {
    const source = await aLog()
    const log = server.open()
    const auth = anAuthTarget()
    const runs = await Promise.all([0, 1, 2].map(() => move(source, { log, auth, contents }, small)))
    const others = runs.filter(E.isLeft).map(({ left }) => left)
    expect(others.length).toBeLessThan(3)
    for (const failure of others) expect(failure).toEqual({ _tag: 'Overtaken' })
    expect(await right(move(source, { log, auth, contents }, small))).toMatchObject({
      events: 28,
      wasMoved: true,
    })
    expect(await facts(log)).toEqual(await facts(source.log))
    await Promise.all([source.log.close(), source.auth.close(), log.close()])
  })
})

describe('a move to EventStoreDB is refused', () => {
  it('where another hub’s log is, or anything else', async () => {
    const source = await aLog()
    const before = await right(source.log.sealedAt())
    const [hubs, foreign] = [server.open(), server.open()]
    await right(openLog(hubs, testKeys))
    await right(foreign.append('a', 'no-stream', [anEvent()]))
    for (const log of [hubs, foreign]) {
      const ids = await idsOf(log)
      const auth = anAuthTarget()
      expect(await left(move(source, { log, auth, contents }, quiet))).toEqual({
        _tag: 'TargetTaken',
        store: 'new events',
      })
      expect(await idsOf(log)).toEqual(ids)
      expect(await right(auth.owner())).toBe('nobody')
      await log.close()
    }
    expect(await right(source.log.sealedAt())).toBe(before)
    await Promise.all([source.log.close(), source.auth.close()])
  })

  it('where the credentials of another hub are', async () => {
    const source = await aLog()
    const log = server.open()
    const somebodys = { ...anAuthTarget(), owner: async () => E.right('somebody' as const) }
    const anothers = anAuthTarget()
    await right(anothers.claimFor('another'))
    for (const auth of [somebodys, anothers])
      expect(await left(move(source, { log, auth, contents }, quiet))).toEqual({
        _tag: 'TargetTaken',
        store: 'new credentials',
      })
    expect(await idsOf(log)).toEqual([])
    await Promise.all([source.log.close(), source.auth.close(), log.close()])
  })

  it('where what is there is no copy: another order, another text, one too many', async () => {
    const source = await aLog()
    const prefix = newPrefix()
    const log = server.open({ prefix })
    const auth = anAuthTarget()
    await move(source, { log: lostAt(log, 5, false), auth, contents }, quiet)
    await right(log.append('page-A:0', 0, [anEvent()]))
    const ids = await idsOf(log)
    expect(await left(move(source, { log, auth, contents }, quiet))).toEqual({
      _tag: 'TargetTaken',
      store: 'new events',
    })
    expect(await idsOf(log)).toEqual(ids)
    expect(await right(source.log.sealedAt())).toBeUndefined()
    await Promise.all([source.log.close(), source.auth.close(), log.close()])
  })

  it('where somebody else writes meanwhile, and the new log never counts as whole', async () => {
    const source = await aLog()
    const log = server.open()
    const auth = anAuthTarget()
    let appends = 0
    const disturbed: StoredLog = {
      ...log,
      append: async (stream, expected, events) => {
        appends += 1
        if (appends === 10) await log.append('stranger', 'no-stream', [anEvent()])
        return log.append(stream, expected, events)
      },
    }
    expect(await left(move(source, { log: disturbed, auth, contents }, quiet))).toEqual({
      _tag: 'CopyDiffers',
      store: 'new events',
    })
    expect(await left(openLog(log, testKeys))).toEqual({ _tag: 'MoveUnfinished' })
    await Promise.all([source.log.close(), source.auth.close(), log.close()])
  })

  it('of an event that is damaged, and of a log without events', async () => {
    const source = await aLog()
    const other = new DatabaseSync(source.path)
    other.exec("UPDATE events SET metadata = '{' WHERE stream = 'page-A:7'")
    other.close()
    const log = server.open()
    expect(await left(move(source, { log, auth: anAuthTarget(), contents }, quiet))).toEqual({
      _tag: 'EventDamaged',
      stream: 'page-A:7',
    })
    const empty = {
      keys: testKeys,
      log: sqliteLog(join(folder.path, 'empty.db')),
      auth: source.auth,
      contents: source.contents,
    }
    expect(await left(move(empty, { log, auth: anAuthTarget(), contents }, quiet))).toEqual({
      _tag: 'NothingToMove',
    })
    await Promise.all([source.log.close(), source.auth.close(), empty.log.close(), log.close()])
  })
})
