import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { setImmediate as immediate } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic, clientOf } from '../support/client.ts'
import { temporaryFolder } from '../support/folder.ts'
import { type RunningHub, runCommand, startHubProcess, untilReady } from '../support/process.ts'

const authorization = basic('ARGBUE111FAV', 'freedom')
const path = '/personal-documents/scan'

const piece = randomBytes(64 * 1024)
const pieces = 1024
const hashed = () => {
  const hash = createHash('sha256')
  for (let n = 0; n < pieces; n += 1) hash.update(piece)
  return hash.digest('hex')
}

/** The memory of a process, as Linux tells it; 0 elsewhere. */
const residentMebibytes = ({ pid }: RunningHub): number => {
  const file = `/proc/${pid}/status`
  const kibibytes = existsSync(file) ? /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(file, 'utf8'))?.[1] : '0'
  return Number(kibibytes) / 1024
}

describe('contents on a hub of its own process', () => {
  const folder = temporaryFolder()
  const incoming = () => {
    const path = join(folder.path, 'content', 'incoming')
    return existsSync(path) ? readdirSync(path) : []
  }
  let hub: RunningHub
  const root = () => clientOf(hub.url, authorization)

  beforeAll(async () => {
    const register = ['person', 'register', 'ARGBUE111FAV', '--roles', 'root', '--password-stdin']
    await runCommand([...register, '--data-dir', folder.path], 'freedom')
    hub = await startHubProcess(folder.path)
    await root().post(path, { person: 'ARGBUE111FAV' })
  })
  afterAll(async () => {
    await hub.kill('SIGTERM')
    folder.remove()
  })

  const upload = async function* () {
    for (let n = 0; n < pieces; n += 1) yield new Uint8Array(piece)
  }

  it('come and go without being held in memory', async () => {
    const send = () =>
      fetch(`${hub.url}${path}/content`, {
        method: 'PUT',
        headers: { Authorization: authorization },
        body: ReadableStream.from(upload()),
        duplex: 'half',
      } as RequestInit)
    expect((await send()).status).toBe(201)
    // What the first one takes stays: buffers, and code that has been compiled.
    const before = residentMebibytes(hub)
    let most = before
    for (let round = 0; round < 3; round += 1) {
      expect((await send()).status).toBe(200)
      const answer = await fetch(`${hub.url}${path}/content`, { headers: { Authorization: authorization } })
      const hash = createHash('sha256')
      for await (const part of answer.body ?? []) {
        hash.update(part)
        most = Math.max(most, residentMebibytes(hub))
      }
      expect(hash.digest('hex')).toBe(hashed())
    }
    expect(most - before).toBeLessThan(48)
  })

  it('that were coming when the hub was killed are gone when it is back', async () => {
    const cut = request(`${hub.url}${path}/content`, {
      method: 'PUT',
      headers: { Authorization: authorization, 'Content-Length': 1_000_000 },
    })
    cut.on('error', () => undefined)
    cut.write(piece)
    while (incoming().length === 0) await immediate()
    const [before, content] = [await root().get(path), await root().send('HEAD', `${path}/content`)]
    await hub.kill('SIGKILL')
    expect(incoming()).toHaveLength(1)
    hub = await startHubProcess(folder.path)
    await untilReady(hub)
    while (incoming().length > 0) await immediate()
    expect((await root().get(path)).text).toBe(before.text)
    expect((await root().send('HEAD', `${path}/content`)).status).toBe(content.status)
  })
})
