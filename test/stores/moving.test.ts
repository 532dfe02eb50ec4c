import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, describe, expect, it } from 'vitest'
import * as E from '#fp/Either'
import type { AuthTarget } from '../../auth/auth-contents.ts'
import type { KeptBody } from '../../domain/message-shapes.ts'
import { formatPosition } from '../../domain/position.ts'
import type { DeliveryRecord, DeliveryStore } from '../../relay/delivery-store.ts'
import { encodeOne, openLog } from '../../stores/codec.ts'
import { fileContent } from '../../stores/files/content.ts'
import { memoryDeliveryStore } from '../../stores/memory/delivery-store.ts'
import { memoryMessageBodies } from '../../stores/memory/message-bodies.ts'
import { type MoveOptions, move } from '../../stores/moving/move.ts'
import { sqliteAuthStore } from '../../stores/sqlite/auth-store.ts'
import { sqliteLog } from '../../stores/sqlite/event-log.ts'
import { sqliteRelayStore } from '../../stores/sqlite/relay-store.ts'
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
/** Where bodies of messages and deliveries go. */
const relay = { bodies: memoryMessageBodies(), deliveries: memoryDeliveryStore() }
let files = 0
/** A log of the embedded engine: two people, one of them changed five times at once, and pages. */
const aLog = async (pages = 20) => {
  files += 1
  const path = join(folder.path, `${files}.db`)
  const relayPath = join(folder.path, `${files}-relay.db`)
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
    contents: fileContent(join(folder.path, `${files}-content`), testKeys),
    keys: testKeys,
    relayPath,
    relay: sqliteRelayStore(relayPath),
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
    const source = {
      log,
      auth,
      keys,
      contents,
      relay: sqliteRelayStore(join(folder.path, `${files}-relay.db`)),
    }
    const moved = await right(move(source, { log: target, auth: anAuthTarget(), contents, relay }, quiet))
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

  it('is moved also where long texts of letters of three bytes follow each other in a stream', async () => {
    files += 1
    const log = sqliteLog(join(folder.path, `${files}.db`))
    const keys = keysWithoutStore()
    await right(openLog(log, keys))
    const long = (letter: string) =>
      encodeOne(eventOf('PersonChanged', { name: letter.repeat(131_000) }, { subject: 'A' }))
    const events = [encodeOne(personRegistered('A')), long('汉'), long('字')]
    await right(log.append('person-A', 'no-stream', events))
    const auth = sqliteAuthStore(join(folder.path, `${files}-auth.db`))
    const bodies = sqliteRelayStore(join(folder.path, `${files}-relay.db`))
    const source = { log, auth, keys, contents, relay: bodies }
    const target = server.open()
    await right(move(source, { log: target, auth: anAuthTarget(), contents, relay }, quiet))
    expect(await facts(target, keys)).toEqual(await facts(log, keys))
    await Promise.all([log.close(), auth.close(), target.close()])
  })

  it('is copied as it is stored where it was encrypted already', async () => {
    const source = await aLog()
    const log = server.open()
    await right(move(source, { log, auth: anAuthTarget(), contents, relay }, quiet))
    const streams = ['person-A', 'person-B', 'page-A:3']
    const data = await storedData(source.log, ...streams)
    expect(await storedData(log, ...streams)).toEqual(data)
    expect(data.filter(text => text.startsWith('1')).length).toBe(3)
    await Promise.all([source.log.close(), source.auth.close(), source.relay.close(), log.close()])
  })
})

