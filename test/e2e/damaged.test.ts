import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic, type Client, clientOf } from '../support/client.ts'
import { damages, overwrite } from '../support/damage.ts'
import { describeUnless } from '../support/describe-unless.ts'
import { type Combination, noEngines, startEngines } from '../support/engines.ts'
import { temporaryFolder } from '../support/folder.ts'
import { type RunningHub, runCommand, startHubProcess, untilReady } from '../support/process.ts'

const folder = temporaryFolder()
afterAll(() => folder.remove())
let folders = 0
const newFolder = () => {
  folders += 1
  return join(folder.path, String(folders))
}

const asRoot = ({ url }: RunningHub): Client => clientOf(url, basic('ROOT', 'freedom'))
const register = (dataDir: string, id = 'ROOT', ...more: readonly string[]) =>
  runCommand(
    ['person', 'register', id, '--roles', 'root', '--password-stdin', '--data-dir', dataDir, ...more],
    'freedom',
  )
const serve = (dataDir: string, ...more: readonly string[]) =>
  runCommand(['serve', '--port', '0', '--data-dir', dataDir, ...more])
const asideIn = (dataDir: string) => readdirSync(dataDir).filter(name => name.includes('.damaged-'))

const pages = Array.from({ length: 60 }, (_, n) => `/pols/ROOT/${n}`)

const original = newFolder()
beforeAll(async () => {
  await register(original)
  const hub = await startHubProcess(original)
  await untilReady(hub)
  await Promise.all(pages.map(page => asRoot(hub).post(page, { summary: 'x'.repeat(4_000) })))
  expect(await hub.kill('SIGTERM')).toBe(0)
})

/** What a hub with a book of 60 pages left when it ended. */
const filledFolder = (): string => {
  const dataDir = newFolder()
  cpSync(original, dataDir, { recursive: true })
  return dataDir
}

/** Reads all pages until each was answered 200; any other answer must be 503, with when to try again. */
const readAll = async (hub: RunningHub): Promise<void> => {
  for (const page of pages)
    for (;;) {
      const { status, headers } = await asRoot(hub).get(page)
      if (status === 200) break
      expect(status).toBe(503)
      expect(headers.get('Retry-After')).toMatch(/^\d+$/)
    }
}

describe('a hub whose read.db is damaged', () => {
  it.each(damages)('sets it aside, says so, and builds it anew: %s', async (_, damage) => {
    const dataDir = filledFolder()
    damage(join(dataDir, 'read.db'))
    const hub = await startHubProcess(dataDir)
    await readAll(hub)
    await untilReady(hub)
    expect(asideIn(dataDir)).toEqual([expect.stringMatching(/^read\.db\.damaged-/)])
    expect(hub.log()).toContain('"file":"read.db"')
    expect(hub.log()).not.toContain(dataDir)
    expect((await asRoot(hub).post('/pols/ROOT/after', {})).status).toBe(201)
    expect((await asRoot(hub).get('/pols/ROOT/after')).status).toBe(200)
    expect(await hub.kill('SIGTERM')).toBe(0)
  })

  it('goes on when it happens while two processes serve, and both answer from the new one', async () => {
    const dataDir = filledFolder()
    const hub = await startHubProcess(dataDir)
    const other = await startHubProcess(dataDir, 'node', {}, 'serve', ['--no-projector'])
    await Promise.all([untilReady(hub), untilReady(other)])
    overwrite(join(dataDir, 'read.db'), 16_384)
    await Promise.all([readAll(hub), readAll(other)])
    expect((await asRoot(other).post('/pols/ROOT/after', {})).status).toBe(201)
    await Promise.all([readAll(hub), readAll(other)])
    await Promise.all([untilReady(hub), untilReady(other)])
    expect(asideIn(dataDir)).toHaveLength(1)
    expect([await hub.kill('SIGTERM'), await other.kill('SIGTERM')]).toEqual([0, 0])
  })
})

describe('a hub whose log or credentials are damaged', () => {
  it.each([
    ['events.db', 'None of its events can be read', 0],
    ['auth.db', 'None of its credentials can be read', 0],
    ['relay.db', 'None of its bodies of messages can be read', 0],
    ['events.db', 'events can be read', 150_000],
  ] as const)('does not start, names %s, and leaves it as it is', async (file, sentence, from) => {
    const dataDir = filledFolder()
    const path = join(dataDir, file)
    overwrite(path, from)
    const before = readFileSync(path)
    for (const ended of from === 0
      ? [await serve(dataDir), await register(dataDir, 'EVA')]
      : [await serve(dataDir)]) {
      expect(ended).toMatchObject({ code: 1, out: '' })
      for (const part of [
        `${file} is damaged`,
        sentence,
        '"Damaged, lost, put back" in docs/operations/backup.md',
      ])
        expect(ended.err).toContain(part)
      expect(ended.err).not.toMatch(/malformed|not a database|\n\s+at /)
    }
    expect(readFileSync(path)).toEqual(before)
    expect(readFileSync(join(import.meta.dirname, '../../docs/operations/backup.md'), 'utf8')).toContain(
      '## Damaged, lost, put back',
    )
  })
})

