import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { JsonObject } from '../../domain/json.ts'
import type { StoredLog } from '../../stores/stored.ts'
import { basic, type Client, clientOf, type Reply } from '../support/client.ts'
import { describeUnless } from '../support/describe-unless.ts'
import { type Engines, noEngines, servers, startEngines } from '../support/engines.ts'
import { idsOf } from '../support/eventstoredb/target.ts'
import { temporaryFolder } from '../support/folder.ts'
import { enroll, withToken } from '../support/nodes.ts'
import { type RunningHub, runCommand, startCommand, startHubProcess, untilReady } from '../support/process.ts'
import { type Sink, startSink } from '../support/sink.ts'

// Where clients find the hub stays the same when it moves.
const settings = { PUBLIC_URL: 'http://hub.example.org', ALLOW_PRIVATE_WEBHOOKS: 'on' }

const asRoot = ({ url }: RunningHub): Client => clientOf(url, basic('ROOT', 'freedom'))
const asAna = ({ url }: RunningHub): Client => clientOf(url, basic('ANA', 'gnusolidario'))

const tokenOf = async ({ url }: RunningHub, secret: string, node = 'lab'): Promise<string> => {
  const answer = await fetch(`${url}/oidc/token`, {
    method: 'POST',
    headers: { Authorization: basic(node, secret) },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  })
  const { access_token: token } = (await answer.json()) as { access_token?: string }
  return token ?? ''
}

const positionOf = ({ headers }: Reply): string => headers.get('Thalamus-Position') ?? ''

/** What an answer says, whichever hub gives it. */
const shownOf = ({ status, headers, text }: Reply) => ({ status, etag: headers.get('ETag'), text })

/** Writes pages, one each time that `turn` lets it, until one is refused; gives those that were answered 201, and the refusal. */
const writeUntilRefused = async (client: Client, writer: number, turn: () => Promise<unknown>) => {
  const answered: Reply[] = []
  for (let n = 0; ; n += 1) {
    const reply = await client.post(`/pols/ANA/w${writer}-${n}`, { summary: `${n}` })
    if (reply.status !== 201) return { answered, refused: reply }
    answered.push(reply)
    await turn()
  }
}