describe('a log that is moved from SQLite to EventStoreDB', () => {
  it('is the same log in a new epoch: events, ids, order, revisions and times', async () => {
    const source = await aLog()
    const before = await facts(source.log)
    const log = server.open()
    const moved = await right(move(source, { log, auth: anAuthTarget(), contents, relay }, quiet))
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
    await Promise.all([source.log.close(), source.auth.close(), source.relay.close(), log.close()])
  })

  it('goes on being written where it is now, and no longer where it was', async () => {
    const source = await aLog()
    const log = server.open()
    await right(move(source, { log, auth: anAuthTarget(), contents, relay }, quiet))
    const ports = await right(openLog(log, testKeys))
    await right(ports.log.append('person-A', 5, [personChanged({ name: 'new' })]))
    expect(await left(source.ports.log.append('person-A', 5, [personChanged({})]))).toMatchObject({
      _tag: 'LogUnavailable',
    })
    expect(await facts(source.log)).toHaveLength(28)
    await Promise.all([source.log.close(), source.auth.close(), source.relay.close(), log.close()])
  })

  it('knows every position it gave before, and refuses those it never had', async () => {
    const source = await aLog(30)
    const { identity, feed: old } = source.ports
    const before = await eventsOf(old)
    const log = server.open()
    await right(move(source, { log, auth: anAuthTarget(), contents, relay }, small))
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
    await Promise.all([source.log.close(), source.auth.close(), source.relay.close(), log.close()])
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
    await right(move(source, { log, auth: anAuthTarget(), contents, relay }, { report }))
    await Promise.all(writing)
    expect(refused).toBeGreaterThan(0)
    expect(written.length).toBeGreaterThan(0)
    expect(await facts(log)).toEqual(await facts(source.log))
    const ids = new Set(await idsOf(log))
    expect(written.filter(id => !ids.has(id))).toEqual([])
    await Promise.all([source.log.close(), source.auth.close(), source.relay.close(), log.close()])
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
    expect(await left(move(lost, { log, auth, contents, relay }, quiet))).toEqual({
      _tag: 'ContentDamaged',
      sha256: names[0]?.sha256,
    })
    expect(await right(source.log.sealedAt())).toBeUndefined()
    await right(move(source, { log, auth, contents, relay }, quiet))
    for (const [n, name] of names.entries()) {
      await right(contents.verify(name))
      const pieces: Uint8Array[] = []
      for await (const piece of contents.read(name)) pieces.push(piece)
      expect(Buffer.concat(pieces)).toEqual(bytes[n])
    }
    await Promise.all([source.log.close(), source.auth.close(), source.relay.close(), log.close()])
  })

  it('is moved once: a second run says so', async () => {
    const source = await aLog()
    const target = { log: server.open(), auth: anAuthTarget(), contents, relay }
    const first = await right(move(source, target, quiet))
    const ids = await idsOf(target.log)
    expect(await right(move(source, target, quiet))).toEqual({ ...first, wasMoved: true })
    expect(await idsOf(target.log)).toEqual(ids)
    // Nor one that an earlier run had begun to fill.
    const begun = anAuthTarget()
    await right(begun.claimFor(source.ports.identity.id))
    for (const auth of [anAuthTarget(), begun])
      expect(await left(move(source, { ...target, auth }, quiet))).toEqual({ _tag: 'MovedWithAnother' })
    await Promise.all([source.log.close(), source.auth.close(), source.relay.close(), target.log.close()])
  })
})

type Source = Awaited<ReturnType<typeof aLog>>

const bytesOf = async (pieces: AsyncIterable<Uint8Array> | undefined): Promise<Buffer> => {
  const read: Uint8Array[] = []
  for await (const piece of pieces ?? []) read.push(piece)
  return Buffer.concat(read)
}

/** A message whose body was kept, and is due at 5. */
const sendMessage = async (source: Source, id: string, bytes: Uint8Array): Promise<KeptBody> => {
  const body = await right(source.relay.bodies.keep(id, [bytes], bytes.length, 5))
  const envelope = { id, from: 'lab', to: ['clinic'], type: 'order', sentAt: '2024-01-02T03:04:05Z', body }
  await right(source.ports.log.append(`message-${id}`, 'no-stream', [eventOf('MessageSent', envelope)]))
  return body
}

const aRelay = () => ({ bodies: memoryMessageBodies(), deliveries: memoryDeliveryStore() })

