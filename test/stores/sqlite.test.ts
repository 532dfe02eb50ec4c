import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { catalogue } from '../../domain/catalogue.ts'
import { inbox, readWaiting } from '../../projections/inbox.ts'
import { modelOf, orderField, ownerField } from '../../projections/items.ts'
import { projections } from '../../projections/read-models.ts'
import type { Query } from '../../projections/read-store.ts'
import { versionKeys, versions } from '../../projections/versions.ts'
import { openLog } from '../../stores/codec.ts'
import { sqliteAuthStore } from '../../stores/sqlite/auth-store.ts'
import { openDatabase } from '../../stores/sqlite/database.ts'
import { sqliteLog } from '../../stores/sqlite/event-log.ts'
import { sqliteReadStore } from '../../stores/sqlite/read-store.ts'
import { sqliteRelayStore } from '../../stores/sqlite/relay-store.ts'
import { authStoreContract } from '../contracts/auth-store.ts'
import { checkpointsContract } from '../contracts/checkpoints.ts'
import { deliveryStoreContract } from '../contracts/delivery-store.ts'
import { encryptionContract } from '../contracts/encryption.ts'
import { eventFeedContract } from '../contracts/event-feed.ts'
import { eventLogContract } from '../contracts/event-log.ts'
import { generationsContract } from '../contracts/generations.ts'
import { keyStoreContract } from '../contracts/key-store.ts'
import { leasesContract } from '../contracts/leases.ts'
import { messageBodiesContract } from '../contracts/message-bodies.ts'
import { readStoreContract } from '../contracts/read-store.ts'
import { left, right } from '../support/either.ts'
import { pageWritten, personRegistered } from '../support/events.ts'
import { eventsIn } from '../support/feed.ts'
import { temporaryFolder } from '../support/folder.ts'
import { testKeys } from '../support/keys.ts'
import { checkpointAt, revision, revisions } from '../support/things.ts'

const folder = temporaryFolder()
afterAll(() => folder.remove())
let files = 0
const newFile = () => {
  files += 1
  return join(folder.path, `${files}.db`)
}

eventLogContract('SQLite', async () => sqliteLog(newFile()))
encryptionContract('SQLite', async () => sqliteLog(newFile()))
eventFeedContract('SQLite', async () => sqliteLog(newFile()))
readStoreContract('SQLite', async () => sqliteReadStore(newFile()))
generationsContract('SQLite', async () => sqliteReadStore(newFile()))
leasesContract('SQLite', async () => sqliteReadStore(newFile()))
leasesContract('SQLite, of those who deliver', async () => sqliteRelayStore(newFile()))
checkpointsContract('SQLite', async () => sqliteReadStore(newFile()))
authStoreContract('SQLite', async () => sqliteAuthStore(newFile()))
messageBodiesContract('SQLite', async () => {
  const path = newFile()
  const { bodies, close } = sqliteRelayStore(path)
  const db = new DatabaseSync(path)
  return {
    bodies,
    damage: async id => {
      const last = 'body = ? AND n = (SELECT max(n) FROM pieces WHERE body = ?)'
      const row = db.prepare(`SELECT bytes FROM pieces WHERE ${last}`).get(id, id)
      const bytes = Buffer.from(row?.bytes as Uint8Array)
      bytes[0] = (bytes[0] ?? 0) ^ 1
      db.prepare(`UPDATE pieces SET bytes = ? WHERE ${last}`).run(bytes, id, id)
    },
    loseFirstPiece: async id => {
      db.prepare('DELETE FROM pieces WHERE body = ? AND n = 0').run(id)
    },
    remains: async () => Number(db.prepare('SELECT count(*) AS n FROM pieces').get()?.n),
    close: async () => {
      db.close()
      await close()
    },
  }
})
deliveryStoreContract('SQLite', async () => sqliteRelayStore(newFile()))
keyStoreContract('SQLite', async () => sqliteAuthStore(newFile()))

