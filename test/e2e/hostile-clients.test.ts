import { existsSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { basic, type Client, clientOf } from '../support/client.ts'
import { temporaryFolder } from '../support/folder.ts'
import { answeredAnew, type Hostile, hostileTo, observe, openDescriptors } from '../support/hostile.ts'
import { type RunningHub, runCommand, startHubProcess, untilReady } from '../support/process.ts'

// Memory and descriptors of a process are read where Linux tells them.
const hasProc = existsSync('/proc/self/status')

const folder = temporaryFolder()
const [root, reader, other] = ['ARGBUE111FAV', 'ESPGNU777ORG', 'ITAPYT999HON']
const password = 'gnusolidario'
const mebibytes = (number: number) => 'x'.repeat(number * 1024 * 1024)

let hub: RunningHub
let hostile: Hostile
let asRoot: Client

beforeAll(async () => {
  for (const [id, role] of [
    [root, 'root'],
    [reader, 'end_user'],
    [other, 'end_user'],
  ] as const)
    await runCommand(
      ['person', 'register', id, '--roles', role, '--password-stdin', '--data-dir', folder.path],
      password,
    )
  hub = await startHubProcess(folder.path, 'node', { LOG_LEVEL: 'error' })
  await untilReady(hub)
  asRoot = clientOf(hub.url, basic(root, password))
  for (let i = 0; i < 10; i += 1)
    expect((await asRoot.post(`/pols/${reader}/p${i}`, { info: 'x'.repeat(880 * 1024) })).status).toBe(201)
  expect((await asRoot.post('/personal-documents/d1', { person: reader })).status).toBe(201)
  const content = await asRoot.send('PUT', '/personal-documents/d1/content', { body: mebibytes(8) })
  expect(content.status).toBe(201)
  // Credentials that were verified once are remembered: the tests measure what comes after.
  await clientOf(hub.url, basic(other, password)).get('/login')
  await clientOf(hub.url, basic(reader, password)).get('/login')
  hostile = hostileTo(hub.url, '127.0.0.2')
})
afterEach(async () => {
  hostile.end()
  // Until the hub has noticed: the next test begins with a hub that holds nothing, and has accepted all that came.
  await answeredAnew(hub.url)
  if (hasProc) while (openDescriptors(hub.pid) > 100) await clientOf(hub.url).get('/livez')
})
afterAll(async () => {
  await hub.kill('SIGTERM')
  folder.remove()
})

const request = (line: string, account = reader, more = ''): string =>
  `${line} HTTP/1.1\r\nHost: hub\r\nAuthorization: ${basic(account, password)}\r\n${more}\r\n`
const anonymous = (line: string): string => `${line} HTTP/1.1\r\nHost: hub\r\n\r\n`

/** What somebody else meets meanwhile. */
const others = (seconds: number) => observe(hub, `/people/${other}`, basic(other, password), seconds)

describe.skipIf(!hasProc)(
  'while a client reads no answers, others are answered in time and memory stays bounded',
  () => {
    it('where it pipelines 600 lists of 8 MiB on one connection', async () => {
      await hostile.silent(request(`GET /pols/${reader}?limit=1000`).repeat(600))
      const { p99, statuses, memory } = await others(5)
      expect(statuses).toEqual([200])
      expect(memory).toBeLessThan(1024)
      expect(p99).toBeLessThan(1000)
    })

    it('where it asks for a list of 8 MiB on each of 400 connections', async () => {
      for (let i = 0; i < 400; i += 1) await hostile.silent(request(`GET /pols/${reader}?limit=1000`))
      const { p99, statuses, memory } = await others(8)
      expect(statuses).toEqual([200])
      expect(memory).toBeLessThan(1024)
      expect(p99).toBeLessThan(1000)
    })

    it('where it pipelines contents on ten connections: each holds one descriptor', async () => {
      for (let i = 0; i < 10; i += 1)
        await hostile.silent(request('GET /personal-documents/d1/content').repeat(400))
      const { p99, statuses, memory, descriptors } = await others(3)
      expect(statuses).toEqual([200])
      expect(descriptors).toBeLessThan(150)
      expect(memory).toBeLessThan(1024)
      expect(p99).toBeLessThan(1000)
    })

    it('where it holds back the last byte of 1,500 bodies of 1 MiB', async () => {
      const head = `Content-Length: ${1024 * 1024}\r\n`
      const body = mebibytes(1).slice(1)
      for (let i = 0; i < 1500; i += 1)
        await hostile.silent(`${request(`POST /pols/${reader}/held${i}`, reader, head)}${body}`)
      const { p99, statuses, memory } = await others(5)
      expect(statuses).toEqual([200])
      expect(memory).toBeLessThan(1024)
      expect(p99).toBeLessThan(1000)
    })

    it('where 4,500 connections without credentials ask what is refused in many places', async () => {
      for (let i = 0; i < 4500; i += 1) await hostile.silent(anonymous(`GET /livez?${'a&'.repeat(7000)}`))
      const { p99, statuses, memory } = await others(3)
      expect(statuses).toEqual([200])
      expect(memory).toBeLessThan(1024)
      expect(p99).toBeLessThan(1000)
    })

    it.each(['GET', 'HEAD'])('where it pipelines 990 %s of the largest open file', async method => {
      await hostile.silent(anonymous(`${method} /docs/swagger-ui-bundle.js`).repeat(990))
      const { p99, statuses, memory } = await others(3)
      expect(statuses).toEqual([200])
      expect(memory).toBeLessThan(1024)
      expect(p99).toBeLessThan(1000)
    })

    it('where it creates and changes pages whose bodies are dear to look at, as fast as it may', async () => {
      const client = clientOf(hub.url, basic(reader, password))
      const shapes = [
        `{"list":[${'1,'.repeat(100_000)}1]}`,
        `{${Array.from({ length: 80_000 }, (_, n) => `"k${n}":1`).join(',')}}`,
      ]
      let isOver = false
      const send = async () => {
        const statuses = new Set<number>()
        for (let n = 0; !isOver; n += 1)
          for (const [i, body] of shapes.entries())
            for (const method of ['POST', 'PATCH'])
              statuses.add((await client.send(method, `/pols/${reader}/dear-${i}-${n}`, { body })).status)
        return [...statuses].sort()
      }
      const sent = send()
      const { p99, statuses, memory } = await others(5)
      isOver = true
      expect(await sent).toEqual([200, 201])
      expect(statuses).toEqual([200])
      expect(memory).toBeLessThan(1024)
      expect(p99).toBeLessThan(1000)
    })
  },
)