describe('the bodies of messages, of a log that is moved', () => {
  it('are where it is now, each as it was and due when it was; but for those that were removed', async () => {
    const source = await aLog()
    const small = Buffer.from('{"n":1}')
    const large = Buffer.alloc(600_000, 'large ')
    const bodies = [
      await sendMessage(source, 'small', small),
      await sendMessage(source, 'large', large),
      await sendMessage(source, 'empty', Buffer.alloc(0)),
    ]
    const removed = await sendMessage(source, 'removed', small)
    await right(source.relay.bodies.remove(removed.id))
    const unnamed = await right(source.relay.bodies.keep('unnamed', [small], 100, 5))
    const target = { log: server.open(), auth: anAuthTarget(), contents, relay: aRelay() }
    await right(move(source, target, quiet))
    const there = await Promise.all(
      [...bodies, removed, unnamed].map(async body => right(target.relay.bodies.read(body))),
    )
    expect(await Promise.all(there.slice(0, 3).map(bytesOf))).toEqual([small, large, Buffer.alloc(0)])
    expect(there.slice(3)).toEqual([undefined, undefined])
    expect(await right(target.relay.bodies.due(5, 10))).toEqual([])
    const due = await right(target.relay.bodies.due(6, 10))
    expect(due.map(({ id, message }) => [id, message]).toSorted()).toEqual(
      bodies.map(({ id }, n) => [id, ['small', 'large', 'empty'][n]]).toSorted(),
    )
    await Promise.all([source.log.close(), source.auth.close(), source.relay.close(), target.log.close()])
  })

  it('are brought also where they come right before the log is sealed', async () => {
    const source = await aLog()
    const target = { log: server.open(), auth: anAuthTarget(), contents, relay: aRelay() }
    let body: KeptBody | undefined
    const log: typeof source.log = {
      ...source.log,
      seal: async () => {
        body ??= await sendMessage(source, 'last', Buffer.from('last'))
        return source.log.seal()
      },
    }
    await right(move({ ...source, log }, target, quiet))
    const bytes = body === undefined ? undefined : await right(target.relay.bodies.read(body))
    expect(String(await bytesOf(bytes))).toBe('last')
    await Promise.all([source.log.close(), source.auth.close(), source.relay.close(), target.log.close()])
  })

  it('are finished where a run before was killed in the middle of one', async () => {
    const source = await aLog()
    const bytes = Buffer.alloc(600_000, 'large ')
    const body = await sendMessage(source, 'large', bytes)
    const target = { log: server.open(), auth: anAuthTarget(), contents, relay: aRelay() }
    async function* killed() {
      yield bytes.subarray(0, 300_000)
      throw new Error('killed')
    }
    const begun = { id: body.id, message: 'large', dueAt: 5 }
    expect(await left(target.relay.bodies.takeOver(begun, killed()))).toMatchObject({
      _tag: 'ContentCutShort',
    })
    await right(move(source, target, quiet))
    expect(await bytesOf(await right(target.relay.bodies.read(body)))).toEqual(bytes)
    await Promise.all([source.log.close(), source.auth.close(), source.relay.close(), target.log.close()])
  })

  it('stop it where one is damaged, before anything is sealed, and where the new store gives back another', async () => {
    const source = await aLog()
    const body = await sendMessage(source, 'damaged', Buffer.from('whole'))
    const target = { log: server.open(), auth: anAuthTarget(), contents, relay: aRelay() }
    const forgetful = { ...target.relay.bodies, takeOver: async () => E.right(undefined) }
    const toForgetful = { ...target, relay: { ...target.relay, bodies: forgetful } }
    expect(await left(move(source, toForgetful, quiet))).toEqual({ _tag: 'CopyDiffers', store: 'new bodies' })
    const file = new DatabaseSync(source.relayPath)
    file.prepare('UPDATE pieces SET bytes = ? WHERE body = ?').run(Buffer.from('other'), body.id)
    file.close()
    expect(await left(move(source, target, quiet))).toEqual({ _tag: 'BodyDamaged', message: 'damaged' })
    expect(await right(source.log.sealedAt())).toBeUndefined()
    await Promise.all([source.log.close(), source.auth.close(), source.relay.close(), target.log.close()])
  })
})

const record = (
  kind: DeliveryRecord['kind'],
  key: string,
  text = `{"${kind}":"${key}"}`,
): DeliveryRecord => ({
  kind,
  key,
  text,
})

/** A subscription with many dead letters, that a hub holds by its third lease. */
const aSubscription = async (source: Source, id: string) => {
  const data = {
    id,
    node: 'lab',
    url: 'http://lab.example.org',
    types: null,
    resources: [],
    person: null,
    from: '',
  }
  const created = eventOf('SubscriptionCreated', data)
  await right(source.ports.log.append(`subscription-${id}`, 'no-stream', [created]))
  const { deliveries } = source.relay
  await right(deliveries.claim(id, 3))
  const dead = Array.from({ length: 250 }, (_, n) => record('dead', `000000-${String(n).padStart(19, '0')}`))
  const kept = [...dead, record('failing', 'person-A'), record('progress', '')]
  await right(deliveries.save(id, 3, { put: kept, remove: [] }))
  return kept
}

