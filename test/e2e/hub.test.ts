import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic, type Client, clientOf } from '../support/client.ts'
import {
  type Combination,
  combinations,
  type Engines,
  embedded,
  noEngines,
  servers,
  startEngines,
} from '../support/engines.ts'
import { temporaryFolder } from '../support/folder.ts'
import { type RunningHub, type Runtime, runCommand, startHubProcess, untilReady } from '../support/process.ts'

/** oidc-provider says under Deno that it is made for Node.js; it is tested here all the same. */
const warningOf: Record<Runtime, string> = {
  node: '',
  deno: 'oidc-provider WARNING: Unsupported runtime. Use Node.js v22.x LTS, or a later LTS release.\n',
}

/** The whole hub from outside, as its own process: the same under every runtime, on all engines. */
const endToEnd = (runtime: Runtime, combination: Combination) => {
  const missing = noEngines(combination, runtime)
  if (missing !== undefined)
    console.warn(`No hub under ${runtime} on ${combination.join(' and ')}: ${missing}`)
  describe.skipIf(missing !== undefined)(`a hub under ${runtime} on ${combination.join(' and ')}`, () => {
    const folder = temporaryFolder()
    let engines: Engines
    let hub: RunningHub
    let root: Client

    beforeAll(async () => {
      engines = await startEngines(combination)
      const registered = await runCommand(
        [
          'person',
          'register',
          'ARGBUE111FAV',
          '--roles',
          'root',
          '--password-stdin',
          '--data-dir',
          folder.path,
        ],
        'freedom\n',
        runtime,
        engines.settings,
      )
      expect(registered).toMatchObject({ code: 0, err: warningOf[runtime] })
      hub = await startHubProcess(folder.path, runtime, engines.settings)
      await untilReady(hub)
      root = clientOf(hub.url, basic('ARGBUE111FAV', 'freedom'))
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
      const page = { page_date: '2021-05-06T20:59:41.123456', domain: 'medical', context: 'self_monitoring' }
      const written = await root.post('/pols/ESPGNU777ORG/41b9662b-8f85-412b-8254-8b854f6405c7', page)
      expect(written.status).toBe(201)
      const ana = clientOf(hub.url, basic('espgnu777org', 'gnusolidario'))
      const book = await ana.get('/pols/ESPGNU777ORG?page_type=medical')
      expect(book.json).toEqual([
        { ...page, id: '41b9662b-8f85-412b-8254-8b854f6405c7', book: 'ESPGNU777ORG' },
      ])
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

    it('answers the same after it was stopped and started again, and its log names no person', async () => {
      const before = await root.get('/people')
      expect(await hub.kill('SIGTERM')).toBe(0)
      expect(hub.log()).toContain('"route":"/people/:id"')
      expect(hub.log()).not.toMatch(/ESPGNU777ORG|ARGBUE111FAV|Betz/i)
      hub = await startHubProcess(folder.path, runtime, engines.settings)
      await untilReady(hub)
      root = clientOf(hub.url, basic('ARGBUE111FAV', 'freedom'))
      expect((await root.get('/people')).text).toBe(before.text)
    })
  })
}

for (const combination of combinations) endToEnd('node', combination)
for (const combination of [embedded, servers]) endToEnd('deno', combination)