describe('the credentials in an SQLite file of an earlier release', () => {
  it('are all looked at by the sweep, an hour after the file was opened first', async () => {
    const path = newFile()
    const earlier = new DatabaseSync(path)
    earlier.exec(`
      CREATE TABLE credentials (account TEXT NOT NULL, version TEXT NOT NULL, hash TEXT NOT NULL,
        imported TEXT, bcrypt_cost INTEGER, added_at INTEGER NOT NULL, PRIMARY KEY (account, version)) STRICT;
      INSERT INTO credentials VALUES ('A', 'old', 'h', NULL, NULL, 0), ('A', 'live', 'h', 'sha', NULL, 0)`)
    earlier.close()
    const openedAt = Date.now()
    const isLive = (_account: string, version: string) => version === 'live'
    for (const [before, isKept] of [
      [openedAt, true],
      [openedAt + 60_000, false],
    ] as const) {
      const store = sqliteAuthStore(path)
      await right(store.sweepCredentials(before, isLive))
      expect((await right(store.credential('A', 'old'))) !== undefined).toBe(isKept)
      expect(await right(store.credential('A', 'live'))).toMatchObject({ hash: 'h', imported: 'sha' })
      await store.close()
    }
  })
})

const signal = new AbortController().signal

describe('the log in an SQLite file', () => {
  it('is on disk before an append answers: WAL, synchronous FULL, for its owner only', () => {
    const path = newFile()
    const db = openDatabase(path, 'FULL')
    expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' })
    expect(db.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2n })
    expect(statSync(path).mode & 0o777).toBe(0o600)
    db.close()
  })

  it('opens its own file so', async () => {
    const log = sqliteLog(newFile())
    expect(log.pragmas()).toEqual({ journal_mode: 'wal', synchronous: 2n })
    await log.close()
  })

  it('shares one commit among appends that wait at the same time', async () => {
    const stored = sqliteLog(newFile())
    const { log } = await right(openLog(stored, testKeys))
    const before = stored.commits()
    await Promise.all(
      Array.from({ length: 640 }, (_, n) =>
        right(log.append(`page-A:${n}`, 'no-stream', [pageWritten('A', `${n}`)])),
      ),
    )
    expect(stored.commits() - before).toBeLessThanOrEqual(64)
    await stored.close()
  })

  it('keeps its identity and its events when it is opened again', async () => {
    const path = newFile()
    const first = sqliteLog(path)
    const { identity, log } = await right(openLog(first, testKeys))
    await right(log.append('person-A', 'no-stream', [personRegistered('A')]))
    await first.close()
    const second = sqliteLog(path)
    const again = await right(openLog(second, testKeys))
    expect(again.identity).toEqual(identity)
    expect(await eventsIn(again.log, 'person-A')).toHaveLength(1)
    await second.close()
  })

  it('counts positions beyond 2^53 exactly', async () => {
    const path = newFile()
    const stored = sqliteLog(path)
    const { log, feed } = await right(openLog(stored, testKeys))
    const other = new DatabaseSync(path)
    other.exec(`UPDATE events SET position = ${2n ** 60n}, checksum = NULL`)
    other.close()
    const appended = await right(log.append('person-A', 'no-stream', [personRegistered('A')]))
    expect(appended[0]?.position).toBe(2n ** 60n + 1n)
    expect(await right(feed.head())).toBe(2n ** 60n + 1n)
    await stored.close()
  })

  it('shows a follower what another process appends', async () => {
    const path = newFile()
    const stored = sqliteLog(path)
    const { feed } = await right(openLog(stored, testKeys))
    const program = fileURLToPath(new URL('../support/append.ts', import.meta.url))
    const ending = new AbortController()
    const child = spawn(process.execPath, [program, path, 'A'], { stdio: ['ignore', 'pipe', 'inherit'] })
    const closed = once(child, 'close')
    let appendedAt = 0
    child.stdout.once('data', text => {
      appendedAt = Number(text)
    })
    let seenAt = 0
    for await (const batch of feed.follow(1n, { signal: ending.signal })) {
      if (batch.events.some(({ stream }) => stream === 'person-A')) {
        seenAt = Date.now()
        ending.abort()
      }
    }
    await closed
    expect(seenAt - appendedAt).toBeLessThan(1_000)
    await stored.close()
  })

  it('takes nothing once it is sealed, by whatever process, and goes on giving what it has', async () => {
    const path = newFile()
    const [ours, theirs] = [sqliteLog(path), sqliteLog(path)]
    const { log } = await right(openLog(ours, testKeys))
    const registered = personRegistered('A')
    await right(log.append('person-A', 'no-stream', [registered]))
    expect(await right(theirs.sealedAt())).toBeUndefined()
    await right(theirs.seal())
    const at = await right(ours.sealedAt())
    expect(at).toMatch(/^\d{4}-.*Z$/)
    for (const event of [registered, personRegistered('B')]) {
      const refused = await left(log.append(`person-${event.event.data.id}`, 'no-stream', [event]))
      expect(refused).toMatchObject({ _tag: 'LogUnavailable' })
      expect(refused).not.toHaveProperty('outcomeUnknown')
    }
    expect(await eventsIn(log, 'person-A')).toHaveLength(1)
    await right(ours.seal())
    expect(await right(ours.sealedAt())).toBe(at)
    await Promise.all([ours.close(), theirs.close()])
  })

  it('counts every append answered before it was sealed, and none after, while processes write', async () => {
    const path = newFile()
    const [ours, theirs] = [sqliteLog(path), sqliteLog(path)]
    const { log } = await right(openLog(ours, testKeys))
    const stored: string[] = []
    const write = async (writer: number) => {
      for (let n = 0; ; n += 1) {
        const id = `${writer}-${n}`
        const appended = await log.append(`page-A:${id}`, 'no-stream', [pageWritten('A', id)])
        if (appended._tag === 'Left') return
        stored.push(`page-A:${id}`)
      }
    }
    const writing = Promise.all(Array.from({ length: 8 }, (_, writer) => write(writer)))
    while (stored.length < 100) await new Promise(resolve => setImmediate(resolve))
    await right(theirs.seal())
    const head = await right(theirs.head())
    await writing
    expect(await right(theirs.head())).toBe(head)
    expect(BigInt(stored.length) + 1n).toBe(head)
    await Promise.all([ours.close(), theirs.close()])
  })

  it('refuses while the disk is full, half-writes nothing, and goes on when there is room', async () => {
    const path = newFile()
    const stored = sqliteLog(path)
    const { log } = await right(openLog(stored, testKeys))
    stored.limitPages(8)
    const big = { info: 'x'.repeat(50_000) }
    const refused = await left(
      log.append('page-A:1', 'no-stream', [pageWritten('A', '1'), pageWritten('A', '1', big)]),
    )
    expect(refused).toMatchObject({ _tag: 'LogUnavailable' })
    expect(await eventsIn(log, 'page-A:1')).toEqual([])
    stored.limitPages(1_000_000)
    await right(log.append('page-A:1', 'no-stream', [pageWritten('A', '1', big)]))
    await stored.close()
  })
})

