import { randomUUID } from 'node:crypto'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openCore } from '../../core.ts'
import { type Hub, startHub } from '../../main.ts'
import { makeMetrics } from '../../metrics/prometheus.ts'
import { basic, type Client, clientOf } from '../support/client.ts'
import { temporaryFolder } from '../support/folder.ts'
import { holdBack } from '../support/held-back.ts'
import { registerByOperator, testConfig } from '../support/hub.ts'
import { metricsOf } from '../support/metrics.ts'

const password = 'freedom'
/** The first four have a place each, which is the share of one and all there are. */
const accounts = ['ESPWORK01ORG', 'ESPWORK02ORG', 'ESPWORK03ORG', 'ESPWORK04ORG', 'ESPWORK05ORG'] as const
const [ana] = accounts

const folder = temporaryFolder()
let hub: Hub
let nobody: Client
/** Lets go on what asks for the audit. */
let open: () => void = () => {}
let opened: Promise<void> = Promise.resolve()
const closeGate = (): void => {
  const gate = Promise.withResolvers<void>()
  open = gate.resolve
  opened = gate.promise
}

beforeAll(async () => {
  const logger = pino({ level: 'silent' })
  const config = testConfig(folder.path, { MAX_REQUESTS: '4', MAX_STREAMS: '8' })
  const core = await openCore(config, logger, makeMetrics('a hub'))
  for (const account of accounts) await registerByOperator(core, account, password, ['root'])
  const { recordAccess } = core
  hub = await startHub(
    {
      ...core,
      recordAccess: async (...access) => {
        await opened
        return recordAccess(...access)
      },
    },
    logger,
  )
  nobody = clientOf(hub.url)
  for (const account of accounts) expect((await clientFor(account).get('/login')).status).toBe(200)
})
afterAll(async () => {
  await hub.close()
  folder.remove()
})

const clientFor = (account: string): Client => clientOf(hub.url, basic(account, password))
const atWork = async () => (await metricsOf(nobody))('thalamus_http_requests_at_work')
const waiting = async () => (await metricsOf(nobody))('thalamus_http_requests_waiting')

/** A request of each that is at work until the gate is open. */
const working = async (callers: readonly string[]) => {
  closeGate()
  const answers = callers.map(account => clientFor(account).get('/audit'))
  await expect.poll(atWork).toBe(callers.length)
  return async () => {
    open()
    for (const answer of await Promise.all(answers)) expect(answer.status).toBe(200)
  }
}

describe('requests at work', () => {
  it('beyond the share of their caller wait, and are answered once one of them is done', async () => {
    const finish = await working([ana])
    const second = clientFor(ana).get('/people')
    await expect.poll(waiting).toBe(1)
    const other = await clientFor(accounts[1]).get('/people')
    expect(other.status).toBe(200)
    await finish()
    expect((await second).status).toBe(200)
    expect(await atWork()).toBe(0)
  })

  it('are refused after five seconds: 429 where the caller has its share, 503 where all places are taken', async () => {
    const finish = await working(accounts.slice(0, 4))
    const [ofCaller, ofAll] = await Promise.all([
      clientFor(ana).get('/people'),
      clientFor(accounts[4]).get('/people'),
    ])
    expect(ofCaller.status).toBe(429)
    expect(ofCaller.json).toMatchObject({ type: 'urn:thalamus:problem:too-many-requests' })
    expect(ofCaller.headers.get('retry-after')).toBe('1')
    expect(ofAll.status).toBe(503)
    expect(ofAll.json).toMatchObject({ type: 'urn:thalamus:problem:busy' })
    expect(ofAll.headers.get('retry-after')).toBe('1')
    const value = await metricsOf(nobody)
    expect(value('thalamus_http_requests_refused_total', { limit: 'caller' })).toBe(1)
    expect(value('thalamus_http_requests_refused_total', { limit: 'process' })).toBe(1)
    await finish()
    expect((await clientFor(ana).get('/people')).status).toBe(200)
  })

  it('that wait keep nobody from the health of the hub', async () => {
    const finish = await working(accounts.slice(0, 4))
    expect((await nobody.get('/livez')).status).toBe(200)
    expect((await nobody.get('/readyz')).status).toBe(200)
    expect((await nobody.get('/people')).status).toBe(401)
    await finish()
  })

  it('are none while their body is still to come', async () => {
    const write = (account: string) =>
      holdBack(
        hub.url,
        basic(account, password),
        'POST',
        `/people/ESP${randomUUID().slice(0, 6).toUpperCase()}ORG`,
        '{}',
      )
    const held = await Promise.all([ana, ana, ...accounts.slice(1)].map(write))
    expect(await atWork()).toBe(0)
    expect((await clientFor(ana).get('/people')).status).toBe(200)
    for (const one of held) expect((await one.finish()).status).toBe(201)
  })

  it('are none while an upload is under way', async () => {
    const client = clientFor(ana)
    await client.post('/people/ESPUPLOADORG', {})
    await client.post('/personal-documents/d1', { person: 'ESPUPLOADORG' })
    const path = '/personal-documents/d1/content'
    const upload = await holdBack(hub.url, basic(ana, password), 'PUT', path, 'content')
    expect(await atWork()).toBe(0)
    expect((await metricsOf(nobody))('thalamus_uploads')).toBe(1)
    expect((await client.get('/people')).status).toBe(200)
    expect((await upload.finish()).status).toBe(201)
  })
})

