import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { Binary, type Document as BsonDocument, MongoClient, ObjectId } from 'mongodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Either } from '#fp/Either'
import type { AuthSource, AuthTarget } from '../../auth/auth-contents.ts'
import { catalogue } from '../../domain/catalogue.ts'
import { modelOf, orderField, ownerField } from '../../projections/items.ts'
import type { ModelShape, Query } from '../../projections/read-store.ts'
import { memoryReadStore } from '../../stores/memory/read-store.ts'
import { mongoAuthStore } from '../../stores/mongodb/auth-store.ts'
import { mongoContent } from '../../stores/mongodb/content.ts'
import { filterOf, sortOf } from '../../stores/mongodb/query.ts'
import { mongoReadStore } from '../../stores/mongodb/read-store.ts'
import { mongoRelayStore } from '../../stores/mongodb/relay-store.ts'
import { sqliteAuthStore } from '../../stores/sqlite/auth-store.ts'
import { authStoreContract } from '../contracts/auth-store.ts'
import { checkpointsContract } from '../contracts/checkpoints.ts'
import { contentStoreContract } from '../contracts/content-store.ts'
import { deliveryStoreContract } from '../contracts/delivery-store.ts'
import { generationsContract } from '../contracts/generations.ts'
import { keyStoreContract } from '../contracts/key-store.ts'
import { leasesContract } from '../contracts/leases.ts'
import { messageBodiesContract } from '../contracts/message-bodies.ts'
import { readStoreContract } from '../contracts/read-store.ts'
import { describeUnless } from '../support/describe-unless.ts'
import { left, right } from '../support/either.ts'
import { temporaryFolder } from '../support/folder.ts'
import { keepIt } from '../support/keep-content.ts'
import { keptName, testKeys } from '../support/keys.ts'
import { databaseUrl, type MongoServer, noMongoServer, startMongoServer } from '../support/mongodb.ts'
import { checkpointAt, thing, things } from '../support/things.ts'

const everything: Query = { equals: {}, descending: false, limit: 100, mostBytes: 1e6 }