const keptOf = async (deliveries: DeliveryStore, id: string, token: number) => [
  ...(await right(deliveries.deadLetters(id, '', 1_000))),
  ...(await right(deliveries.claim(id, token))).toSorted((a, b) => (a.kind < b.kind ? -1 : 1)),
]

describe('what is kept of deliveries, of a log that is moved', () => {
  it('is what is kept where it is now, for whoever has the first lease there', async () => {
    const source = await aLog()
    const kept = await aSubscription(source, 'one')
    const target = { log: server.open(), auth: anAuthTarget(), contents, relay: aRelay() }
    await right(move(source, target, quiet))
    expect(await keptOf(target.relay.deliveries, 'one', 1)).toEqual(kept)
    await Promise.all([source.log.close(), source.auth.close(), source.relay.close(), target.log.close()])
  })

  it('is that of the moment after the log was sealed: nothing else is left of runs before', async () => {
    const source = await aLog()
    const kept = await aSubscription(source, 'one')
    const target = { log: server.open(), auth: anAuthTarget(), contents, relay: aRelay() }
    const { deliveries } = target.relay
    const lost: DeliveryStore = {
      ...deliveries,
      save: async (id, token, changes) => {
        await deliveries.save(id, token, changes)
        return E.left({ _tag: 'ReadUnavailable', cause: 'lost' })
      },
    }
    const toLost = { ...target, relay: { ...target.relay, deliveries: lost } }
    expect(await left(move(source, toLost, quiet))).toEqual({
      _tag: 'StoreUnavailable',
      store: 'new deliveries',
      cause: 'lost',
    })
    const remove = [record('failing', 'person-A'), ...kept.slice(0, 1)]
    const put = [record('progress', '', '{"progress":"later"}'), record('failing', 'page-A:1')]
    await right(source.relay.deliveries.save('one', 3, { put, remove }))
    await right(move(source, target, quiet))
    expect(await keptOf(deliveries, 'one', 1)).toEqual([...kept.slice(1, 250), ...put.toReversed()])
    await Promise.all([source.log.close(), source.auth.close(), source.relay.close(), target.log.close()])
  })

  it('is left alone where a hub works with it already', async () => {
    const source = await aLog()
    await aSubscription(source, 'one')
    const target = { log: server.open(), auth: anAuthTarget(), contents, relay: aRelay() }
    const { deliveries } = target.relay
    await right(deliveries.claim('one', 1))
    const put = [record('progress', '', '{"progress":"later"}')]
    await right(deliveries.save('one', 1, { put, remove: [] }))
    await right(move(source, target, quiet))
    expect(await keptOf(deliveries, 'one', 1)).toEqual(put)
    await Promise.all([source.log.close(), source.auth.close(), source.relay.close(), target.log.close()])
  })

  it('stops it where the new store gives back another', async () => {
    const source = await aLog()
    await aSubscription(source, 'one')
    const target = { log: server.open(), auth: anAuthTarget(), contents, relay: aRelay() }
    const { deliveries } = target.relay
    const forgetful: DeliveryStore = { ...deliveries, deadLetters: async () => E.right([]) }
    const toForgetful = { ...target, relay: { ...target.relay, deliveries: forgetful } }
    expect(await left(move(source, toForgetful, quiet))).toEqual({
      _tag: 'CopyDiffers',
      store: 'new deliveries',
    })
    expect(await left(openLog(target.log, testKeys))).toEqual({ _tag: 'MoveUnfinished' })
    await Promise.all([source.log.close(), source.auth.close(), source.relay.close(), target.log.close()])
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
          { log: lostAt(log, n, stores), auth, contents, relay },
          { ...small, placesEvery: 8 },
        )
      const opened = await openLog(log, testKeys)
      if (n > 1 && E.isLeft(opened)) expect(opened.left).toEqual({ _tag: 'MoveUnfinished' })
      else if (n > 1) expect(moved).toMatchObject({ _tag: 'Right' })
      await right(move(source, { log, auth, contents, relay }, { ...small, placesEvery: 8 }))
      expect(await facts(log)).toEqual(await facts(source.log))
      expect(new Set(await idsOf(log)).size).toBe((await idsOf(log)).length)
      const { feed } = await right(openLog(log, testKeys))
      const last = formatPosition(source.ports.identity, 28n)
      expect(await right(feed.positionOf(last))).toBeDefined()
      await Promise.all([source.log.close(), source.auth.close(), source.relay.close(), log.close()])
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
    await right(move(source, { log: withLate, auth: anAuthTarget(), contents, relay }, quiet))
    expect(late).toBe(1)
    expect(await facts(log)).toEqual(await facts(source.log))
    await Promise.all([source.log.close(), source.auth.close(), source.relay.close(), log.close()])
  })
})