describe('streams and requests that wait for something to come', () => {
  const tail = async (client: Client): Promise<string> => {
    const written = await client.post(`/institutions/${randomUUID()}`, { name: 'Clinic' })
    return written.headers.get('thalamus-position') ?? ''
  }
  const isWaiting = async () => (await metricsOf(nobody))('thalamus_http_waiting_clients', { kind: 'feed' })

  it('hold no place at work, and have places of their own: 429 beyond the share of their caller', async () => {
    const client = clientFor(ana)
    const after = await tail(client)
    const first = client.get(`/feed?after=${after}&wait=60`)
    await expect.poll(isWaiting).toBe(1)
    expect(await atWork()).toBe(0)
    const second = await client.get(`/feed?after=${after}&wait=60`)
    expect(second.status).toBe(429)
    expect(second.headers.get('retry-after')).toBe('1')
    const stream = await client.get('/feed', { Accept: 'text/event-stream' })
    expect(stream.status).toBe(429)
    expect((await client.get('/people')).status).toBe(200)
    const otherStays = clientFor(accounts[1]).get(`/feed?after=${after}&wait=60`)
    await expect.poll(isWaiting).toBe(2)
    await tail(client)
    expect((await first).status).toBe(200)
    expect((await otherStays).status).toBe(200)
    expect(await isWaiting()).toBe(0)
  })
})

describe('what a limit leaves to a caller', () => {
  it('is told with every answer: requests at the same time to those who are known', async () => {
    const reply = await clientFor(ana).get('/people')
    expect(reply.headers.get('ratelimit-policy')).toBe('"caller";q=1;qu="concurrent-requests"')
    expect(reply.headers.get('ratelimit')).toBe('"caller";r=1')
  })

  it('is told to others as requests of their network', async () => {
    const reply = await nobody.get('/livez')
    expect(reply.headers.get('ratelimit-policy')).toBe('"anonymous";q=3000;w=10')
    expect(reply.headers.get('ratelimit')).toMatch(/^"anonymous";r=29\d\d;t=1$/)
  })

  it('is told where too many passwords were wrong', async () => {
    const guesser = clientOf(hub.url, basic('ESPGUESS01ORG', 'wrong password'))
    for (let i = 0; i < 10; i += 1) await guesser.get('/login')
    const reply = await guesser.get('/login')
    expect(reply.status).toBe(429)
    expect(reply.headers.get('ratelimit-policy')).toBe('"logins";q=10;w=60')
    expect(reply.headers.get('ratelimit')).toBe(`"logins";r=0;t=${reply.headers.get('retry-after')}`)
  })
})
