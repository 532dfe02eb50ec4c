import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic, clientOf } from '../support/client.ts'
import { runHere } from '../support/command-here.ts'
import { temporaryFolder } from '../support/folder.ts'
import { type Ended, type RunningHub, runCommand, startHubProcess, untilReady } from '../support/process.ts'

const folder = temporaryFolder()
afterAll(() => folder.remove())
let folders = 0
const newFolder = () => {
  folders += 1
  return join(folder.path, String(folders))
}

const person = (dataDir: string, parameters: readonly string[], input = '') =>
  runCommand(['person', ...parameters, '--data-dir', dataDir], input)

const expectWrongForm = ({ code, err }: Ended) => {
  expect(code).toBe(2)
  expect(err).not.toBe('')
  expect(err).not.toContain('    at ')
}

describe('person', () => {
  it('registers, once; says what it did; keeps everything for its owner only', async () => {
    const dataDir = newFolder()
    const register = ['register', 'argbue111fav', '--name', 'Favio', '--roles', 'root', '--password-stdin']
    const first = await person(dataDir, register, 'freedom\n')
    expect(first).toMatchObject({ code: 0, out: 'ARGBUE111FAV is registered and can log in.\n', err: '' })
    for (const again of ['freedom', 'another one']) {
      const second = await person(dataDir, register, again)
      expect(second.code).toBe(1)
      expect(second.err).not.toBe('')
    }
    expect(statSync(dataDir).mode & 0o777).toBe(0o700)
    for (const file of readdirSync(dataDir)) expect(statSync(join(dataDir, file)).mode & 0o777).toBe(0o600)
  })

  describe('on a hub that runs', () => {
    const dataDir = newFolder()
    let hub: RunningHub
    const status = async (account: string, password: string, path = '/login') =>
      (await clientOf(hub.url, basic(account, password)).get(path)).status
    beforeAll(async () => {
      hub = await startHubProcess(dataDir)
    })
    afterAll(() => hub.kill('SIGTERM'))

    it('lets a person in at once, with the password that was set last', async () => {
      await person(dataDir, ['register', 'ROOT', '--roles', 'root', '--password-stdin'], 'freedom')
      expect(await status('ROOT', 'freedom', '/people/ROOT')).toBe(200)
      expect((await person(dataDir, ['password', 'ROOT', '--password-stdin'], 'new freedom')).code).toBe(0)
      expect(await status('ROOT', 'freedom')).toBe(401)
      expect(await status('ROOT', 'new freedom')).toBe(200)
    })

    it('keeps the last root', async () => {
      expect(await person(dataDir, ['deactivate', 'ROOT'])).toMatchObject({ code: 1 })
      expect(await person(dataDir, ['roles', 'ROOT', 'auditor'])).toMatchObject({ code: 1 })
      expect(await status('ROOT', 'new freedom', '/people/ROOT')).toBe(200)
    })

    it('puts a person out at once, lets them in again, and takes their roles', async () => {
      await person(dataDir, ['register', 'OTHER', '--roles', 'root,auditor', '--password-stdin'], 'freedom')
      expect((await person(dataDir, ['deactivate', 'ROOT'])).code).toBe(0)
      expect(await status('ROOT', 'new freedom')).toBe(401)
      expect((await person(dataDir, ['activate', 'ROOT'])).code).toBe(0)
      expect(await status('ROOT', 'new freedom')).toBe(200)
      expect((await person(dataDir, ['roles', 'ROOT', 'end_user'])).code).toBe(0)
      expect(await status('ROOT', 'new freedom', '/people')).toBe(403)
    })
  })

  it.each([
    [['register', 'A B', '--password-stdin'], 'freedom'],
    [['register', 'A', '--password-stdin'], 'short'],
    [['register', 'A', '--rolls', 'root', '--password-stdin'], 'freedom'],
  ])('%j is a wrong form', async (parameters, input) => {
    expectWrongForm(await person(newFolder(), parameters, input))
  })

  it.each([[['register', 'A']], [['register', 'A', '--roles']], [['register']], [['promote', 'A']]])(
    '%j is a wrong form',
    async parameters => {
      expectWrongForm(await runHere(['person', ...parameters, '--data-dir', newFolder()]))
    },
  )

  it('of nobody, or to a role that is none, is refused', async () => {
    const dataDir = newFolder()
    expect((await person(dataDir, ['roles', 'NOBODY', 'root'])).code).toBe(1)
    expect((await person(dataDir, ['password', 'NOBODY', '--password-stdin'], 'freedom')).code).toBe(1)
    expect(
      (await person(dataDir, ['register', 'A', '--roles', 'king', '--password-stdin'], 'freedom')).code,
    ).toBe(1)
  })
})

describe('settings', () => {
  it('that are wrong are all said at once, and nothing is started', async () => {
    const dataDir = newFolder()
    const ended = await runCommand([
      ...['serve', '--data-dir', dataDir, '--port', '70000', '--log-level', 'loud', '--host', '0.0.0.0'],
      ...[
        '--cors-origins',
        '*',
        '--tls-cert',
        '/nowhere',
        '--roles-file',
        '/nowhere',
        '--legacy-lists',
        'maybe',
      ],
    ])
    expect(ended.code).toBe(2)
    for (const name of [
      'PORT',
      'LOG_LEVEL',
      'PUBLIC_URL',
      'CORS_ORIGINS',
      'TLS_CERT',
      'ROLES_FILE',
      'LEGACY_LISTS',
    ])
      expect(ended.err).toContain(`${name}: `)
    expect(() => statSync(dataDir)).toThrow()
  })

  it('name a roles file in the original’s format', async () => {
    const file = join(folder.path, 'roles.json')
    writeFileSync(file, '[{"role": "root", "permissions": {"GET": ["person"], "global": "Yes"}}]')
    const ended = await runCommand(['serve', '--roles-file', file, '--data-dir', newFolder()])
    expect(ended).toMatchObject({ code: 2, err: expect.stringContaining('ROLES_FILE: ') })
  })
})