describe('the read models in an SQLite file', () => {
  it('may be deleted while they are open: they are made anew', async () => {
    const path = newFile()
    const store = sqliteReadStore(path)
    const [projection] = projections
    if (projection === undefined) throw new Error('there are no projections')
    const generation = await right(store.served(projection.shape))
    const document = { key: 'a', revision: 0, position: 1n, text: '{}', fields: {} }
    await right(store.commit([{ generation, documents: [document] }], checkpointAt(1n), 0))
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true })
    store.lookAgain()
    expect((await right(store.served(projection.shape))).checkpoint.position).toBe(0n)
    expect(await right(store.get(projection.shape, 'a'))).toBeUndefined()
    await store.close()
  })

  const queries = catalogue.flatMap(resource => {
    const owner = resource.ownerField === undefined ? {} : { [ownerField]: 'A' }
    const order = resource.orderedBy === undefined ? {} : { orderedBy: orderField }
    const base = { equals: owner, ...order, limit: 10, mostBytes: 1e6 }
    const filters = Object.entries(resource.filters).map(([name, { kind }]) => ({
      ...base,
      equals: { ...owner, [name]: kind === 'flag' ? 1n : 'x' },
    }))
    const range = { ...base, range: { field: orderField, from: '2020', until: '2021' } }
    const after = { ...base, after: { value: resource.orderedBy === undefined ? null : '2020', key: 'k' } }
    const all = [base, after, ...filters, ...(resource.orderedBy === undefined ? [] : [range])]
    return all.flatMap(query =>
      [false, true].map(descending => [resource.name, { ...query, descending } satisfies Query] as const),
    )
  })

  it('answer every list of the hub by an index, without sorting', async () => {
    const store = sqliteReadStore(newFile())
    for (const resource of catalogue) await right(store.served(modelOf(resource)))
    for (const [name, query] of queries) {
      const resource = catalogue.find(one => one.name === name)
      if (resource === undefined) throw new Error('no such resource')
      const plan = store.explain(modelOf(resource), query).join('; ')
      expect(
        plan,
        JSON.stringify(query, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
      ).toMatch(/USING (COVERING )?INDEX/)
      expect(plan).not.toContain('TEMP B-TREE')
    }
    await store.close()
  })
})