describe('two runs of a move to EventStoreDB at the same time', () => {
  it('double nothing, and one of them at least comes to the end', async () => {
    const source = await aLog()
    const log = server.open()
    const auth = anAuthTarget()
    const runs = await Promise.all([0, 1, 2].map(() => move(source, { log, auth, contents, relay }, small)))
    const others = runs.filter(E.isLeft).map(({ left }) => left)
    expect(others.length).toBeLessThan(3)
    for (const failure of others) expect(failure).toEqual({ _tag: 'Overtaken' })
    expect(await right(move(source, { log, auth, contents, relay }, small))).toMatchObject({
      events: 28,
      wasMoved: true,
    })
    expect(await facts(log)).toEqual(await facts(source.log))
    await Promise.all([source.log.close(), source.auth.close(), source.relay.close(), log.close()])
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
      expect(await left(move(source, { log, auth, contents, relay }, quiet))).toEqual({
        _tag: 'TargetTaken',
        store: 'new events',
      })
      expect(await idsOf(log)).toEqual(ids)
      expect(await right(auth.owner())).toBe('nobody')
      await log.close()
    }
    expect(await right(source.log.sealedAt())).toBe(before)
    await Promise.all([source.log.close(), source.auth.close(), source.relay.close()])
  })

  it('where the credentials of another hub are', async () => {
    const source = await aLog()
    const log = server.open()
    const somebodys = { ...anAuthTarget(), owner: async () => E.right('somebody' as const) }
    const anothers = anAuthTarget()
    await right(anothers.claimFor('another'))
    for (const auth of [somebodys, anothers])
      expect(await left(move(source, { log, auth, contents, relay }, quiet))).toEqual({
        _tag: 'TargetTaken',
        store: 'new credentials',
      })
    expect(await idsOf(log)).toEqual([])
    await Promise.all([source.log.close(), source.auth.close(), source.relay.close(), log.close()])
  })

  it('where what is there is no copy: another order, another text, one too many', async () => {
    const source = await aLog()
    const prefix = newPrefix()
    const log = server.open({ prefix })
    const auth = anAuthTarget()
    await move(source, { log: lostAt(log, 5, false), auth, contents, relay }, quiet)
    await right(log.append('page-A:0', 0, [anEvent()]))
    const ids = await idsOf(log)
    expect(await left(move(source, { log, auth, contents, relay }, quiet))).toEqual({
      _tag: 'TargetTaken',
      store: 'new events',
    })
    expect(await idsOf(log)).toEqual(ids)
    expect(await right(source.log.sealedAt())).toBeUndefined()
    await Promise.all([source.log.close(), source.auth.close(), source.relay.close(), log.close()])
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
    expect(await left(move(source, { log: disturbed, auth, contents, relay }, quiet))).toEqual({
      _tag: 'CopyDiffers',
      store: 'new events',
    })
    expect(await left(openLog(log, testKeys))).toEqual({ _tag: 'MoveUnfinished' })
    await Promise.all([source.log.close(), source.auth.close(), source.relay.close(), log.close()])
  })

  it('of an event that is damaged, and of a log without events', async () => {
    const source = await aLog()
    const other = new DatabaseSync(source.path)
    other.exec("UPDATE events SET metadata = '{' WHERE stream = 'page-A:7'")
    other.close()
    const log = server.open()
    expect(await left(move(source, { log, auth: anAuthTarget(), contents, relay }, quiet))).toEqual({
      _tag: 'EventDamaged',
      stream: 'page-A:7',
    })
    const empty = {
      keys: testKeys,
      log: sqliteLog(join(folder.path, 'empty.db')),
      auth: source.auth,
      contents: source.contents,
      relay: source.relay,
    }
    expect(await left(move(empty, { log, auth: anAuthTarget(), contents, relay }, quiet))).toEqual({
      _tag: 'NothingToMove',
    })
    await Promise.all([
      source.log.close(),
      source.auth.close(),
      source.relay.close(),
      empty.log.close(),
      log.close(),
    ])
  })
})