describe('a hub whose files a later release has changed', () => {
  it.each(['events.db', 'auth.db', 'relay.db'])(
    'does not start, names %s, and leaves it as it is',
    async file => {
      const dataDir = filledFolder()
      const path = join(dataDir, file)
      const db = new DatabaseSync(path)
      db.exec('PRAGMA user_version = 1000')
      db.close()
      const before = readFileSync(path)
      for (const ended of [await serve(dataDir), await register(dataDir, 'EVA')]) {
        expect(ended).toMatchObject({ code: 1, out: '' })
        for (const part of [`${file} was changed by a later release`, 'docs/operations/upgrade.md'])
          expect(ended.err).toContain(part)
      }
      expect(readFileSync(path)).toEqual(before)
    },
  )
})

const restOnMongo: Combination = ['SQLite', 'MongoDB']

describeUnless(noEngines(restOnMongo), 'half a hub on MongoDB', () => {
  it('is not started on: the log names credentials, and the database holds none', async () => {
    const { settings, stop } = await startEngines(restOnMongo)
    const dataDir = newFolder()
    const command = [
      'person',
      'register',
      'ROOT',
      '--roles',
      'root',
      '--password-stdin',
      '--data-dir',
      dataDir,
    ]
    expect(await runCommand(command, 'freedom', 'node', settings)).toMatchObject({ code: 0 })
    const empty = { ...settings, MONGODB_URL: `${settings.MONGODB_URL}_empty` }
    const ended = await runCommand(['serve', '--port', '0', '--data-dir', dataDir], '', 'node', empty)
    expect(ended).toMatchObject({ code: 1, out: '' })
    expect(ended.err).toContain(
      'The hub cannot start on MONGODB_URL: the database NAME_auth holds no credentials',
    )
    await stop()
  })
})

describe('half a hub', () => {
  const removeCredentials = (dataDir: string) => {
    for (const suffix of ['', '-wal', '-shm']) rmSync(join(dataDir, `auth.db${suffix}`), { force: true })
  }

  it('is not started on: the log names credentials, and none are there', async () => {
    const dataDir = newFolder()
    await register(dataDir)
    removeCredentials(dataDir)
    for (const ended of [await serve(dataDir), await register(dataDir, 'EVA'), await serve(dataDir)]) {
      expect(ended).toMatchObject({ code: 1, out: '' })
      expect(ended.err).toContain('auth.db holds no credentials')
      expect(ended.err).toContain('--without-credentials')
    }
  })

  it('is started on by the operator who means it, who needs to say so until somebody is registered', async () => {
    const dataDir = newFolder()
    await register(dataDir)
    removeCredentials(dataDir)
    const hub = await startHubProcess(dataDir, 'node', {}, 'serve', ['--without-credentials'])
    expect((await asRoot(hub).get('/login')).status).toBe(401)
    await hub.kill('SIGTERM')
    expect((await serve(dataDir)).code).toBe(1)
    expect(await register(dataDir, 'EVA', '--without-credentials')).toMatchObject({ code: 0 })
    const again = await startHubProcess(dataDir)
    expect((await clientOf(again.url, basic('EVA', 'freedom')).get('/login')).status).toBe(200)
    await again.kill('SIGTERM')
  })

  it('without its contents says at start how many are missing', async () => {
    const dataDir = newFolder()
    await register(dataDir)
    const hub = await startHubProcess(dataDir)
    await asRoot(hub).post('/personal-documents/scan', { person: 'ROOT' })
    for (const byte of [1, 2]) {
      const body = new Uint8Array([byte])
      await asRoot(hub).send('PUT', '/personal-documents/scan/content', { body })
    }
    await hub.kill('SIGTERM')
    expect(hub.log()).not.toContain('"missing"')
    rmSync(join(dataDir, 'content'), { recursive: true })
    const again = await startHubProcess(dataDir)
    await untilReady(again)
    await again.kill('SIGTERM')
    expect(again.log()).toMatch(/"level":"warn".*"missing":2,/)
    expect(existsSync(join(dataDir, 'read.db'))).toBe(true)
  })
})