describe('an inbox', () => {
  it('is read by an index, without sorting', async () => {
    const store = sqliteReadStore(newFile())
    await right(store.served(inbox))
    const plans: string[] = []
    const find: typeof store.find = (model, query) => {
      plans.push(store.explain(model, query).join('; '))
      return store.find(model, query)
    }
    await right(readWaiting({ ...store, find }, 'lab', 5n, { limit: 10, mostBytes: 1e6 }))
    expect(plans).toEqual([
      expect.stringMatching(/USING INDEX \S+ \(waiting=\? AND arrived>\? AND arrived<\?\)/),
    ])
    expect(plans[0]).not.toContain('TEMP B-TREE')
    await store.close()
  })
})

describe('versions', () => {
  it('are looked through a stretch at a time, and found wherever they are', async () => {
    const store = sqliteReadStore(newFile())
    const generation = await right(store.served(revisions))
    const isValid = (n: number) => n === 0 || n === 2_500 || n === 6_999
    const documents = Array.from({ length: 7_000 }, (_, n) =>
      revision(`k${String(n).padStart(5, '0')}`, [isValid(n) ? 1n : 100n, 1n]),
    )
    await right(store.commit([{ generation, documents }], checkpointAt(7_000n), 0))
    const query: Query = {
      equals: {},
      descending: false,
      limit: 10,
      mostBytes: 1e6,
      validAt: { position: 50n },
    }
    let turns = 0
    const counting = setInterval(() => {
      turns += 1
    }, 0)
    const page = await right(store.find(revisions, query))
    clearInterval(counting)
    expect(page.documents.map(({ key }) => key)).toEqual(['k00000', 'k02500', 'k06999'])
    expect(turns).toBeGreaterThan(0)
    const first = await right(store.find(revisions, { ...query, descending: true, limit: 2 }))
    expect(first).toMatchObject({ documents: [{ key: 'k06999' }, { key: 'k02500' }], more: true })
    const rest = await right(
      store.find(revisions, { ...query, descending: true, after: { value: null, key: 'k02500' } }),
    )
    expect(rest).toMatchObject({ documents: [{ key: 'k00000' }], more: false })
    await store.close()
  })

  const at = { position: 9n, time: 2024n }
  const since = [{ field: 'recorded_at', from: 2023n, until: 2024n }]
  const keys = versionKeys('people', 'A')
  it.each<[string, string, Partial<Query>]>([
    ['the history of an item', 'key>? AND key<?', { keys }],
    ['an item as of a time', 'key>? AND key<?', { keys, validAt: at }],
    ['a list as of a time', 'list=?', { equals: { list: 'pols/A' }, orderedBy: 'ordered_by', validAt: at }],
    [
      'the next page of a list as of a time',
      'list=? AND (ordered_by,key)>(?,?)',
      {
        equals: { list: 'people' },
        orderedBy: 'ordered_by',
        validAt: at,
        after: { value: '', key: 'people/A!000000000000' },
      },
    ],
    [
      'a filtered list as of a time',
      'list=? AND filter_2=?',
      { equals: { list: 'encounters', filter_2: 'x' }, orderedBy: 'ordered_by', validAt: at },
    ],
    ['the audit', 'recorded_at>? AND recorded_at<?', { ranges: since, orderedBy: 'recorded_at' }],
    ...['actor', 'node', 'resource', 'subject'].map((field): [string, string, Partial<Query>] => [
      `the audit by ${field}`,
      `${field}=? AND recorded_at>? AND recorded_at<?`,
      { equals: { [field]: 'x' }, ranges: since, orderedBy: 'recorded_at' },
    ]),
    [
      'the audit by subject and actor',
      'subject=? AND recorded_at>? AND recorded_at<?',
      { equals: { actor: 'x', subject: 'y' }, ranges: since, orderedBy: 'recorded_at' },
    ],
  ])('find %s by an index: %s', async (_what, searched, query) => {
    const store = sqliteReadStore(newFile())
    await right(store.served(versions))
    for (const descending of [false, true]) {
      const whole = { equals: {}, limit: 10, mostBytes: 1e6, ...query, descending }
      const plan = store.explain(versions, whole).join('; ')
      expect(plan).toContain(`(${descending ? searched.replace(')>(', ')<(') : searched})`)
      // Of the same millisecond only.
      expect(plan.replace('TEMP B-TREE FOR LAST TERM OF ORDER BY', '')).not.toContain('TEMP B-TREE')
    }
    await store.close()
  })
})

