import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { maySeeMetrics } from '../../api/open/metrics.ts'
import { clientOf } from '../support/client.ts'
import { rootAccount, startTestHub, type TestHub } from '../support/hub.ts'
import { metricsOf, samplesIn } from '../support/metrics.ts'
import { bySecret, enroll, enrolledNode, requestToken, tokenOf } from '../support/nodes.ts'
import { type Sink, startSink } from '../support/sink.ts'
import { subscribe, subscriberScopes } from '../support/subscriptions.ts'

const token = 'a-token-of-the-operator-42'
let hub: TestHub
let sink: Sink
beforeAll(async () => {
  hub = await startTestHub({ METRICS_TOKEN: token, ALLOW_PRIVATE_WEBHOOKS: 'on' })
  sink = await startSink()
})
afterAll(async () => {
  await hub.close()
  await sink.close()
})

/** How much a sample has grown by what was done. */
const growthOf = async (
  work: () => Promise<unknown>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number> => {
  const before = (await metricsOf(hub.nobody))(name, labels) ?? 0
  await work()
  return ((await metricsOf(hub.nobody))(name, labels) ?? 0) - before
}

describe('who may see the metrics', () => {
  it('is whoever asks from the machine of the hub itself', async () => {
    const reply = await hub.nobody.get('/metrics')
    expect(reply.status).toBe(200)
    expect(reply.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
    expect((await hub.nobody.send('HEAD', '/metrics')).status).toBe(200)
  })

  it.each([
    ['Forwarded', 'for=192.0.2.1'],
    ['X-Forwarded-For', '192.0.2.1'],
    ['X-Forwarded-Proto', 'https'],
    ['X-Forwarded-Host', ''],
  ])('is not whoever comes through a proxy on it, which sends %s', async (name, value) => {
    const refused = await hub.nobody.get('/metrics', { [name]: value })
    const unknown = await hub.nobody.get('/no-such-path', { [name]: value })
    expect(refused.status).toBe(401)
    expect(refused.text).toBe(unknown.text)
    expect(refused.headers.get('www-authenticate')).toBe(unknown.headers.get('www-authenticate'))
  })

  it('is whoever brings the token, from wherever', async () => {
    const forwarded = { 'X-Forwarded-For': '192.0.2.1' }
    const bearing = (text: string) => clientOf(hub.url, `Bearer ${text}`).get('/metrics', forwarded)
    expect((await bearing(token)).status).toBe(200)
    for (const wrong of [`${token}x`, token.slice(0, -1), token.toUpperCase(), rootAccount])
      expect((await bearing(wrong)).status).toBe(401)
  })

  it('is nobody else: to a caller who is known it is a path that is not there', async () => {
    expect((await hub.root.get('/metrics', { 'X-Forwarded-For': '192.0.2.1' })).status).toBe(404)
    expect((await hub.root.get('/metrics')).status).toBe(200)
    expect((await hub.nobody.post('/metrics', {})).status).toBe(405)
  })

  it('is told by the address of the connection', () => {
    const from = (remoteAddress: string | undefined) =>
      maySeeMetrics(undefined)({ headers: {}, socket: { remoteAddress } })
    expect(['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1'].every(from)).toBe(true)
    expect(['192.0.2.1', '::ffff:192.0.2.1', '128.0.0.1', '::2', '', undefined].some(from)).toBe(false)
  })
})

describe('a hub counts', () => {
  it('requests by the pattern of their route, with their durations', async () => {
    const labels = { method: 'GET', route: '/people/:id' }
    const ask = () => hub.root.get('/people/ESPNEVER00ORG')
    expect(await growthOf(ask, 'thalamus_http_requests_total', { ...labels, status: '404' })).toBe(1)
    expect(await growthOf(ask, 'thalamus_http_request_duration_seconds_count', labels)).toBe(1)
  })

  it('appends and their events, and the transactions that they share', async () => {
    let n = 0
    const write = () => hub.root.post(`/people/ESPCOUNT${n++}ORG`, { name: 'Ana' })
    expect(await growthOf(write, 'thalamus_log_appends_total', { outcome: 'stored' })).toBe(1)
    expect(await growthOf(write, 'thalamus_log_events_total')).toBeGreaterThanOrEqual(1)
    expect(await growthOf(write, 'thalamus_log_append_duration_seconds_count')).toBe(1)
    expect(await growthOf(write, 'thalamus_log_commits_total')).toBeGreaterThanOrEqual(1)
  })

  it('wrong passwords and client secrets, and those refused unseen', async () => {
    const guess = () => hub.as('ESPGUESS01ORG', 'wrong password').get('/login')
    const labels = { kind: 'person' }
    expect(await growthOf(guess, 'thalamus_login_failures_total', { ...labels, outcome: 'wrong' })).toBe(1)
    for (let i = 0; i < 9; i += 1) await guess()
    expect(await growthOf(guess, 'thalamus_login_failures_total', { ...labels, outcome: 'refused' })).toBe(1)
    await enroll(hub.root, 'guessed', ['people:read'])
    const wrong = () => requestToken(hub.url, 'guessed', bySecret('wrong'))
    expect(await growthOf(wrong, 'thalamus_login_failures_total', { kind: 'node', outcome: 'wrong' })).toBe(1)
  })

  it('access tokens that it issues', async () => {
    const secret = await enroll(hub.root, 'token-taker', ['people:read'])
    const take = () => tokenOf(hub.url, 'token-taker', bySecret(secret))
    expect(await growthOf(take, 'thalamus_tokens_issued_total')).toBe(1)
  })

  it('webhooks, by what came of them', async () => {
    const node = await enrolledNode(hub.url, hub.root, 'subscriber', subscriberScopes)
    await subscribe(node, { url: sink.url, resources: ['people'] })
    const deliver = async () => {
      await hub.root.post('/people/ESPHOOK001ORG', { name: 'Ana' })
      await sink.untilTaken(1)
    }
    const taken = { outcome: 'taken' }
    await deliver()
    await expect
      .poll(async () => (await metricsOf(hub.nobody))('thalamus_webhook_deliveries_total', taken))
      .toBe(1)
  })

  it('who follows the feed, as long as they do', async () => {
    const feed = { kind: 'feed' }
    const open = async () => (await metricsOf(hub.nobody))('thalamus_http_waiting_clients', feed)
    const leaving = new AbortController()
    const headers = { Authorization: 'Basic QVJHQlVFMTExRkFWOmZyZWVkb20=', Accept: 'text/event-stream' }
    const stream = await fetch(`${hub.url}/feed`, { headers, signal: leaving.signal })
    expect(stream.status).toBe(200)
    expect(await open()).toBe(1)
    leaving.abort()
    await expect.poll(open).toBe(0)
  })
})

describe('a hub tells', () => {
  it('how far each read model is behind the log', async () => {
    await hub.root.post('/people/ESPLAG0001ORG', { name: 'Ana' })
    const samples = samplesIn((await hub.nobody.get('/metrics')).text)
    const models = samples.filter(({ name }) => name === 'thalamus_read_model_lag_events')
    expect(models.map(({ labels }) => labels.model)).toContain('people')
    await expect
      .poll(async () => (await metricsOf(hub.nobody))('thalamus_read_model_lag_seconds', { model: 'people' }))
      .toBe(0)
  })

  it('how old its standing is, what waits for slow hashes, and what requests hold', async () => {
    const value = await metricsOf(hub.nobody)
    expect(value('thalamus_standing_age_seconds')).toBeLessThan(10)
    for (const name of [
      'thalamus_slow_hashes_waiting',
      'thalamus_slow_hashes_running',
      'thalamus_uploads',
      'thalamus_http_requests_waiting',
      'thalamus_http_requests_at_work',
      'thalamus_http_request_memory_bytes',
      'thalamus_webhook_dead_letters_total',
    ])
      expect(value(name), name).toBe(0)
  })

  it('nothing that grows with people, nodes or paths', async () => {
    const ids = ['ESPGROW001ORG', 'ESPGROW002ORG']
    const paths = [...ids.map(id => `/people/${id}`), ...ids.map(id => `/no-such-path/${id}`)]
    await hub.root.post('/people/ESPGROW001ORG', {})
    await enroll(hub.root, 'grown-node', [])
    for (const path of paths) await hub.root.get(path)
    await hub.root.send('REPORT', '/people')
    const { text } = await hub.nobody.get('/metrics')
    expect(text).not.toMatch(/ESPGROW|grown-node|no-such-path|REPORT|ARGBUE|token-taker/)
    const labels = new Set(samplesIn(text).flatMap(sample => Object.keys(sample.labels)))
    expect([...labels].sort()).toEqual([
      'kind',
      'le',
      'limit',
      'method',
      'model',
      'outcome',
      'route',
      'status',
      'store',
    ])
  })

  it('names and units by the conventions of Prometheus', async () => {
    const { text } = await hub.nobody.get('/metrics')
    const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type])
    expect(types.length).toBeGreaterThan(20)
    for (const [name = '', type] of types) {
      expect(name).toMatch(/^thalamus_[a-z_]+$/)
      expect(name.endsWith('_total'), name).toBe(type === 'counter')
      if (/duration|age|lag_s/.test(name)) expect(name).toMatch(/_seconds$/)
    }
  })
})

describe('two hubs in one process', () => {
  it('count each for itself', async () => {
    const other = await startTestHub()
    try {
      const ask = () => other.root.get('/people')
      const labels = { route: '/people', method: 'GET', status: '200' }
      expect(await growthOf(ask, 'thalamus_http_requests_total', labels)).toBe(0)
      expect((await metricsOf(other.nobody))('thalamus_http_requests_total', labels)).toBe(1)
    } finally {
      await other.close()
    }
  })
})
