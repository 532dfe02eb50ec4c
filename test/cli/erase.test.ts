import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sqliteAuthStore } from '../../stores/sqlite/auth-store.ts'
import { basic, type Client, clientOf } from '../support/client.ts'
import { right } from '../support/either.ts'
import { temporaryFolder } from '../support/folder.ts'
import { type RunningHub, runCommand, startHubProcess, untilReady } from '../support/process.ts'

const folder = temporaryFolder()
const dataDir = join(folder.path, 'data')
const run = (parameters: readonly string[], input = '') =>
  runCommand([...parameters, '--data-dir', dataDir], input)
const file = (name: string) => join(folder.path, name)

let hub: RunningHub
let root: Client
const serve = async () => {
  hub = await startHubProcess(dataDir)
  await untilReady(hub)
  root = clientOf(hub.url, basic('ROOT', 'freedom'))
}
beforeAll(async () => {
  await run(['person', 'register', 'ROOT', '--roles', 'root', '--password-stdin'], 'freedom')
  await serve()
})
afterAll(async () => {
  await hub.kill('SIGTERM')
  folder.remove()
})

const inactive = async (account: string) => {
  await root.post(`/people/${account}`, { name: 'Wordnobodyelsehas', active: false })
  await root.post(`/pols/${account}/p`, { summary: 'Wordnobodyelsehas' })
}

describe('thalamus erase', () => {
  it('forgets a person while a hub runs, which answers 410 when the command ends', async () => {
    await inactive('ONE')
    const erased = await run(['erase', 'one', '--reason', 'Request 1'])
    expect(erased).toMatchObject({ code: 0, err: '' })
    expect(JSON.parse(erased.out)).toMatchObject({
      account: 'ONE',
      reason: 'Request 1',
      events: 2,
      inClear: 0,
    })
    expect((await root.get('/people/ONE')).status).toBe(410)
    expect((await run(['erase', 'ONE', '--reason', 'again'])).out).toBe(erased.out)
    writeFileSync(file('one.json'), erased.out)
  })

  it('refuses what the rules refuse, and says what is missing', async () => {
    await root.post('/people/ACTIVE', {})
    expect(await run(['erase', 'ACTIVE', '--reason', 'x'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('is active'),
    })
    expect(await run(['erase', 'NOBODY', '--reason', 'x'])).toMatchObject({ code: 1 })
    expect(await run(['erase', 'ACTIVE'])).toMatchObject({ code: 2 })
    expect(await run(['erase'])).toMatchObject({ code: 2 })
  })

  it('looks whether a certificate is right, with the hub and without', async () => {
    expect(await run(['erase', '--verify', file('one.json')])).toMatchObject({ code: 0 })
    expect(await run(['erase', '--verify', file('one.json'), '--url', hub.url])).toMatchObject({
      code: 0,
      out: expect.stringContaining('publishes the key'),
    })
    const { certificate } = JSON.parse(readFileSync(file('one.json'), 'utf8'))
    const [head, body, signature] = certificate.split('.')
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString())
    const other = Buffer.from(JSON.stringify({ ...claims, account: 'TWO' })).toString('base64url')
    writeFileSync(file('other.jws'), [head, other, signature].join('.'))
    expect(await run(['erase', '--verify', file('other.jws')])).toMatchObject({
      code: 1,
      err: expect.stringContaining('changed since it was signed'),
    })
    expect(await run(['erase', '--verify', file('nothing')])).toMatchObject({ code: 1 })
  })

  it('forgets a person where no hub runs, before it ends', async () => {
    await inactive('TWO')
    await hub.kill('SIGTERM')
    expect(await run(['erase', 'TWO', '--reason', 'Request 2'])).toMatchObject({ code: 0, err: '' })
    await serve()
    expect((await root.get('/pols/TWO/p?asOf=2100-01-01')).status).toBe(410)
  })

  it('leaves nothing in what a check has built beside the read models, with a hub and without', async () => {
    for (const account of ['ONLINE', 'OFFLINE']) {
      await root.post(`/people/${account}`, { name: `Word${account}`, active: false })
      await root.post(`/pols/${account}/p`, { summary: `Word${account}` })
    }
    const filesWith = (word: string) =>
      readdirSync(dataDir, { recursive: true, withFileTypes: true })
        .filter(entry => entry.isFile() && readFileSync(join(entry.parentPath, entry.name)).includes(word))
        .map(({ name }) => name)
    expect(await run(['check'])).toMatchObject({ code: 0 })
    expect(filesWith('WordONLINE')).not.toEqual([])
    expect(await run(['erase', 'ONLINE', '--reason', 'Request 4'])).toMatchObject({ code: 0, err: '' })
    expect(filesWith('WordONLINE')).toEqual([])
    await hub.kill('SIGTERM')
    expect(await run(['check'])).toMatchObject({ code: 0 })
    expect(await run(['erase', 'OFFLINE', '--reason', 'Request 5'])).toMatchObject({ code: 0 })
    expect(filesWith('WordOFFLINE')).toEqual([])
    await serve()
  })
})