describe('a list with several filters', () => {
  it.each([
    ['encounters', ['status', 'institution', 'person'], 'person=?'],
    ['encounters', ['status', 'institution'], 'institution=? AND status=?'],
    ['encounters', ['status'], 'status=?'],
    ['events', ['institution', 'type', 'person'], 'person=?'],
    ['events', ['type', 'institution'], 'institution=? AND type=?'],
    ['personal-documents', ['type', 'person'], 'person=?'],
    ['people', ['active', 'gender', 'lastname'], 'lastname=?'],
    ['people', ['active', 'gender'], 'gender=? AND active=?'],
    ['people', ['active'], 'active=?'],
  ])('of %s by %j is read where the fewest are found: %s', async (name, filters, compared) => {
    const store = sqliteReadStore(newFile())
    const resource = catalogue.find(one => one.name === name)
    if (resource === undefined) throw new Error('no such resource')
    const model = modelOf(resource)
    await right(store.served(model))
    const order = resource.orderedBy === undefined ? {} : { orderedBy: orderField }
    for (const descending of [false, true]) {
      const equals = Object.fromEntries(filters.map(field => [field, field === 'active' ? 1n : 'x']))
      const plan = store
        .explain(model, { equals, ...order, descending, limit: 10, mostBytes: 1e6 })
        .join('; ')
      expect(plan).toContain(`(${compared})`)
      expect(plan).not.toContain('TEMP B-TREE')
    }
    await store.close()
  })
})

describe('reading along', () => {
  it('ends with its signal', async () => {
    const stored = sqliteLog(newFile())
    await right(openLog(stored, testKeys))
    expect(signal.aborted).toBe(false)
    const ending = new AbortController()
    for await (const batch of stored.follow(0n, { signal: ending.signal })) if (batch.caughtUp) ending.abort()
    await stored.close()
  })
})
