import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { setImmediate as immediate } from 'node:timers/promises'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as E from '#fp/Either'
import { arriving, makePlaces, tooSlow } from '../../api/documents/uploads.ts'
import type { ContentStore } from '../../commands/content-store.ts'
import { openCore } from '../../core.ts'
import { startHub } from '../../main.ts'
import { basic, type Client, clientOf } from '../support/client.ts'
import { temporaryFolder } from '../support/folder.ts'
import {
  registerByOperator,
  rootAccount,
  rootPassword,
  startTestHub,
  type TestHub,
  testConfig,
} from '../support/hub.ts'

const path = '/personal-documents/d1/content'
const size = 64 * 1024 * 1024

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
  await hub.root.post('/people/ESPGNU777ORG', {})
  await hub.root.post('/personal-documents/d1', { person: 'ESPGNU777ORG' })
})
afterAll(() => hub.close())

const incoming = () => {
  const folder = join(hub.core.config.dataDir, 'content', 'incoming')
  return existsSync(folder) ? readdirSync(folder) : []
}

interface Speaker {
  readonly socket: Socket
  /** All that has come so far, once it holds this. */
  readonly heard: (part: string) => Promise<string>
  /** All that came, once the other side has ended. */
  readonly ended: () => Promise<string>
}

/** Begins a request by hand: what it sends of the body is its own to say. */
const begin = async (
  method: string,
  target: string,
  headers: Readonly<Record<string, string | number>>,
  authorization = basic(rootAccount, rootPassword),
): Promise<Speaker> => {
  const { hostname, port } = new URL(hub.url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  let text = ''
  socket.on('data', data => {
    text += data.toString('latin1')
  })
  const end = once(socket, 'end')
  socket.on('error', () => undefined)
  const lines = Object.entries({ Host: 'hub', Authorization: authorization, ...headers })
  socket.write(
    `${method} ${target} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
  )
  return {
    socket,
    heard: async part => {
      while (!text.includes(part)) await once(socket, 'data')
      return text
    },
    ended: async () => {
      await end
      return text
    },
  }
}

describe('an upload that is refused', () => {
  const nobody = basic(rootAccount, 'wrong')
  it.each([
    ['without credentials', 401, path, {}, nobody],
    ['of too many bytes', 413, path, { 'Content-Length': size + 1 }, undefined],
    ['of a document that never was', 404, '/personal-documents/none/content', {}, undefined],
    ['at another revision', 412, path, { 'If-Match': '"7"' }, undefined],
    ['where nothing is', 404, '/nothing', {}, undefined],
    ['by a method that is not there', 405, '/personal-documents/d1/content', { method: 'POST' }, undefined],
    ['of bad headers', 422, path, { 'Content-Digest': 'x' }, undefined],
  ])(
    '%s is answered %i before its bytes are read, and the connection closed',
    async (_, status, target, more, who) => {
      const { method = 'PUT', ...headers } = more as Record<string, string | number>
      const speaker = await begin(String(method), target, { 'Content-Length': size, ...headers }, who)
      const answer = await speaker.ended()
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
      expect(answer).toMatch(/\r\nConnection: close\r\n/i)
      expect(answer).toMatch(/"status":\d+,.*\}$/)
      speaker.socket.destroy()
    },
  )

  it('is not even asked for by one who waits to be asked', async () => {
    const refused = await begin('PUT', path, {
      'Content-Length': size,
      Expect: '100-continue',
      'If-Match': '"7"',
    })
    expect(await refused.ended()).toMatch(/^HTTP\/1.1 412 /)
    refused.socket.destroy()
  })

  it('can go on for a while: the answer is not lost for that', async () => {
    const speaker = await begin('PUT', path, { 'Transfer-Encoding': 'chunked', 'If-Match': '"7"' })
    const piece = 'x'.repeat(0x4000)
    for (let n = 0; n < 500; n += 1) speaker.socket.write(`4000\r\n${piece}\r\n`)
    expect(await speaker.heard('stale-revision')).toMatch(/^HTTP\/1.1 412 /)
    speaker.socket.write('0\r\n\r\n')
    await speaker.ended()
    speaker.socket.destroy()
  })
})

describe('an upload that is wanted', () => {
  it.each([path, '/people/ESPGNU777ORG'])(
    'is asked for where the client waits for that: %s',
    async target => {
      const bytes = target === path ? 'hello' : '{"name":"A"}'
      const speaker = await begin(target === path ? 'PUT' : 'PATCH', target, {
        'Content-Length': bytes.length,
        Expect: '100-continue',
      })
      expect(await speaker.heard('\r\n\r\n')).toBe('HTTP/1.1 100 Continue\r\n\r\n')
      speaker.socket.write(bytes)
      expect(await speaker.heard('"id"')).toMatch(/HTTP\/1.1 20[01] /)
      speaker.socket.destroy()
    },
  )

  it('and cut off in the middle leaves nothing', async () => {
    const before = (await hub.root.get('/personal-documents/d1')).text
    const speaker = await begin('PUT', path, { 'Content-Length': size })
    speaker.socket.write(randomBytes(200_000))
    while (incoming().length === 0) await immediate()
    speaker.socket.resetAndDestroy()
    while (incoming().length > 0) await immediate()
    expect((await hub.root.get('/personal-documents/d1')).text).toBe(before)
  })

  it('waits where 16 of its sender are under way, and where too many wait is told to try again', async () => {
    const send = () => begin('PUT', path, { 'Content-Length': 5 })
    const held: Speaker[] = []
    for (let n = 0; n < 16; n += 1) held.push(await send())
    while (incoming().length < 16) await immediate()
    const waiting = await Promise.all(Array.from({ length: 113 }, send))
    const refused = await Promise.any(waiting.map(speaker => speaker.heard('busy')))
    expect(refused).toMatch(/^HTTP\/1.1 503 [\s\S]*Retry-After: 1/)
    for (const { socket } of [...held, ...waiting]) socket.write('hello')
    const answers = await Promise.all([...held, ...waiting].map(speaker => speaker.heard('}')))
    expect(answers.filter(answer => /^HTTP\/1.1 20[01] /.test(answer))).toHaveLength(128)
    for (const { socket } of [...held, ...waiting]) socket.destroy()
  })
})

describe('bytes that arrive', () => {
  const all = async (bytes: AsyncIterable<Uint8Array>) => {
    const pieces: Uint8Array[] = []
    for await (const piece of bytes) pieces.push(piece)
    return Buffer.concat(pieces).toString()
  }
  const times = { silent: 60_000, whole: 60_000, least: 0 }

  it('are given as they come', async () => {
    const stream = new PassThrough()
    stream.write('one ')
    stream.end('two')
    expect(await all(arriving(stream, times))).toBe('one two')
  })

  it('are given up when nothing comes for too long, or all takes too long', async () => {
    for (const short of [{ silent: 1 }, { whole: 1 }]) {
      const stream = new PassThrough()
      stream.write('one')
      await expect(all(arriving(stream, { ...times, ...short }))).rejects.toBe(tooSlow)
      expect(stream.destroyed).toBe(false)
    }
  })

  it.each([
    [1023, 'are given up'],
    [1024, 'are taken'],
  ])('%i in each minute where 1024 must come %s', async (bytes, outcome) => {
    let clock = 0
    const minutes = async function* () {
      for (let minute = 0; minute < 5; minute += 1) {
        clock += 61_000
        yield Buffer.alloc(bytes)
      }
    }
    const stream = Readable.from(minutes(), { highWaterMark: 1 })
    const limits = { silent: 60_000, whole: 3_600_000, least: 1024 }
    const pieces = arriving(stream, limits, () => clock)
    if (outcome === 'are taken') expect(await all(pieces)).toHaveLength(5 * bytes)
    else await expect(all(pieces)).rejects.toBe(tooSlow)
  })

  it('are given up when their sender is gone', async () => {
    const stream = new PassThrough()
    stream.write('one')
    stream.destroy(new Error('gone'))
    await expect(all(arriving(stream, times))).rejects.toThrow()
  })

  const bounds = { most: 3, mostOfOne: 2, kept: 0, mostWaiting: 1, patience: 60_000 }

  it('have so many places, and so many for one', async () => {
    const places = makePlaces(bounds)
    const leave = await places.take('a')
    await places.take('a')
    const third = places.take('a')
    expect(await places.take('a')).toBeUndefined()
    expect(await places.take('b')).toBeDefined()
    const another = places.take('c')
    leave?.()
    const leaveThird = await third
    expect(leaveThird).toBeDefined()
    leaveThird?.()
    expect(await another).toBeDefined()
  })

  it('keep places for those who have none', async () => {
    const places = makePlaces({ ...bounds, kept: 1, patience: 1 })
    await places.take('a')
    await places.take('a')
    await places.take('b')
    expect(await places.take('b')).toBeUndefined()
    const others = makePlaces({ ...bounds, kept: 1, patience: 1 })
    await others.take('a')
    await others.take('a')
    expect(await others.take('a')).toBeUndefined()
    expect(await others.take('b')).toBeDefined()
  })

  it('wait for a place only so long, and take none when it comes too late', async () => {
    const places = makePlaces({ ...bounds, most: 1, patience: 1 })
    const leave = await places.take('a')
    expect(await places.take('b')).toBeUndefined()
    leave?.()
    expect(await places.take('c')).toBeDefined()
  })
})

describe('a store of contents that fails in the middle', () => {
  const folder = temporaryFolder()
  let failing: Awaited<ReturnType<typeof startHub>>
  let root: Client
  const unavailable = { _tag: 'ContentUnavailable', cause: new Error('the disk is full') } as const
  let takesAll = true
  beforeAll(async () => {
    const logger = pino({ level: 'silent' })
    const core = await openCore(testConfig(folder.path), logger)
    await registerByOperator(core, rootAccount, rootPassword, ['root'])
    const contents: ContentStore = {
      ...core.contents,
      receive: async (bytes, ...more) => {
        if (takesAll) return core.contents.receive(bytes, ...more)
        for await (const _ of bytes) break
        return E.left(unavailable)
      },
      read: async function* () {
        yield Buffer.alloc(10)
        throw new Error('the disk is gone')
      },
    }
    failing = await startHub({ ...core, contents }, logger)
    root = clientOf(failing.url, basic(rootAccount, rootPassword))
    await root.post('/personal-documents/d1', { person: rootAccount })
  })
  afterAll(async () => {
    await failing.close()
    folder.remove()
  })

  it('while reading is a transfer that the client sees broken', async () => {
    expect((await root.send('PUT', path, { body: 'x'.repeat(20) })).status).toBeLessThan(300)
    await expect(root.get(path)).rejects.toThrow()
    expect((await root.send('HEAD', path)).status).toBe(200)
  })

  it.each([300_000, 3_000_000])(
    'while %i bytes come is a 503, and the next request is answered',
    async length => {
      takesAll = false
      for (let n = 0; n < 5; n += 1) {
        const refused = await root.send('PUT', path, { body: new Uint8Array(length) })
        expect([refused.status, refused.headers.get('Retry-After')]).toEqual([503, '1'])
        expect((await root.get('/login')).status).toBe(200)
      }
      takesAll = true
    },
  )
})
