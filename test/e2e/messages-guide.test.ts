import { execFile } from 'node:child_process'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commandsIn, guideText } from '../support/guide.ts'
import { startTestHub, type TestHub } from '../support/hub.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const guide = guideText('docs/messages.md')
const commands = commandsIn(guide)

const cut = '---------- cut here ----------'

const freePort = (): Promise<number> =>
  new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })

describe('the guide to messages and webhooks', () => {
  let hub: TestHub
  beforeAll(async () => {
    hub = await startTestHub({ ALLOW_PRIVATE_WEBHOOKS: 'on' })
  })
  afterAll(() => hub.close())

  it('is answered as it says', async () => {
    const port = await freePort()
    const last = 'kill %1\n'
    const script = [...commands, last]
      .map(block => `${block}echo; echo '${cut}'\n`)
      .join('')
      .replaceAll('npm run -s thalamus --', 'node_modules/.bin/node cli/main.ts')
      .replaceAll('http://127.0.0.1:8080', hub.url)
      .replaceAll('127.0.0.1:9000', `127.0.0.1:${port}`)
      // The receiver says when it listens, and when it has what it waits for.
      .replace(
        'node docs/examples/receiver.ts 9000 & sleep 1',
        `coproc node_modules/.bin/node docs/examples/receiver.ts ${port}; read -r line <&"\${COPROC[0]}"`,
      )
      .replace(
        `-d '{"name": "Ana"}'\n`,
        `-d '{"name": "Ana"}'\nread -r ping <&"\${COPROC[0]}"; read -r entry <&"\${COPROC[0]}"; echo; echo "$entry"\n`,
      )
      .replaceAll('curl ', 'curl -sS --fail-with-body ')
    const { stdout, stderr } = await promisify(execFile)('bash', ['-uec', script], {
      cwd: root,
      env: {
        NODE_COMPILE_CACHE: `${root}node_modules/.cache/compile`,
        ...process.env,
        DATA_DIR: hub.core.config.dataDir,
      },
    })
    const [, sent, waiting, acknowledged, seen, subscribed, received, shown] = stdout.split(`\n${cut}\n`)
    expect(stderr).toBe('')
    expect([sent, acknowledged, subscribed]).toEqual(['', '', ''])
    expect(JSON.parse(waiting ?? '')).toMatchObject({
      messages: [{ from: 'hospital', type: 'order', body: { test: 'CBC' }, states: { lab: 'delivered' } }],
    })
    expect(JSON.parse(seen ?? '')).toMatchObject({ states: { lab: 'acknowledged' } })
    expect(received).toContain('{"delivered":true,"status":204,"error":null}')
    expect(received).toContain('PersonRegistered people ESPGNU888ORG')
    expect(JSON.parse(shown ?? '')).toMatchObject({ status: 'active', failures: 0, deadLetters: 0 })
  })
})
