import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readConfig } from '../../config.ts'
import manifest from '../../package.json' with { type: 'json' }
import { sqliteLog } from '../../stores/sqlite/event-log.ts'
import { right } from '../support/either.ts'
import { temporaryFolder } from '../support/folder.ts'
import { runCommand, startHubProcess } from '../support/process.ts'

const folder = temporaryFolder()
const busy = createServer()
let port = 0
beforeAll(async () => {
  await new Promise<void>(resolve => busy.listen(0, '127.0.0.1', resolve))
  const address = busy.address()
  port = typeof address === 'object' && address !== null ? address.port : 0
})
afterAll(() => {
  busy.close()
  folder.remove()
})

const at = (name: string) => ['--data-dir', join(folder.path, name)]

describe('a hub that cannot start', () => {
  it.each(['serve', 'demo'])('says why and ends: %s on a port in use', async command => {
    const ended = await runCommand([command, '--port', String(port), ...at(command)])
    expect(ended).toMatchObject({ code: 1, out: '' })
    expect(ended.err).toContain(`Port ${port} is in use: choose another one with --port.`)
  })

  it('says why and ends: an address that is not of this machine', async () => {
    const other = ['--host', '192.0.2.1', '--public-url', 'http://hub.example']
    expect(await runCommand(['serve', ...other, '--port', '0', ...at('host')])).toMatchObject({ code: 1 })
  })

  it('says why and ends: the credentials beside it are those of another log', async () => {
    const register = ['person', 'register', 'ROOT', '--roles', 'root', '--password-stdin', ...at('another')]
    expect(await runCommand(register, 'freedom')).toMatchObject({ code: 0 })
    for (const file of readdirSync(join(folder.path, 'another')))
      if (file.startsWith('events.db')) rmSync(join(folder.path, 'another', file))
    for (const command of [['serve', '--port', '0', ...at('another')], register]) {
      const ended = await runCommand(command, 'freedom')
      expect(ended).toMatchObject({ code: 1, out: '' })
      expect(ended.err).toContain('the credentials there are those of another log')
    }
  })

  it('takes no writes of the command line where its log is sealed, and says so in a sentence', async () => {
    const register = (id: string) => ['person', 'register', id, '--password-stdin', ...at('sealed')]
    expect(await runCommand(register('ROOT'), 'freedom')).toMatchObject({ code: 0 })
    const log = sqliteLog(join(folder.path, 'sealed', 'events.db'))
    await right(log.seal())
    await log.close()
    const commands = [
      register('EVA'),
      ['import', 'docs/examples/import.ndjson', ...at('sealed')],
      ['keys', 'rotate', ...at('sealed')],
      ['node', 'enroll', 'lab', '--name', 'Lab', '--scopes', 'people:read', ...at('sealed')],
    ]
    for (const ended of await Promise.all(commands.map(command => runCommand(command, 'freedom')))) {
      expect(ended).toMatchObject({ code: 1, out: '' })
      expect(ended.err).toMatch(/^The log in \S+ is sealed since \d{4}-\S+, .*EVENTSTORE_URL and MONGODB_URL/)
    }
  })

  it('says why and ends: a folder that it may not make', async () => {
    writeFileSync(join(folder.path, 'a-file'), '')
    const ended = await runCommand(['serve', '--port', '0', ...at('a-file/data')])
    expect(ended).toMatchObject({ code: 1, out: '' })
    expect(ended.err).toContain('Check that the folder can be written')
  })

  it.each([
    ['EVENTSTORE_URL', '--eventstore-url', 'esdb://user:hidden@127.0.0.1:1?tls=false'],
    ['MONGODB_URL', '--mongodb-url', 'mongodb://user:hidden@127.0.0.1:1/thalamus'],
  ])(
    'names the server that does not answer, and neither password nor driver: %s',
    async (name, flag, url) => {
      const keyFile = ['--master-key-file', join(folder.path, 'master.key')]
      const ended = await runCommand(['serve', '--port', '0', flag, url, ...keyFile, ...at(name)])
      expect(ended).toMatchObject({ code: 1, out: '' })
      expect(ended.err).toMatch(new RegExp(`^The hub cannot start on ${name}: `, 'm'))
      expect(ended.err).not.toMatch(/hidden|ECONNREFUSED|connect /)
    },
  )

  it('says that MongoDB needs a file for the master key, which no backup of it copies', async () => {
    const url = ['--mongodb-url', 'mongodb://127.0.0.1:1/thalamus']
    const ended = await runCommand(['serve', '--port', '0', ...url, ...at('no-key-file')])
    expect(ended).toMatchObject({ code: 2, err: expect.stringMatching(/^MASTER_KEY_FILE: must be set/) })
  })

  it('leaves the folder of a demo as it was', async () => {
    const ended = await runCommand(['demo', '--port', String(port), ...at('demo')])
    expect(ended.err).not.toContain('holds events already')
  })
})

describe('the release', () => {
  it('is told by --version', async () => {
    expect(await runCommand(['--version'])).toEqual({ code: 0, out: `${manifest.version}\n`, err: '' })
  })

  it('is in the first line of the log', async () => {
    const hub = await startHubProcess(join(folder.path, 'version'))
    await hub.kill('SIGTERM')
    expect(JSON.parse(hub.log().split('\n')[0] ?? '')).toMatchObject({ version: manifest.version })
  })
})

describe('settings', () => {
  it('are all looked at before anything starts', async () => {
    const directory = join(folder.path, 'a-directory')
    const junk = join(folder.path, 'junk.pem')
    mkdirSync(directory)
    writeFileSync(junk, 'no certificate')
    const wrong = [
      ['--roles-file', directory],
      ['--tls-cert', junk],
      ['--tls-key', junk],
      ['--port', 'x'],
      ['--host', '127.evil.example'],
      ['--token-ttl', '0'],
      ['--max-content', '17GiB'],
      ['--trust-proxy', '0.0.0.0/0'],
    ].flat()
    const ended = await runCommand(['serve', ...wrong, ...at('never')])
    expect(ended.code).toBe(2)
    for (const name of [
      'ROLES_FILE',
      'TLS_CERT',
      'PORT',
      'PUBLIC_URL',
      'TOKEN_TTL',
      'MAX_CONTENT',
      'TRUST_PROXY',
    ])
      expect(ended.err).toMatch(new RegExp(`^${name}: `, 'm'))
    expect(existsSync(join(folder.path, 'never'))).toBe(false)
  })

  it.each([
    ['64MiB', 67_108_864],
    ['64 MiB', 67_108_864],
    ['1GB', 1_000_000_000],
    ['2kb', 2_000],
    ['16gib', 17_179_869_184],
    ['1', 1],
    ['', 67_108_864],
  ])('know sizes: %s is %i bytes', (size, bytes) => {
    const read = readConfig({ environment: { MAX_CONTENT: size }, flag: {} })
    expect('config' in read && read.config.mostContentBytes).toBe(bytes)
  })

  it.each(['0', '-1', '1.5MiB', 'MiB', '1TiB', '1e6', '64M', '17GiB', 'NaN'])('refuse %s as a size', size => {
    const read = readConfig({ environment: { MAX_CONTENT: size }, flag: {} })
    expect('problems' in read && read.problems).toEqual([
      expect.stringMatching(/^MAX_CONTENT: must be a number/),
    ])
  })
})