describe('help', () => {
  it('teaches', async () => {
    const ended = await runCommand(['--help'])
    expect(ended).toMatchObject({ code: 0, out: expect.stringContaining('Usage: thalamus'), err: '' })
  })

  it.each([
    [['serve']],
    [['person']],
    [['person', 'register']],
    [['rebuild']],
    [['replay']],
    [['move']],
    [['send']],
    [['receive']],
    [['demo']],
  ])('of %j teaches', async command => {
    const ended = await runHere([...command, '--help'])
    expect(ended).toMatchObject({ code: 0, out: expect.stringContaining('Usage: thalamus'), err: '' })
    expect(ended.out).toContain(`Usage: thalamus ${command.join(' ')}`)
  })
})

describe('rebuild', () => {
  it('builds read models anew while the hub serves, and loses no write', async () => {
    const dataDir = newFolder()
    await person(dataDir, ['register', 'ROOT', '--roles', 'root', '--password-stdin'], 'freedom')
    const hub = await startHubProcess(dataDir)
    await untilReady(hub)
    const root = clientOf(hub.url, basic('ROOT', 'freedom'))
    const rebuilding = runCommand(['rebuild', '--data-dir', dataDir])
    let written = 0
    const writing = async () => {
      for (; written < 300; written += 1)
        expect((await root.post(`/pols/ROOT/${written}`, {})).status).toBe(201)
    }
    const [ended] = await Promise.all([rebuilding, writing()])
    expect(ended, ended.err).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        /^people: built, and equal [\s\S]*^pols: [\s\S]*^versions: [\s\S]*^accounts: /m,
      ),
    })
    expect((await root.get('/pols/ROOT?limit=1000')).json).toHaveLength(300)
    expect((await root.post('/pols/ROOT/last', {})).status).toBe(201)
    expect((await root.get('/pols/ROOT/last')).status).toBe(200)
    expect((await runCommand(['rebuild', 'pages', '--data-dir', dataDir])).code).toBe(2)
    expect(await hub.kill('SIGTERM')).toBe(0)
  })
})

describe('move', () => {
  const dead = [
    '--to-events',
    'esdb://admin:geheim@127.0.0.1:9',
    '--to-reads',
    'mongodb://u:geheim@127.0.0.1:9/x',
  ]

  it('needs both targets, and says every problem at once, without what is in an address', async () => {
    const wrong = await runCommand(['move', '--to-events', 'esdb://u:geheim@', '--port', 'x'])
    expect(wrong.code).toBe(2)
    for (const begin of ['--to-events: must be', '--to-reads: must be given', 'PORT: '])
      expect(wrong.err).toContain(begin)
    expect(wrong.err).not.toContain('geheim')
    // Where the hub is now says nothing about where it is to go.
    const settings = {
      EVENTSTORE_URL: 'esdb://127.0.0.1:9?tls=false',
      MONGODB_URL: 'mongodb://127.0.0.1:9/x',
    }
    const none = await runCommand(['move', '--data-dir', newFolder()], '', 'node', settings)
    expect(none).toMatchObject({ code: 2, err: expect.stringMatching(/--to-events: .*\n--to-reads: /) })
  })

  it('of a folder without a hub is refused, and makes none', async () => {
    const dataDir = newFolder()
    const ended = await runCommand(['move', '--data-dir', dataDir, ...dead])
    expect(ended).toMatchObject({ code: 1, err: expect.stringContaining('--data-dir') })
    expect(() => statSync(dataDir)).toThrow()
  })

  it('to servers that are away says which, and leaves the hub as it is', async () => {
    const dataDir = newFolder()
    await person(dataDir, ['register', 'ROOT', '--roles', 'root', '--password-stdin'], 'freedom')
    const ended = await runCommand(['move', '--data-dir', dataDir, ...dead])
    expect(ended).toMatchObject({ code: 1, err: expect.stringContaining('--to-events') })
    expect(ended.err).not.toContain('geheim')
    expect((await person(dataDir, ['deactivate', 'ROOT'])).code).toBe(1)
    expect((await person(dataDir, ['roles', 'ROOT', 'root,auditor'])).code).toBe(0)
  })
})

describe('demo', () => {
  it('runs a hub with the original’s accounts, and takes a fresh folder only', async () => {
    const dataDir = newFolder()
    mkdirSync(dataDir)
    const hub = await startHubProcess(dataDir, 'node', {}, 'demo')
    const ana = clientOf(hub.url, basic('ESPGNU777ORG', 'gnusolidario'))
    expect((await ana.get('/pols/ESPGNU777ORG')).json).toHaveLength(2)
    expect((await clientOf(hub.url, basic('ARGBUE111FAV', 'freedom')).get('/people')).json).toHaveLength(3)
    expect((await clientOf(hub.url, basic('ITAPYT999HON', 'gnusolidario')).get('/people')).status).toBe(200)
    await hub.kill('SIGTERM')
    const again = await runCommand(['demo', '--data-dir', dataDir, '--port', '0'])
    expect(again).toMatchObject({ code: 1, err: expect.stringContaining('--data-dir') })
  })
})
