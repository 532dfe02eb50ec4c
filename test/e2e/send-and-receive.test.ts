import { createHash } from 'node:crypto'
import { createWriteStream, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../support/folder.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'
import { type HubProxy, startHubProxy } from '../support/hub-proxy.ts'
import { type MessagingNode, messagingNode, waitingFor } from '../support/messages.ts'
import { runCommand, startCommand, startProcess } from '../support/process.ts'

const folder = temporaryFolder()
let hub: TestHub
let way: HubProxy
let hospital: MessagingNode
let lab: MessagingNode
beforeAll(async () => {
  hub = await startTestHub()
  way = await startHubProxy(hub.url)
  hospital = await messagingNode(hub, 'hospital')
  lab = await messagingNode(hub, 'lab')
})
afterAll(async () => {
  await way.close()
  await hub.close()
  folder.remove()
})

const secretOf = ({ secret }: MessagingNode) => ({ THALAMUS_CLIENT_SECRET: secret })
const sending = (...more: readonly string[]) => [
  ...['send', '--url', way.url, '--client-id', 'hospital', '--to', 'lab', '--type', 'order'],
  ...more,
]
const receiving = (out: string, ...more: readonly string[]) => [
  ...['receive', '--url', way.url, '--client-id', 'lab', '--out', out],
  ...more,
]

describe('the commands send and receive', () => {
  it('bring what is on standard input to another node, once, though receive is killed before it is acknowledged', async () => {
    const out = join(folder.path, 'inbox')
    const parameters = sending('--file', '-', '--content-type', 'application/json')
    const sent = await runCommand(parameters, '{"test": "CBC"}', 'node', secretOf(hospital))
    const [message] = await waitingFor(lab)
    expect(sent).toEqual({ code: 0, out: `${message?.id}\n`, err: '' })

    const killed = startCommand(receiving(out), 'node', secretOf(lab))
    way.decide(request => {
      if (request !== 'POST /messages/acks') return 'arrives'
      killed.kill('SIGKILL')
      return 'is lost'
    })
    expect(await killed.ended).toMatchObject({ code: null, err: '' })
    const [file = '', ...others] = readdirSync(out)
    expect(others).toEqual([])
    expect(await waitingFor(lab)).toHaveLength(1)

    way.decide(() => 'arrives')
    const started = await startProcess(receiving(out), 'node', secretOf(lab))
    expect(started.firstLine).toBe(join(out, file))
    expect(await started.kill('SIGTERM')).toBe(0)
    expect(readdirSync(out)).toEqual([file])
    expect(JSON.parse(readFileSync(join(out, file), 'utf8'))).toMatchObject({
      id: message?.id,
      body: { test: 'CBC' },
    })
    expect(await waitingFor(lab)).toEqual([])
  })

  it('bring a large content whole', async () => {
    const [file, out] = [join(folder.path, 'scan.dcm'), join(folder.path, 'scans')]
    const piece = Buffer.alloc(1024 * 1024, 'thalamus')
    const hash = createHash('sha256')
    const pieces = function* () {
      for (let n = 0; n < 48; n += 1) {
        piece.writeUInt32BE(n)
        hash.update(piece)
        yield Buffer.from(piece)
      }
    }
    await pipeline(Readable.from(pieces()), createWriteStream(file))
    const sent = await runCommand(sending('--file', file), '', 'node', secretOf(hospital))
    expect(sent.code).toBe(0)
    const received = await runCommand(receiving(out, '--once', '--json'), '', 'node', secretOf(lab))
    expect(received.code).toBe(0)
    const { id, content } = JSON.parse(received.out)
    expect(id).toBe(sent.out.trim())
    expect(createHash('sha256').update(readFileSync(content)).digest('hex')).toBe(hash.digest('hex'))
  })

  it.each([['send'], ['receive']])(
    '%s says everything that is wrong at once, settings too',
    async command => {
      const wrong = await runCommand([command, '--url', 'hub', '--client-id', 'lab', '--port', 'x'])
      expect(wrong).toMatchObject({ code: 2, out: '' })
      const others = command === 'send' ? ['--to: ', '--type: ', '--file: '] : ['--out: ']
      for (const begin of ['--url: ', '--client-id: ', 'PORT: ', ...others])
        expect(wrong.err).toContain(begin)
    },
  )
})