describeUnless(noMongoServer(), 'MongoDB', () => {
  let server: MongoServer
  let client: MongoClient
  const databases: string[] = []
  beforeAll(async () => {
    server = await startMongoServer()
    client = new MongoClient(server.url, { useBigInt64: true })
  })
  afterAll(async () => {
    // A server of our own goes with its folder.
    for (const name of server.run === undefined ? databases : []) {
      await client.db(name).dropDatabase()
      await client.db(`${name}_auth`).dropDatabase()
    }
    await client.close()
    await server.remove()
  })

  const newDatabase = (): string => {
    const name = `thalamus_${process.pid}_${databases.length}`
    databases.push(name)
    return name
  }
  const newUrl = () => databaseUrl(server.url, newDatabase())

  readStoreContract('MongoDB', async () => mongoReadStore(newUrl()))
  generationsContract('MongoDB', async () => mongoReadStore(newUrl()))
  leasesContract('MongoDB', async () => mongoReadStore(newUrl()))
  leasesContract('MongoDB, of those who deliver', async () => mongoRelayStore(newUrl()))
  checkpointsContract('MongoDB', async () => mongoReadStore(newUrl()))
  authStoreContract('MongoDB', async () => mongoAuthStore(newUrl()))
  messageBodiesContract('MongoDB', async () => {
    const database = newDatabase()
    const { bodies, close } = mongoRelayStore(databaseUrl(server.url, database))
    const pieces = client
      .db(`${database}_auth`)
      .collection<{ readonly _id: string; readonly bytes: Binary }>('message_pieces')
    return {
      bodies,
      damage: async id => {
        const ofBody = await pieces.find({ _id: { $regex: `^${id}/` } }).toArray()
        for (const { _id, bytes } of ofBody.slice(-1)) {
          const changed = Buffer.from(bytes.value())
          changed[0] = (changed[0] ?? 0) ^ 1
          await pieces.updateOne({ _id }, { $set: { bytes: new Binary(changed) } })
        }
      },
      loseFirstPiece: async id => {
        await pieces.deleteOne({ _id: `${id}/0` })
      },
      remains: () => pieces.countDocuments(),
      close,
    }
  })
  deliveryStoreContract('MongoDB', async () => mongoRelayStore(newUrl()))
  keyStoreContract('MongoDB', async () => mongoAuthStore(newUrl()))
  contentStoreContract('MongoDB', async () => {
    const database = newDatabase()
    const store = mongoContent(databaseUrl(server.url, database), testKeys)
    const db = client.db(`${database}_auth`)
    const kept = db.collection<{ readonly _id: string; readonly file: ObjectId }>('contents')
    const chunks = db.collection<{ readonly files_id: ObjectId; readonly n: number; readonly data: Binary }>(
      'content.chunks',
    )
    const fileOf = async (sha256: string) =>
      (await kept.findOne({ _id: keptName(sha256) }))?.file ?? new ObjectId()
    return {
      store,
      damage: async sha256 => {
        for (const { _id, data } of await chunks.find({ files_id: await fileOf(sha256) }).toArray()) {
          const bytes = Buffer.from(data.value())
          bytes[0] = (bytes[0] ?? 0) ^ 1
          await chunks.updateOne({ _id }, { $set: { data: new Binary(bytes) } })
        }
      },
      losePiece: async sha256 => {
        await chunks.deleteOne({ files_id: await fileOf(sha256), n: 1 })
      },
      lose: async sha256 => {
        await db.collection('content.files').deleteOne({ _id: await fileOf(sha256) })
      },
      remains: async () => {
        const unkept = await db.collection('contents_unkept').find().toArray()
        const known = [
          ...(await kept.find().toArray()).map(({ file }) => file),
          ...unkept.map(({ _id }) => _id),
        ]
        const underWay = unkept.filter(({ process }) => process !== '').length
        return underWay + (await chunks.countDocuments({ files_id: { $nin: known } }))
      },
      close: () => store.close(),
    }
  })

  it('saves no progress of a holder whose records are being taken over while it saves', async () => {
    const database = newDatabase()
    const store = mongoRelayStore(databaseUrl(server.url, database))
    const save = (n: number) =>
      store.deliveries.save('s', 1, {
        put: [
          { kind: 'failing', key: 'person-A', text: String(n) },
          { kind: 'progress', key: '', text: String(n) },
        ],
        remove: [],
      })
    await right(store.deliveries.claim('s', 1))
    await right(save(1))
    // As far as the next holder has come: it has this record, and not yet the other.
    const written = client.db(`${database}_auth`).collection<BsonDocument & { _id: string }>('deliveries')
    await written.updateOne({ kind: 'failing' }, { $set: { token: 2 } })
    expect(await left(save(2))).toEqual({ _tag: 'Superseded' })
    expect(await right(store.deliveries.progressOf(['s']))).toEqual(new Map([['s', '1']]))
    await store.close()
  })

  it('serves a process that starts when another has used the store before', async () => {
    const url = newUrl()
    const credential = { account: 'A', version: 'v1', hash: '$2b$12$hash' }
    const first = mongoAuthStore(url)
    expect(await right(first.highestBcryptCost())).toBeUndefined()
    await right(first.addCredential(credential))
    const [reads, secret] = [mongoReadStore(url), await right(first.secret('cookies'))]
    const generation = await right(reads.served(things))
    await Promise.all([first.close(), reads.close()])
    const [next, others] = [mongoAuthStore(url), mongoReadStore(url)]
    expect(await right(next.highestBcryptCost())).toBe(12)
    expect(await right(next.secret('cookies'))).toEqual(secret)
    expect(await right(others.served(things))).toEqual(generation)
    await Promise.all([next.close(), others.close()])
  })

  describe('the store of credentials', () => {
    it('has the sweep look at all that an earlier release has written, an hour after it is used first', async () => {
      const database = newDatabase()
      const written = client.db(`${database}_auth`).collection<BsonDocument & { _id: string }>('credentials')
      for (const version of ['old', 'live'])
        await written.insertOne({
          _id: JSON.stringify(['A', version]),
          account: 'A',
          version,
          hash: 'h',
          imported: null,
          bcryptCost: null,
          addedAt: 0,
        })
      const openedAt = Date.now()
      const isLive = (_account: string, version: string) => version === 'live'
      const store = mongoAuthStore(databaseUrl(server.url, database))
      await right(store.sweepCredentials(openedAt, isLive))
      expect(await right(store.credential('A', 'old'))).toBeDefined()
      await right(store.sweepCredentials(openedAt + 60_000, isLive))
      expect(await right(store.credential('A', 'old'))).toBeUndefined()
      expect(await right(store.credential('A', 'live'))).toBeDefined()
      await store.close()
    })

    it.each(['live', 'dead'])(
      'leaves a candidate, found %s, that another process supersedes while the sweep looks at it',
      async page => {
        const url = newUrl()
        const store = mongoAuthStore(url)
        await right(store.addCredential({ account: 'A', version: 'v', hash: 'h' }))
        const supersedes = `
          const { mongoAuthStore } = await import('./stores/mongodb/auth-store.ts')
          const store = mongoAuthStore(${JSON.stringify(url)})
          await store.supersede('A', ['v'])
          await store.close()`
        const evaluate = 'Deno' in globalThis ? ['eval'] : ['--input-type=module', '--eval']
        const before = Date.now() + 1
        await expect.poll(() => Date.now(), { interval: 1 }).toBeGreaterThan(before)
        await right(
          store.sweepCredentials(before, () => {
            execFileSync(process.execPath, [...evaluate, supersedes])
            return page === 'live'
          }),
        )
        expect(await right(store.credential('A', 'v'))).toBeDefined()
        await right(store.sweepCredentials(Date.now() + 60_000, () => false))
        expect(await right(store.credential('A', 'v'))).toBeUndefined()
        await store.close()
      },
    )

    const folder = temporaryFolder()
    afterAll(() => folder.remove())

    const takeAllOver = async (source: AuthSource, target: AuthTarget): Promise<number> => {
      let changed = 0
      for await (const part of source.contents()) changed += await right(target.takeOver(part))
      return changed
    }

    it('takes over what the embedded one holds, and again what has changed there', async () => {
      const source = sqliteAuthStore(join(folder.path, 'auth.db'))
      const target = mongoAuthStore(newUrl())
      const later = Date.now() + 60_000
      const credentials = Array.from({ length: 450 }, (_, n) => ({
        account: `A${n}`,
        version: 'v',
        hash: n === 7 ? '$2b$11$x' : `$scrypt$${n}`,
        ...(n === 7 ? { imported: 'sha' } : {}),
      }))
      for (const credential of credentials) await right(source.addCredential(credential))
      const secret = await right(source.secret('cookies'))
      await right(source.claim('one', 'kept'))
      await right(source.useOnce('name', later))
      await right(source.noteSeen('node', 1_700_000_000_123))
      for (const kid of ['a', 'b']) await right(source.addSigningKey({ kid, jwk: '{}' }, { retireAt: later }))
      await right(source.countAttempt('attempts stay behind', 1, 60_000))

      expect(await takeAllOver(source, target)).toBe(455)
      for (const credential of credentials)
        expect(await right(target.credential(credential.account, 'v'))).toEqual(credential)
      expect(await right(target.highestBcryptCost())).toBe(11)
      expect(await right(target.secret('cookies'))).toEqual(secret)
      expect(await right(target.claim('one', 'other'))).toBe('kept')
      expect(await right(target.useOnce('name', later))).toBe(false)
      expect(await right(target.lastSeen(['node']))).toEqual(new Map([['node', 1_700_000_000_123]]))
      expect(await right(target.signingKeys())).toEqual([
        { kid: 'b', jwk: '{}' },
        { kid: 'a', jwk: '{}', retiresAt: later },
      ])
      expect((await right(target.countAttempt('attempts stay behind', 1, 60_000))).count).toBe(1)

      expect(await takeAllOver(source, target)).toBe(0)
      await right(source.rehash({ account: 'A7', version: 'v', hash: '$2b$11$x' }, '$scrypt$new'))
      await right(source.addCredential({ account: 'B', version: 'v', hash: '$scrypt$b' }))
      await right(source.claim('one', 'instead', 'kept'))
      await right(source.addSigningKey({ kid: 'c', jwk: '{}' }, { retireAt: later }))
      expect(await takeAllOver(source, target)).toBe(4)
      expect(await right(target.credential('A7', 'v'))).toMatchObject({
        hash: '$scrypt$new',
        imported: 'sha',
      })
      expect(await right(target.highestBcryptCost())).toBeUndefined()
      expect(await right(target.credential('B', 'v'))).toBeDefined()
      expect(await right(target.claim('one', 'other'))).toBe('instead')
      expect((await right(target.signingKeys())).map(({ kid }) => kid).sort()).toEqual(['a', 'b', 'c'])
      await right(target.addSigningKey({ kid: 'd', jwk: '{}' }, { retireAt: later }))
      expect((await right(target.signingKeys()))[0]?.kid).toBe('d')
      // Since when it is a candidate counts for the sweep.
      await right(target.sweepCredentials(Date.now() - 3_600_000, () => false))
      expect(await right(target.credential('A0', 'v'))).toBeDefined()
      await right(target.sweepCredentials(Date.now() + 60_000, () => false))
      expect(await right(target.credential('A0', 'v'))).toBeUndefined()
      await Promise.all([source.close(), target.close()])
    })

    it('is the store of one log, the first that claims it, and of nobody who uses it already', async () => {
      const [fresh, used] = [mongoAuthStore(newUrl()), mongoAuthStore(newUrl())]
      expect(await right(fresh.owner())).toBe('nobody')
      const claims = await Promise.all(['a', 'b', 'a'].map(id => right(fresh.claimFor(id))))
      const { logId } = (await right(fresh.owner())) as { logId: string }
      expect(claims).toEqual(logId === 'a' ? [true, false, true] : [false, true, false])
      await right(used.secret('cookies'))
      expect(await right(used.owner())).toBe('somebody')
      await Promise.all([fresh.close(), used.close()])
    })

    it('says when the embedded one cannot be read', async () => {
      const source = sqliteAuthStore(join(folder.path, 'closed.db'))
      await source.close()
      await expect(source.contents()[Symbol.asyncIterator]().next()).rejects.toMatchObject({
        _tag: 'AuthUnavailable',
      })
    })
  })

  describe('the read models', () => {
    it.each([false, true])('are paged across those without the field (descending: %s)', async descending => {
      const store = mongoReadStore(newUrl())
      const generation = await right(store.served(things))
      const documents = [null, '2020', null, '2021', '2020', null, '2019'].map((at, n) =>
        thing(`k${n}`, 1n, { fields: { owner: 'A', at, flag: null } }),
      )
      await right(store.commit([{ generation, documents }], checkpointAt(1n), 0))
      const query = { ...everything, equals: { owner: 'A' }, orderedBy: 'at', descending }
      const seen: string[] = []
      let after: Query['after']
      for (let more = true; more; ) {
        const pageQuery: Query = after === undefined ? query : { ...query, after }
        const page = await right(store.find(things, { ...pageQuery, limit: 1 }))
        const last = page.documents.at(-1)
        if (last === undefined) break
        seen.push(last.key)
        after = { value: last.orderedBy, key: last.key }
        more = page.more
      }
      const ascending = ['k0', 'k2', 'k5', 'k6', 'k1', 'k4', 'k3']
      expect(seen).toEqual(descending ? ascending.reverse() : ascending)
      await store.close()
    })

    it('leave nothing of what is dropped while it is written to', async () => {
      const database = newDatabase()
      const [builder, sweeper] = [database, database].map(name =>
        mongoReadStore(databaseUrl(server.url, name)),
      )
      if (builder === undefined || sweeper === undefined) throw new Error('no stores')
      await right(builder.served(things))
      const left = async () => {
        const collections = await client.db(database).listCollections({}, { nameOnly: true }).toArray()
        return collections.map(({ name }) => name).filter(name => name.startsWith(things.name))
      }
      const before = await left()
      for (let n = 0; n < 5; n += 1) {
        const generation = await right(builder.begin(things))
        const documents = Array.from({ length: 1_000 }, (_, key) => thing(`${key}`, 1n))
        const committing = builder.commit([{ generation, documents }], checkpointAt(1n), 0)
        while (await right(sweeper.sweep([things], 'all not served')));
        await committing
        while (await right(sweeper.sweep([], 'all not served')));
        expect(await left()).toEqual(before)
      }
      await Promise.all([builder.close(), sweeper.close()])
    })

    it('answer any query as those in memory do', async () => {
      const stores = [mongoReadStore(newUrl()), { ...memoryReadStore(), close: async () => {} }] as const
      const some = <A>(values: readonly A[], seed: number): A => {
        const value = values[Math.floor(Math.abs(Math.sin(seed) * 1e4)) % values.length]
        if (value === undefined) throw new Error('nothing to choose from')
        return value
      }
      const owners = ['A', 'B', null]
      const dates = ['2019', '2020', '2020.5', '2021', null]
      const flags = [0n, 1n, null]
      const documents = Array.from({ length: 80 }, (_, n) =>
        thing(`k${some([0, 1, 2, 3, 4, 5, 6, 7], n)}${n}`, 1n, {
          text: some(['{}', '"longer text"', '"x"', '{}', null], n * 3),
          fields: { owner: some(owners, n * 5), at: some(dates, n * 7), flag: some(flags, n * 11) },
        }),
      )
      for (const store of stores) {
        const generation = await right(store.served(things))
        await right(store.commit([{ generation, documents }], checkpointAt(1n), 0))
      }
      for (let n = 1; n <= 150; n += 1) {
        const isOrdered = some([true, true, false], n * 2)
        const query: Query = {
          equals: {
            ...(some([true, false], n * 3) ? { owner: some(owners, n * 5) } : {}),
            ...(some([true, false, false], n * 7) ? { flag: some(flags, n * 11) } : {}),
          },
          ...(some([true, false, false], n * 13)
            ? {
                range: {
                  field: 'at',
                  from: some(['2019', '2020'], n),
                  until: some(['2020.5', '2022'], n * 17),
                },
              }
            : {}),
          ...(isOrdered ? { orderedBy: 'at' } : {}),
          ...(some([true, false], n * 19)
            ? {
                after: {
                  value: isOrdered ? some(dates, n * 23) : null,
                  key: some(['k3', 'k55', ''], n * 29),
                },
              }
            : {}),
          descending: some([true, false], n * 31),
          limit: some([1, 5, 100], n * 37),
          mostBytes: some([1, 50, 1e6], n * 41),
        }
        const [stored, remembered] = [
          await right(stores[0].find(things, query)),
          await right(stores[1].find(things, query)),
        ]
        expect(stored, inspect(query)).toEqual(remembered)
      }
      await stores[0].close()
    })

    it('take NUL and dollars as data, and positions up to the largest', async () => {
      const store = mongoReadStore(newUrl())
      const generation = await right(store.served(things))
      const largest = 2n ** 63n - 1n
      const fields = { owner: '$ne\0', at: '{"$gt":""}', flag: largest }
      const documents = [thing('$where', largest - 1n, { fields })]
      const almost = { generation, documents }
      await right(store.commit([almost], checkpointAt(largest - 1n), 0))
      const moved = { ...generation, checkpoint: checkpointAt(largest - 1n) }
      const last = thing('$where', largest, { fields, text: '"last"' })
      expect(await left(store.commit([{ generation, documents: [last] }], checkpointAt(largest), 0))).toEqual(
        { _tag: 'Superseded' },
      )
      await right(store.commit([{ generation: moved, documents: [last] }], checkpointAt(largest), 0))
      expect(await right(store.checkpoint(things))).toEqual(checkpointAt(largest))
      const [loaded] = await right(store.load(moved, ['$where']))
      expect(loaded).toEqual({ ...last, fields: { ...fields, owner: '$ne' } })
      for (const equals of [{ owner: '$ne\0' }, { at: '{"$gt":""}' }, { flag: largest }])
        expect((await right(store.find(things, { ...everything, equals }))).documents).toHaveLength(1)
      expect(
        (await right(store.find(things, { ...everything, equals: { owner: '$ne1' } }))).documents,
      ).toEqual([])
      await store.close()
    })

    it('end with the later document, whoever commits first, and with one checkpoint', async () => {
      const url = newUrl()
      const stores = Array.from({ length: 4 }, () => mongoReadStore(url))
      const begun = await Promise.all(stores.map(store => right(store.served(things))))
      expect(new Set(begun.map(({ number }) => number)).size).toBe(1)
      const commits = stores.map((store, n) => {
        const to = BigInt(n + 1)
        const documents = Array.from({ length: 50 }, (_, key) => thing(`k${key}`, to, { text: `"${to}"` }))
        const generation = begun[n]
        if (generation === undefined) throw new Error('nothing was begun')
        return store.commit([{ generation, documents }], checkpointAt(to), 0)
      })
      const tags = (await Promise.all(commits)).map(({ _tag }) => _tag)
      expect(tags.filter(tag => tag === 'Right')).toHaveLength(1)
      const [store] = stores
      if (store === undefined) throw new Error('nothing was opened')
      const won = BigInt(tags.indexOf('Right') + 1)
      expect(await right(store.checkpoint(things))).toEqual(checkpointAt(won))
      const { documents } = await right(store.find(things, everything))
      expect(documents).toHaveLength(50)
      for (const { text } of documents) expect(Number(JSON.parse(text))).toBeGreaterThanOrEqual(Number(won))
      await Promise.all(stores.map(one => one.close()))
    })

    it('are served by one generation, whoever begins first', async () => {
      const url = newUrl()
      const stores = Array.from({ length: 6 }, () => mongoReadStore(url))
      const served = await Promise.all(stores.map(store => right(store.served(things))))
      expect(new Set(served.map(({ number }) => number)).size).toBe(1)
      await Promise.all(stores.map(one => one.close()))
    })

    it('drop a collection that was written to after it had been dropped', async () => {
      const database = newDatabase()
      const store = mongoReadStore(databaseUrl(server.url, database))
      await right(store.served(things))
      const db = client.db(database)
      await db.collection('things_1_7').insertOne({ late: true })
      await db.collection('somebody_else').insertOne({ late: true })
      await right(store.sweep([things], 'idle for a minute'))
      const names = (await db.listCollections().toArray()).map(({ name }) => name)
      expect(names.sort()).toEqual(['models', 'somebody_else', 'things_1_0'])
      await store.close()
    })
  })

  describe('the lists of the hub', () => {
    const queriesOf = (resource: (typeof catalogue)[number]): readonly Query[] => {
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
      return all.flatMap(query => [false, true].map(descending => ({ ...query, descending })))
    }

    /** The fields an index begins with are those compared, then those that order. */
    const serves = (index: readonly string[], query: Query): boolean => {
      const equal = Object.keys(query.equals).map(name => `fields.${name}`)
      const order = [...(query.orderedBy === undefined ? [] : [`fields.${query.orderedBy}`]), '_id']
      const before = index.slice(0, index.indexOf(order[0] ?? ''))
      return (
        before.every(path => equal.includes(path)) &&
        order.every((path, n) => index[before.length + n] === path) &&
        equal.every(path => index.includes(path))
      )
    }

    const stagesOf = (plan: unknown): readonly string[] =>
      typeof plan !== 'object' || plan === null
        ? []
        : Object.entries(plan).flatMap(([name, value]) =>
            name === 'stage' && typeof value === 'string' ? [value] : stagesOf(value),
          )

    const explained = async (
      name: string,
      model: ModelShape,
      query: Query,
    ): Promise<BsonDocument | undefined> =>
      client
        .db(name)
        .collection<{ _id: string }>(`${model.name}_${model.version}_0`)
        .find(filterOf(model, query) ?? {})
        .sort(sortOf(model, query))
        .limit(query.limit)
        .explain('queryPlanner')

    it('have an index each that compares and orders', async () => {
      const database = newDatabase()
      const store = mongoReadStore(databaseUrl(server.url, database))
      for (const resource of catalogue) {
        const model = modelOf(resource)
        await right(store.served(model))
        const indexes = await client.db(database).collection(`${model.name}_${model.version}_0`).indexes()
        const keys = indexes.map(({ key }) => Object.keys(key))
        for (const query of queriesOf(resource))
          expect(
            keys.some(index => serves(index, query)),
            `${model.name}: ${Object.keys(query.equals)}`,
          ).toBe(true)
      }
      await store.close()
    })

    it('are answered by an index, without sorting', async context => {
      const build = await client.db('admin').admin().buildInfo()
      if ('ferretdbVersion' in build) return context.skip('this server does not plan as MongoDB does')
      const database = newDatabase()
      const store = mongoReadStore(databaseUrl(server.url, database))
      for (const resource of catalogue) {
        await right(store.served(modelOf(resource)))
        for (const query of queriesOf(resource)) {
          const plan = await explained(database, modelOf(resource), query)
          const stages = stagesOf(plan?.queryPlanner?.winningPlan)
          expect(stages.join()).toContain('IXSCAN')
          expect(stages).not.toContain('COLLSCAN')
          expect(stages).not.toContain('SORT')
        }
      }
      await store.close()
    })
  })

  describe('the store of credentials', () => {
    it('is one for processes that start at once', async () => {
      const url = newUrl()
      const stores = Array.from({ length: 4 }, () => mongoAuthStore(url))
      const each = <A>(work: (store: (typeof stores)[number], n: number) => Promise<A>) =>
        Promise.all(stores.map(work))
      const secrets = await each(store => right(store.secret('webhooks')))
      expect(new Set(secrets.map(secret => secret.toString('hex'))).size).toBe(1)
      await each((store, n) => right(store.addSigningKey({ kid: `k${n}`, jwk: '{}' }, 'first')))
      const keys = await each(store => right(store.signingKeys()))
      expect(keys[0]).toHaveLength(1)
      for (const one of keys) expect(one).toEqual(keys[0])
      const counts = await each(store =>
        Promise.all(Array.from({ length: 10 }, () => right(store.countAttempt('a', 9, 60_000)))),
      )
      expect(counts.flat().filter(({ count }) => count <= 9)).toHaveLength(9)
      await each(store => store.close())
    })
  })

  describe('a server that is lost', () => {
    const mostMilliseconds = 5_500
    const tagOf = async <A>(task: Promise<Either<{ readonly _tag: string }, A>>) => (await left(task))._tag
    const needsProcess = 'the server of TEST_MONGODB_URL cannot be stopped'

    it('is a failure within five seconds when it falls silent, and answers again after that', async context => {
      const { run } = server
      if (run === undefined) return context.skip(needsProcess)
      const url = newUrl()
      const [store, auth] = [mongoReadStore(url), mongoAuthStore(url)]
      const generation = await right(store.served(things))
      const changes = [{ generation, documents: [thing('a', 1n)] }]
      await right(store.get(things, 'a'))
      await right(auth.secret('webhooks'))
      await run.freeze()
      try {
        const began = performance.now()
        const failures = await Promise.all([
          tagOf(store.get(things, 'a')),
          tagOf(store.find(things, everything)),
          tagOf(store.checkpoint(things)),
          tagOf(store.commit(changes, checkpointAt(1n), 0)),
          tagOf(auth.useOnce('one', 1)),
        ])
        expect(performance.now() - began).toBeLessThan(mostMilliseconds)
        expect(failures).toEqual([...Array(4).fill('ReadUnavailable'), 'AuthUnavailable'])
        const again = performance.now()
        expect(await tagOf(store.get(things, 'a'))).toBe('ReadUnavailable')
        expect(performance.now() - again).toBeLessThan(mostMilliseconds)
      } finally {
        run.thaw()
      }
      await right(store.commit(changes, checkpointAt(1n), 0))
      expect(await right(store.get(things, 'a'))).toMatchObject({ key: 'a' })
      expect(await right(auth.secret('webhooks'))).toHaveLength(32)
      await Promise.all([store.close(), auth.close()])
    })

    it('in the middle of an upload is a failure, and what was kept before stays', async context => {
      const { run } = server
      if (run === undefined) return context.skip(needsProcess)
      const store = mongoContent(newUrl(), testKeys)
      const bytes = Buffer.alloc(600_000, 'bytes')
      async function* sent(between: () => Promise<unknown>) {
        yield bytes.subarray(0, 400_000)
        await between()
        yield bytes.subarray(400_000)
      }
      const receive = (between: () => Promise<unknown>, beforeKeeping: () => Promise<unknown>) =>
        store.receive(sent(between), 1e6, async received => {
          await beforeKeeping()
          return keepIt(received)
        })
      const nothing = async () => {}
      const content = await right(receive(nothing, nothing))
      await right(store.verify(content))
      for (const kill of [() => receive(run.kill, nothing), () => receive(nothing, run.kill)]) {
        expect(await tagOf(kill())).toBe('ContentUnavailable')
        expect(await tagOf(store.verify(content))).toBe('ContentUnavailable')
        await run.restart()
        await right(store.sweep())
        await right(store.verify(content))
        let size = 0
        for await (const piece of store.read(content)) size += piece.length
        expect(size).toBe(bytes.length)
      }
      await right(receive(nothing, nothing))
      await store.close()
    })

    it('is found once it is there by stores that were opened before', async context => {
      const { run } = server
      if (run === undefined) return context.skip(needsProcess)
      await run.stop()
      const url = newUrl()
      const [store, auth] = [mongoReadStore(url), mongoAuthStore(url)]
      expect(await tagOf(store.served(things))).toBe('ReadUnavailable')
      expect(await tagOf(auth.secret('webhooks'))).toBe('AuthUnavailable')
      await run.restart()
      expect(await right(store.served(things))).toMatchObject({ number: 0 })
      expect(await right(auth.secret('webhooks'))).toHaveLength(32)
      await Promise.all([store.close(), auth.close()])
      expect(await tagOf(store.get(things, 'a'))).toBe('ReadUnavailable')
    })

    it('has kept all that was answered when it is killed and starts again', async context => {
      const { run } = server
      if (run === undefined) return context.skip(needsProcess)
      const url = newUrl()
      const [store, auth] = [mongoReadStore(url), mongoAuthStore(url)]
      let generation = await right(store.served(things))
      const used: string[] = []
      let committed = 0n
      const writing = Promise.all([
        (async () => {
          for (let to = 1n; ; to += 1n) {
            const documents = [thing(`k${to}`, to), thing('latest', to, { text: `${to}` })]
            const done = await store.commit([{ generation, documents }], checkpointAt(to), 0)
            if (done._tag === 'Left') return
            generation = { ...generation, checkpoint: checkpointAt(to) }
            committed = to
            if (to === 20n) void run.kill()
          }
        })(),
        ...Array.from({ length: 4 }, async (_, writer) => {
          for (let n = 0; ; n += 1) {
            const name = `${writer} ${n}`
            const done = await auth.useOnce(name, Date.now() + 60_000)
            if (done._tag === 'Left') return
            used.push(name)
          }
        }),
      ])
      await writing
      expect(committed).toBeGreaterThanOrEqual(20n)
      expect(await tagOf(store.get(things, 'latest'))).toBe('ReadUnavailable')
      await run.kill()
      await run.restart()
      const { position } = await right(store.checkpoint(things))
      expect(position).toBeGreaterThanOrEqual(committed)
      for (let to = 1n; to <= committed; to += 1n)
        expect(await right(store.get(things, `k${to}`))).toMatchObject({ position: to })
      expect(Number((await right(store.get(things, 'latest')))?.text)).toBeGreaterThanOrEqual(
        Number(committed),
      )
      for (const name of used) expect(await right(auth.useOnce(name, 1))).toBe(false)
      await Promise.all([store.close(), auth.close()])
    })
  })
})