describeUnless(
  noEngines(servers),
  'a hub that moves to EventStoreDB and MongoDB while it is written to',
  () => {
    const folder = temporaryFolder()
    const elsewhere = temporaryFolder()
    const key = { 'Idempotency-Key': 'once' }
    const firstPage: JsonObject = { summary: 'kept', page_date: '2021-05-06' }
    const written: Reply[] = []
    let engines: Engines
    let target: StoredLog
    let old: RunningHub
    let hub: RunningHub
    let secret = ''
    let token = ''
    let first: Reply
    let sink: Sink
    let wardToken = ''
    let subscription = ''
    const messages: string[] = []
    const scan = Buffer.alloc(600_000, 'scan ')
    const asWard = ({ url }: RunningHub): Client => withToken(url, wardToken)

    const moving = () => {
      const { EVENTSTORE_URL = '', MONGODB_URL = '', STREAM_PREFIX = '' } = engines.settings
      return startCommand([
        ...['move', '--data-dir', folder.path, '--to-events', EVENTSTORE_URL, '--to-reads', MONGODB_URL],
        ...['--stream-prefix', STREAM_PREFIX],
      ])
    }

    beforeAll(async () => {
      const started = await startEngines(servers)
      // The hub goes on with the key that it had.
      const masterKey = { MASTER_KEY_FILE: join(folder.path, 'master.key') }
      engines = { ...started, settings: { ...started.settings, ...masterKey } }
      target = engines.events?.open({ prefix: engines.settings.STREAM_PREFIX ?? '' }) as StoredLog
      const register = ['person', 'register', 'ROOT', '--roles', 'root', '--password-stdin']
      await runCommand([...register, '--data-dir', folder.path], 'freedom')
      old = await startHubProcess(folder.path, 'node', settings)
      await untilReady(old)
      const root = asRoot(old)
      await root.post('/people/ANA', { name: 'Ana', password: 'gnusolidario' })
      secret = await enroll(root, 'lab', ['people:read', 'pols:read'])
      token = await tokenOf(old, secret)
      first = await root.post('/pols/ANA/first', firstPage, key)
      await root.post('/personal-documents/scan', { person: 'ANA' })
      const put = await root.send('PUT', '/personal-documents/scan/content', {
        body: new Uint8Array([1, 2, 3]),
      })
      expect(put.status).toBe(201)
      await root.post('/pols/ANA/removed', {})
      await root.delete('/pols/ANA/removed')
      for (let n = 0; n < 150; n += 1) await root.patch('/people/ANA', { lastname: `${n}` })
    })
    afterAll(async () => {
      await sink?.close()
      await old?.kill('SIGTERM')
      await hub?.kill('SIGTERM')
      await target?.close()
      await engines?.stop()
      folder.remove()
      elsewhere.remove()
    })

    it('has messages that wait, and a subscription that is paused while something could not be delivered', async () => {
      const root = asRoot(old)
      const scopes = ['messages:send', 'messages:read', 'subscriptions:write', 'pols:read']
      wardToken = await tokenOf(old, await enroll(root, 'ward', scopes), 'ward')
      const ward = asWard(old)
      for (const body of [{ n: 1 }, { n: 2 }]) {
        const sent = await ward.post('/messages', { to: ['ward'], type: 'order', body })
        messages.push((sent.json as { id: string }).id)
      }
      await ward.send('POST', `/messages/${messages.shift()}/ack`)
      const announced = await ward.post('/messages', { to: ['ward'], type: 'scan', content: true })
      messages.push((announced.json as { id: string }).id)
      expect((await ward.send('PUT', `/messages/${messages[1]}/content`, { body: scan })).status).toBe(201)

      sink = await startSink()
      const created = await ward.post('/subscriptions', { url: sink.url, resources: ['pols'], from: 'start' })
      subscription = `/subscriptions/${(created.json as { id: string }).id}`
      await sink.untilTaken(3)
      sink.answer(() => 500)
      await root.post('/pols/ANA/held', {})
      const failures = async () => ((await ward.get(subscription)).json as { failures: number }).failures
      await expect.poll(failures).toBeGreaterThan(0)
      expect((await ward.patch(subscription, { status: 'paused' })).status).toBe(200)
    })

    it('is moved by runs of which each but the last is killed, losing nothing that was answered', async () => {
      let copied = 0
      const look = async () => {
        copied = (await idsOf(target)).length
      }
      const writing = [1, 2].map(writer => writeUntilRefused(asRoot(old), writer, look))
      for (const events of [1, 40, 150]) {
        const run = moving()
        while (copied < events) await look()
        run.kill('SIGKILL')
        expect((await run.ended).code).toBeNull()
      }
      const tooEarly = await runCommand(
        ['serve', '--port', '0', '--data-dir', elsewhere.path],
        '',
        'node',
        engines.settings,
      )
      expect(tooEarly).toMatchObject({ code: 1, err: expect.stringContaining('`move` again') })
      const sealing = moving()
      const writers = await Promise.all(writing)
      sealing.kill('SIGKILL')
      await sealing.ended
      for (const { answered, refused } of writers) {
        written.push(...answered)
        expect(refused.status).toBe(503)
        expect(refused.headers.get('Retry-After')).toMatch(/^\d+$/)
      }
      const [done, again] = [await moving().ended, await moving().ended]
      expect(done).toMatchObject({ code: 0, out: expect.stringMatching(/^All (is|was) moved/), err: '' })
      expect(again).toMatchObject({ code: 0, out: expect.stringContaining('moved before'), err: '' })
      const ids = await idsOf(target)
      expect(new Set(ids).size).toBe(ids.length)
      hub = await startHubProcess(elsewhere.path, 'node', { ...engines.settings, ...settings })
      await untilReady(hub)
    }, 120_000)

    it('answers every read as before, on either side', async () => {
      const paths = [
        '/people/ANA',
        '/people',
        '/pols/ANA/first',
        '/pols/ANA/removed',
        '/pols/ANA/never',
        '/personal-documents/scan',
        '/personal-documents/scan/content',
      ]
      const existing = new Set<string>()
      for (let path: string | undefined = '/pols/ANA?limit=100'; path !== undefined; path = paths.pop()) {
        const [before, now] = [await asRoot(old).get(path), await asRoot(hub).get(path)]
        expect(shownOf(now), path).toEqual(shownOf(before))
        if (!path.includes('?')) continue
        for (const page of now.json as unknown[]) existing.add(JSON.stringify(page))
        const next = /<([^>]+)>/.exec(now.headers.get('Link') ?? '')?.[1]
        if (next !== undefined) paths.push(next)
      }
      expect(written.length).toBeGreaterThan(0)
      expect(written.filter(({ text }) => !existing.has(text))).toEqual([])
    })

    it('knows the same people, nodes, secrets and tokens', async () => {
      expect((await asAna(hub).get('/login')).status).toBe(200)
      expect((await clientOf(hub.url, basic('ANA', 'wrong one')).get('/login')).status).toBe(401)
      expect((await withToken(hub.url, token).get('/people/ANA')).status).toBe(200)
      expect(await tokenOf(hub, secret)).not.toBe('')
      const keys = [old, hub].map(async ({ url }) => (await clientOf(url).get('/oidc/jwks')).text)
      const [before, now] = await Promise.all(keys)
      expect(now).toBe(before)
    })

    it('knows a request that it answered before it moved', async () => {
      const again = await asRoot(hub).post('/pols/ANA/first', firstPage, key)
      expect(shownOf(again)).toEqual(shownOf(first))
      expect((await asRoot(hub).post('/pols/ANA/first', { summary: 'other' }, key)).status).toBe(422)
    })

    it('takes every position it gave, and none that it never gave', async () => {
      const min = (position: string) => asAna(hub).get('/people/ANA', { 'Thalamus-Min-Position': position })
      for (const reply of [first, written[0] ?? first, written.at(-1) ?? first])
        expect((await min(positionOf(reply))).status).toBe(200)
      expect((await min(positionOf(first).replace(/\d+$/, '999999999'))).status).toBe(422)
      expect((await min(positionOf(first).replace(/-0-/, '-2-'))).status).toBe(422)
    })

    it('gives a recipient the messages that waited, with their bodies', async () => {
      const ward = asWard(hub)
      const inbox = (await ward.get('/messages')).json as { messages: { id: string; body: unknown }[] }
      expect(inbox.messages.map(({ id }) => id)).toEqual(messages)
      expect(inbox.messages[0]?.body).toEqual({ n: 2 })
      const content = await fetch(`${hub.url}/messages/${messages[1]}/content`, {
        headers: { Authorization: `Bearer ${wardToken}` },
      })
      expect(Buffer.from(await content.arrayBuffer()).equals(scan)).toBe(true)
      expect((await ward.send('POST', `/messages/${messages[0]}/ack`)).status).toBe(204)
    })

    it('goes on with a subscription where it was: all once, and what had failed with the id it had', async () => {
      expect((await asWard(hub).get(subscription)).json).toMatchObject({
        status: 'paused',
        lastError: { error: 'the receiver answered 500' },
      })
      sink.answer(() => 204)
      expect((await asWard(hub).patch(subscription, { status: 'active' })).status).toBe(200)
      await sink.untilTaken(4 + written.length)
      await expect.poll(async () => (await asWard(hub).get(subscription)).json).toMatchObject({ lag: 0 })
      const taken = sink.taken()
      expect(taken).toHaveLength(4 + written.length)
      expect(new Set(taken.map(({ id }) => id)).size).toBe(taken.length)
      expect(taken.slice(0, 3).map(({ entry }) => entry.id)).toEqual([
        'ANA/first',
        'ANA/removed',
        'ANA/removed',
      ])
      const held = sink.deliveries.filter(({ entry }) => entry.id === 'ANA/held')
      expect(held.length).toBeGreaterThan(1)
      expect(new Set(held.map(({ id }) => id)).size).toBe(1)
    })

    it('is written where it is now only, and says so where it was', async () => {
      const page = await asAna(hub).post('/pols/ANA/after', {})
      expect(page.status).toBe(201)
      expect(positionOf(page)).toMatch(/-1-\d+$/)
      expect((await asAna(hub).get('/pols/ANA/after')).status).toBe(200)
      expect((await asAna(old).post('/pols/ANA/after', {})).status).toBe(503)
      await old.kill('SIGTERM')
      old = await startHubProcess(folder.path, 'node', settings)
      await untilReady(old)
      expect((await asAna(old).get('/pols/ANA/first')).status).toBe(200)
      expect(old.log()).toContain('is sealed and takes no writes')
      const register = ['person', 'register', 'LATE', '--password-stdin', '--data-dir', folder.path]
      expect(await runCommand(register, 'freedom')).toMatchObject({
        code: 1,
        err: expect.stringContaining('is sealed'),
      })
    })
  },
)