describe('a hub that is put back from a backup', () => {
  const backup = join(folder.path, 'backup')
  const keyOf = async (account: string) => {
    const auth = sqliteAuthStore(join(dataDir, 'auth.db'))
    const [key] = await right(auth.keysOf([account]))
    await auth.close()
    return key
  }
  const putBack = (...files: readonly string[]) => {
    for (const name of files) {
      for (const suffix of ['-wal', '-shm']) rmSync(join(dataDir, `${name}${suffix}`), { force: true })
      cpSync(join(backup, name), join(dataDir, name))
    }
  }

  it('destroys again the keys of whom its log has forgotten, where the store of keys is older', async () => {
    await inactive('THREE')
    await hub.kill('SIGTERM')
    cpSync(dataDir, backup, { recursive: true })
    const erased = await run(['erase', 'THREE', '--reason', 'Request 3'])
    expect(erased.code).toBe(0)
    writeFileSync(file('three.json'), erased.out)
    expect(await keyOf('THREE')).toEqual({ account: 'THREE' })
    putBack('auth.db')
    expect(await keyOf('THREE')).toMatchObject({ master: expect.any(String) })
    await serve()
    while ((await keyOf('THREE'))?.master !== undefined) await pause(50)
    expect((await root.get('/people/THREE')).status).toBe(410)
    await hub.kill('SIGTERM')
  })

  it('forgets again whom certificates name, whatever they are there', async () => {
    putBack('events.db', 'auth.db', 'read.db')
    await serve()
    expect((await root.get('/people/THREE')).json).toMatchObject({ name: 'Wordnobodyelsehas' })
    await root.put('/people/THREE/active', { active: true })
    const again = await run(['erase', '--again', file('three.json'), file('one.json')])
    expect(again).toMatchObject({ code: 0, out: 'THREE is forgotten.\nONE is forgotten.\n' })
    expect((await root.get('/people/THREE')).status).toBe(410)
    expect(await keyOf('THREE')).toEqual({ account: 'THREE' })
    expect(await run(['erase', '--again', file('other.jws')])).toMatchObject({ code: 1 })
  })
})

describe('thalamus keys rewrap', () => {
  it('changes the master key while the hub runs', async () => {
    const path = join(dataDir, 'master.key')
    const before = readFileSync(path, 'utf8')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    const rewrapped = run(['keys', 'rewrap'])
    for (let n = 0; n < 20; n += 1) await root.post(`/people/DURING${n}`, { name: 'x' })
    expect(await rewrapped).toMatchObject({ code: 0, err: '' })
    const after = readFileSync(path, 'utf8')
    expect(after.trim()).toMatch(/^[0-9a-f]{64}$/)
    expect(after).not.toBe(before)
    await root.post('/people/AFTER', { name: 'x' })
    await hub.kill('SIGTERM')
    await serve()
    for (const account of ['DURING0', 'DURING19', 'AFTER'])
      expect((await root.patch(`/people/${account}`, { name: 'y' })).status).toBe(200)
  })

  it('leaves a hub that does not start with another key', async () => {
    const path = join(dataDir, 'master.key')
    const right = readFileSync(path)
    await hub.kill('SIGTERM')
    writeFileSync(path, `${'0'.repeat(64)}\n`)
    expect(await run(['person', 'activate', 'ONE'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('another key'),
    })
    writeFileSync(path, right)
    await serve()
  })
})
