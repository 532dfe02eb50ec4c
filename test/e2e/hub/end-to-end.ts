import { afterAll, beforeAll, expect, it } from 'vitest'
import { basic, type Client, clientOf } from '../../support/client.ts'
import { describeUnless } from '../../support/describe-unless.ts'
import {
  type Combination,
  type Engines,
  isMixed,
  noEngines,
  servers,
  startEngines,
} from '../../support/engines.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { bySecret, tokenOf, withToken } from '../../support/nodes.ts'
import {
  type RunningHub,
  type Runtime,
  runCommand,
  startHubProcess,
  untilReady,
} from '../../support/process.ts'

const book = '/pols/ESPGNU777ORG'
const page = `${book}/41b9662b-8f85-412b-8254-8b854f6405c7`

/**
 * The whole hub from outside, as its own process: the same under every runtime, on all engines. Under Deno on servers, and on one
 * engine for the events and another for the rest, without what others show as well: commands that write nodes, and traces of
 * a forgotten person after each of a rebuild and a start.
 */
export const endToEnd = (runtime: Runtime, combination: Combination) => {
  describeUnless(noEngines(combination), `a hub under ${runtime} on ${combination.join(' and ')}`, () => {
    const folder = temporaryFolder()
    const isWhole = !isMixed(combination) && !(runtime === 'deno' && combination === servers)
    let engines: Engines
    let hub: RunningHub
    let root: Client
    let secret = ''

    const command = (parameters: readonly string[], input = '') =>
      runCommand([...parameters, '--data-dir', folder.path], input, runtime, engines.settings)
    const serve = async () => {
      hub = await startHubProcess(folder.path, runtime, engines.settings)
      await untilReady(hub)
      root = clientOf(hub.url, basic('ARGBUE111FAV', 'freedom'))
    }
    const ana = () => clientOf(hub.url, basic('espgnu777org', 'gnusolidario'))
    const node = async () => withToken(hub.url, await tokenOf(hub.url, 'hospital', bySecret(secret)))

    beforeAll(async () => {
      engines = await startEngines(combination)
      const register = ['person', 'register', 'ARGBUE111FAV', '--roles', 'root', '--password-stdin']
      expect(await command(register, 'freedom\n')).toMatchObject({ code: 0, err: '' })
      await serve()
    })
    afterAll(async () => {
      await hub?.kill('SIGTERM')
      await engines?.stop()
      folder.remove()
    })

    it('is live and ready', async () => {
      expect((await clientOf(hub.url).get('/livez')).status).toBe(200)
      expect((await clientOf(hub.url).get('/readyz')).json).toMatchObject({ status: 'ready' })
    })

    it('registers a person, writes a page and reads the book', async () => {
      const person = {
        name: 'Ana',
        lastname: 'Betz',
        gender: 'f',
        dob: '1985-10-04',
        password: 'gnusolidario',
      }
      expect((await root.post('/people/ESPGNU777ORG', person)).status).toBe(201)
      const written = {
        page_date: '2021-05-06T20:59:41.123456',
        domain: 'medical',
        context: 'self_monitoring',
      }
      for (const status of [201, 200]) expect((await root.post(page, written)).status).toBe(status)
      expect((await ana().get(`${book}?page_type=medical`)).json).toEqual([
        { ...written, id: '41b9662b-8f85-412b-8254-8b854f6405c7', book: 'ESPGNU777ORG' },
      ])
    })

    it('changes what is as it was read, and nothing else', async () => {
      const { headers } = await root.get(page)
      const etag = { 'If-Match': headers.get('ETag') ?? '' }
      const changed = await root.patch(page, { summary: 'Pressure' }, etag)
      expect([changed.status, changed.json]).toMatchObject([200, { summary: 'Pressure' }])
      expect((await root.patch(page, { summary: 'Another' }, etag)).status).toBe(412)
      expect((await root.get(page)).headers.get('ETag')).toBe(changed.headers.get('ETag'))
    })

    it('answers a repeat with the same Idempotency-Key as the first time', async () => {
      const key = { 'Idempotency-Key': 'visit-1' }
      const first = await root.post(book, { summary: 'Visit' }, key)
      const repeat = await root.post(book, { summary: 'Visit' }, key)
      expect([first.status, repeat.status, repeat.text]).toEqual([201, 201, first.text])
      expect((await root.post(book, { summary: 'Other' }, key)).status).toBe(422)
    })

    it('removes a page for good', async () => {
      expect((await root.put(`${book}/mistake`, { summary: 'Wrong book' })).status).toBe(201)
      expect((await root.delete(`${book}/mistake`)).status).toBe(204)
      expect((await root.get(`${book}/mistake`)).status).toBe(410)
      expect((await root.post(`${book}/mistake`, {})).status).toBe(410)
    })

    it('answers the past of an item: its history, and what it was at a time', async () => {
      const [newest, , first] = (await root.get(`${page}/history`)).json as readonly {
        readonly event: string
        readonly recordedAt: string
        readonly changes: unknown
      }[]
      expect(newest).toMatchObject({ event: 'PageAmended', changes: [{ path: '/summary', to: 'Pressure' }] })
      expect(first).toBeUndefined()
      const time = new Date(Date.parse(newest?.recordedAt ?? '') - 1).toISOString()
      expect((await root.get(`${page}?asOf=${time}`)).json).not.toHaveProperty('summary')
      expect((await root.get(`${page}?asOf=${newest?.recordedAt}`)).json).toHaveProperty('summary')
      expect((await root.get(`${book}?asOf=${time}`)).json).toHaveLength(1)
      expect((await root.get(`/people?asOf=${time}&lastname=betz`)).json).toMatchObject([{ name: 'Ana' }])
      expect((await root.get(`${book}/mistake/history`)).json).toMatchObject([
        { event: 'PageWithdrawn' },
        { event: 'PageWritten' },
      ])
    })

    it('shows auditors who changed what, and readers of the feed every event in order', async () => {
      const audit = await root.get('/audit?person=ESPGNU777ORG&resource=pols')
      const entries = audit.json as readonly { readonly position: string; readonly event: string }[]
      const pages = await root.get('/feed?resources=pols')
      const { events, next } = pages.json as {
        readonly events: readonly { readonly position: string }[]
        readonly next: string
      }
      expect(entries.map(({ position }) => position)).toEqual(
        events.map(({ position }) => position).toReversed(),
      )
      const lines = await root.get('/feed?resources=pols', { Accept: 'application/x-ndjson' })
      expect(
        lines.text
          .trimEnd()
          .split('\n')
          .map(line => JSON.parse(line)),
      ).toEqual(events)
      const [who] = (await root.get('/audit?resource=accesses')).json as readonly unknown[]
      expect(who).toMatchObject({ event: 'AuditRead', actor: { kind: 'person', id: 'ARGBUE111FAV' } })
      const waiting = root.get(`/feed?after=${next}&wait=30&resources=pols`)
      await root.post(`${book}/fed`, { summary: 'Fed' })
      expect((await waiting).json).toMatchObject({ events: [{ id: 'ESPGNU777ORG/fed' }] })
      await root.delete(`${book}/fed`)
    })

    it('takes over a bcrypt hash, and refuses a wrong password', async () => {
      // "gnusolidario" with cost 4.
      const hash = '$2b$04$85f6ixrdFXt58Fjz19Mk5ef.7QjDizh59SetLCPHf6.AeupbUDi0K'
      const refused = await root.post('/people/ITAPYT999HON', { password: '$2b$13$tooexpensive' })
      expect(refused.status).toBe(422)
      expect((await root.post('/people/ITAPYT999HON', { password: hash })).status).toBe(201)
      const cameron = clientOf(hub.url, basic('ITAPYT999HON', 'gnusolidario'))
      expect((await cameron.get('/login')).status).toBe(200)
      expect((await cameron.get('/login')).status).toBe(200)
      const wrong = await clientOf(hub.url, basic('ITAPYT999HON', 'not this one')).get('/login')
      expect(wrong.status).toBe(401)
    })

    it('takes in a document’s content of a megabyte, gives a range of it, and refuses one that nobody wants', async () => {
      const document = '/personal-documents/scan'
      await root.post(document, { person: 'ESPGNU777ORG' })
      const bytes = new TextEncoder().encode('0123456789'.repeat(100_000))
      const content = { size: 1_000_000, type: 'text/plain' }
      const headers = { 'Content-Type': 'text/plain' }
      const stored = await root.send('PUT', `${document}/content`, { body: bytes, headers })
      expect([stored.status, stored.json]).toMatchObject([201, { content }])
      const range = await root.get(`${document}/content`, { Range: 'bytes=-12' })
      expect([range.status, range.text]).toEqual([206, '890123456789'])
      const unwanted = { body: new Uint8Array(3_000_000), headers: { 'If-Match': '"7"' } }
      expect((await root.send('PUT', `${document}/content`, unwanted)).status).toBe(412)
    })

    if (isWhole)
      it('lets in a node that the command line enrolled, and out again', async () => {
        const enroll = ['node', 'enroll', 'hospital', '--name', 'Hospital', '--scopes', 'pols:read']
        const enrolled = await command(enroll)
        expect(enrolled.code).toBe(0)
        secret = JSON.parse(enrolled.out).client_secret
        const hospital = await node()
        expect((await hospital.get(book)).json).toHaveLength(2)
        expect((await hospital.get('/people')).status).toBe(403)
        expect((await command(['node', 'suspend', 'hospital'])).code).toBe(0)
        expect((await hospital.get(book)).status).toBe(401)
        expect((await command(['node', 'reinstate', 'hospital'])).code).toBe(0)
      })

    it('answers the same after it was stopped and started again, and its log names no person', async () => {
      const before = [await root.get('/people'), await root.get(book), await root.get('/nodes')]
      expect(await hub.kill('SIGTERM')).toBe(0)
      expect(hub.log()).toContain('"route":"/people/:id"')
      expect(hub.log()).not.toMatch(/ESPGNU777ORG|ARGBUE111FAV|Betz/i)
      await serve()
      const after = [await root.get('/people'), await root.get(book), await root.get('/nodes')]
      expect(after.map(({ text }) => text)).toEqual(before.map(({ text }) => text))
      if (isWhole) expect((await (await node()).get(book)).text).toBe(before[1]?.text)
    })

    it('answers the same after its read models were built anew', async () => {
      const before = await root.get(book)
      expect(await command(['rebuild'])).toMatchObject({ code: 0 })
      const after = await root.get(book)
      expect([after.status, after.text]).toEqual([200, before.text])
    })

    it('forgets a person, and gives back of them who wrote what kind of thing and when', async () => {
      const time = new Date().toISOString()
      const others = (await root.get('/people/ARGBUE111FAV')).text
      const paths = ['/people/ESPGNU777ORG', page, '/personal-documents/scan']
      await root.put('/people/ESPGNU777ORG/active', { active: false })
      const reason = { reason: 'Request 12/2026' }
      const erased = await root.post('/people/ESPGNU777ORG/erasure', reason)
      expect([erased.status, erased.json]).toMatchObject([
        200,
        { account: 'ESPGNU777ORG', inClear: 0, contents: 1 },
      ])
      const gone = { status: 410, type: 'urn:thalamus:problem:erased' }
      const hasForgotten = (events: string) => {
        expect(events).toContain('"erased":true')
        expect(events).not.toMatch(/Betz|Pressure|self_monitoring|Visit/)
      }
      const traces = async () => {
        for (const path of [...paths, '/personal-documents/scan/content'])
          expect((await root.get(path)).json).toMatchObject(gone)
        for (const path of paths) {
          expect((await root.get(`${path}?asOf=${time}`)).json).toMatchObject(gone)
          expect((await root.patch(path, { summary: 'x', name: 'x', description: 'x' })).json).toMatchObject(
            gone,
          )
          const history = (await root.get(`${path}/history`)).json as readonly object[]
          expect(history.length).toBeGreaterThan(0)
          for (const entry of history) expect(entry).toMatchObject({ erased: true })
        }
        expect((await root.get(book)).json).toMatchObject(gone)
        expect((await root.get('/people?lastname=betz')).json).toEqual([])
        expect((await root.get(`/people?asOf=${time}&lastname=betz`)).json).toEqual([])
        expect((await root.get(`${book}?asOf=${time}`)).json).toMatchObject(gone)
        const audit = (await root.get('/audit?person=ESPGNU777ORG')).json as readonly object[]
        for (const entry of audit) {
          expect(entry).toMatchObject({ erased: true })
          expect(entry).not.toHaveProperty('changes')
        }
        hasForgotten((await root.get('/feed?limit=1000')).text)
        expect((await root.get('/people/ARGBUE111FAV')).text).toBe(others)
        expect((await root.post('/people/ESPGNU777ORG/erasure', reason)).text).toBe(erased.text)
      }
      if (isWhole) {
        await traces()
        expect(await command(['rebuild'])).toMatchObject({ code: 0, err: '' })
        await traces()
      }
      const replayed = await command(['replay'])
      expect(replayed.code).toBe(0)
      hasForgotten(replayed.out)
      expect(await hub.kill('SIGTERM')).toBe(0)
      await serve()
      await traces()
    })
  })
}
