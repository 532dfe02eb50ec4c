import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic, type Client, clientOf } from '../support/client.ts'
import { temporaryFolder } from '../support/folder.ts'
import { type RunningHub, type Runtime, runCommand, startHubProcess, untilReady } from '../support/process.ts'

/** oidc-provider says under Deno that it is made for Node.js; it is tested here all the same. */
const warningOf: Record<Runtime, string> = {
  node: '',
  deno: 'oidc-provider WARNING: Unsupported runtime. Use Node.js v22.x LTS, or a later LTS release.\n',
}

/** The whole hub from outside, as its own process: the same under every runtime. */
const endToEnd = (runtime: Runtime) => {
  describe(`a hub under ${runtime}`, () => {
    const folder = temporaryFolder()
    let hub: RunningHub
    let root: Client

    beforeAll(async () => {
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
      )
      expect(registered).toMatchObject({ code: 0, err: warningOf[runtime] })
      hub = await startHubProcess(folder.path, runtime)
      await untilReady(hub)
      root = clientOf(hub.url, basic('ARGBUE111FAV', 'freedom'))
    })
    afterAll(async () => {
      await hub.kill('SIGTERM')
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

    it('answers the same after it was stopped and started again, and its log names no person', async () => {
      const before = await root.get('/people')
      expect(await hub.kill('SIGTERM')).toBe(0)
      expect(hub.log()).toContain('"route":"/people/:id"')
      expect(hub.log()).not.toMatch(/ESPGNU777ORG|ARGBUE111FAV|Betz/i)
      hub = await startHubProcess(folder.path, runtime)
      await untilReady(hub)
      root = clientOf(hub.url, basic('ARGBUE111FAV', 'freedom'))
      expect((await root.get('/people')).text).toBe(before.text)
    })
  })
}

endToEnd('node')
endToEnd('deno')
