import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { backUp, putBack } from '../../backups.ts'
import { checkHub } from '../../checking.ts'
import type { Client } from '../support/client.ts'
import { left, right } from '../support/either.ts'
import { temporaryFolder } from '../support/folder.ts'
import { rootAccount, startTestHub, type TestHub, testConfig } from '../support/hub.ts'
import { enrolledNode } from '../support/nodes.ts'
import { runCommand } from '../support/process.ts'

const folder = temporaryFolder()
let folders = 0
const newFolder = () => {
  folders += 1
  return join(folder.path, String(folders))
}
const quiet = () => undefined

let hub: TestHub
let hospital: Client
beforeAll(async () => {
  hub = await startTestHub()
  hospital = await enrolledNode(hub.url, hub.root, 'hospital', ['messages:send', 'messages:read'])
  await hospital.post('/messages', { to: ['hospital'], type: 'order', body: { test: 'CBC' } })
  for (const n of [1, 2, 3]) await upload(`scan-${n}`, `content ${n}`)
})
afterAll(async () => {
  await hub.close()
  folder.remove()
})

const upload = async (id: string, text: string): Promise<void> => {
  await hub.root.post(`/personal-documents/${id}`, { person: rootAccount })
  const body = new TextEncoder().encode(text)
  expect((await hub.root.send('PUT', `/personal-documents/${id}/content`, { body })).status).toBe(201)
}

const config = () => hub.core.config
const masterKey = () => ({ MASTER_KEY_FILE: config().masterKeyFile })
const taken = (to: string) => right(backUp(config(), to, quiet))

/** Every file of a folder, by its path in it. */
const filesIn = (path: string): readonly string[] =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))

const findingsIn = async (dataDir: string, sample?: number): Promise<readonly string[]> => {
  const findings: string[] = []
  await right(
    checkHub(
      testConfig(dataDir, masterKey()),
      { found: finding => findings.push(finding), report: quiet, sample },
      async () => undefined,
    ),
  )
  return findings
}

describe('a backup of a hub that runs', () => {
  it('holds log, credentials, relay and contents for their owner only, and the master key nowhere', async () => {
    const to = newFolder()
    const { manifest, added } = await taken(to)
    expect(added).toBe(3)
    expect(manifest.contents.count).toBe(3)
    expect(statSync(to).mode & 0o777).toBe(0o700)
    const secret = readFileSync(config().masterKeyFile, 'utf8').trim()
    for (const file of filesIn(to)) {
      expect(statSync(file).mode & 0o777).toBe(0o600)
      expect(
        readFileSync(file).includes(secret) || readFileSync(file).includes(Buffer.from(secret, 'hex')),
      ).toBe(false)
    }
    expect(Object.keys(manifest.databases)).toEqual(['events', 'auth', 'relay'])
  })

  it('is taken while it is written to, and what was answered before it began is in what is put back', async () => {
    const [to, back] = [newFolder(), newFolder()]
    const ending = new AbortController()
    const answered: string[] = []
    const writing = (async () => {
      for (let n = 0; !ending.signal.aborted; n += 1)
        if ((await hub.root.post(`/institutions/under-load-${n}`, { name: `Hospital ${n}` })).status === 201)
          answered.push(`under-load-${n}`)
    })()
    while (answered.length < 5) await hub.root.get('/institutions')
    const before = [...answered]
    const { manifest } = await taken(to)
    ending.abort()
    await writing
    expect(answered.length).toBeGreaterThan(before.length)
    const restored = await right(putBack(testConfig(back, masterKey()), to, quiet))
    expect(restored.contents).toBe(3)
    expect(String(restored.manifest.position)).toBe(manifest.position)
    const db = new DatabaseSync(join(back, 'events.db'), { readOnly: true })
    const streams = new Set(
      db
        .prepare('SELECT stream FROM events')
        .all()
        .map(({ stream }) => String(stream)),
    )
    db.close()
    for (const id of before) expect(streams.has(`institution-${id}`)).toBe(true)
    expect(await findingsIn(back)).toEqual([])
  })

  it('copies into the same folder only contents that are not there, and replaces the one before', async () => {
    const to = newFolder()
    const first = await taken(to)
    const sets = readdirSync(to).filter(name => name.startsWith('set-'))
    await upload(`late-${folders}`, 'what came later')
    const second = await taken(to)
    expect(second.added).toBe(1)
    expect(second.manifest.contents.count).toBe(first.manifest.contents.count + 1)
    expect(readdirSync(to).filter(name => name.startsWith('set-'))).toHaveLength(1)
    expect(readdirSync(to)).not.toContain(sets[0])
    await right(putBack(testConfig(newFolder(), masterKey()), to, quiet))
  })

  it('keeps no content of somebody who is forgotten, once it is taken again', async () => {
    const to = newFolder()
    await hub.person('ESPGNU777ORG', ['end_user'])
    await hub.root.post('/personal-documents/hers', { person: 'ESPGNU777ORG' })
    await hub.root.send('PUT', '/personal-documents/hers/content', { body: new Uint8Array([1, 2, 3]) })
    const { manifest } = await taken(to)
    await hub.root.put('/people/ESPGNU777ORG/active', { active: false })
    expect((await hub.root.post('/people/ESPGNU777ORG/erasure', { reason: '1/2026' })).status).toBe(200)
    const again = await taken(to)
    expect(again.manifest.contents.count).toBe(manifest.contents.count - 1)
    await right(putBack(testConfig(newFolder(), masterKey()), to, quiet))
  })

  it('is none before its manifest is there: one broken off is not taken for one', async () => {
    const to = newFolder()
    await taken(to)
    rmSync(join(to, 'manifest.json'))
    const back = newFolder()
    expect(await left(putBack(testConfig(back, masterKey()), to, quiet))).toEqual({ _tag: 'NoBackup' })
    expect(existsSync(back)).toBe(false)
    await taken(to)
    await right(putBack(testConfig(back, masterKey()), to, quiet))
  })

  it('leaves a folder alone that holds something else, or the backup of another hub', async () => {
    const [other, foreign] = [newFolder(), newFolder()]
    mkdirSync(other)
    writeFileSync(join(other, 'letter.txt'), 'Dear')
    expect(await left(backUp(config(), other, quiet))).toEqual({ _tag: 'FolderTaken' })
    expect(readdirSync(other)).toEqual(['letter.txt'])
    await taken(foreign)
    const manifest = JSON.parse(readFileSync(join(foreign, 'manifest.json'), 'utf8'))
    writeFileSync(join(foreign, 'manifest.json'), JSON.stringify({ ...manifest, hub: 'f'.repeat(32) }))
    expect(await left(backUp(config(), foreign, quiet))).toEqual({ _tag: 'BackupOfAnotherHub' })
  })
})

describe('a backup that is put back', () => {
  let good = ''
  beforeAll(async () => {
    good = newFolder()
    await taken(good)
  })
  const copied = (): string => {
    const to = newFolder()
    cpSync(good, to, { recursive: true })
    return to
  }
  const fileIn = (backup: string, part: string): string =>
    filesIn(backup).find(file => file.includes(part)) ?? ''
  const flipBit = (file: string): void => {
    const bytes = readFileSync(file)
    const middle = Math.floor(bytes.length / 2)
    bytes[middle] = (bytes[middle] ?? 0) ^ 1
    writeFileSync(file, bytes)
  }

  it.each([
    ['events.db', flipBit],
    ['auth.db', flipBit],
    ['relay.db', flipBit],
    ['contents.ndjson', flipBit],
    ['content/people', flipBit],
    ['content/people', rmSync],
    ['events.db', (file: string) => truncateSync(file, 4096)],
    ['manifest.json', (file: string) => truncateSync(file, 100)],
  ])('is refused where %s is not what the manifest says, and nothing is put there', async (part, damage) => {
    const backup = copied()
    damage(fileIn(backup, part))
    const back = newFolder()
    expect(await left(putBack(testConfig(back, masterKey()), backup, quiet))).toMatchObject({
      _tag: 'FileDamaged',
      path: expect.stringContaining(part),
    })
    expect(existsSync(back) ? readdirSync(back) : []).toEqual([])
  })

  it('is put back as it is where that is wanted: with findings, and without the content that is damaged', async () => {
    const backup = copied()
    flipBit(fileIn(backup, 'content/people'))
    const restored = await right(putBack(testConfig(newFolder(), masterKey()), backup, quiet, 'as it is'))
    expect(restored.findings).toEqual([
      expect.stringMatching(/^content\/people\/\S+ of the backup is gone, or not what the manifest says$/),
      expect.stringMatching(
        /^the content that the event at position \d+ \(\w+\) names is damaged or not there$/,
      ),
    ])
  })

  it('is refused in a folder that holds anything but the master key', async () => {
    const back = newFolder()
    mkdirSync(back)
    writeFileSync(join(back, 'events.db'), '')
    expect(await left(putBack(testConfig(back, masterKey()), good, quiet))).toEqual({
      _tag: 'FolderNotEmpty',
    })
    rmSync(join(back, 'events.db'))
    cpSync(config().masterKeyFile, join(back, 'master.key'))
    await right(putBack(testConfig(back), good, quiet))
    expect(readdirSync(back).sort()).toEqual(['auth.db', 'content', 'events.db', 'master.key', 'relay.db'])
    for (const file of filesIn(back)) expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  it('is refused without the master key, and with another one', async () => {
    const back = newFolder()
    await expect(putBack(testConfig(back), good, quiet)).rejects.toMatchObject({
      _tag: 'MasterKeyUnusable',
      reason: 'missing',
    })
    const other = join(folder.path, 'other.key')
    writeFileSync(other, `${'ab'.repeat(32)}\n`)
    await expect(putBack(testConfig(back, { MASTER_KEY_FILE: other }), good, quiet)).rejects.toMatchObject({
      _tag: 'MasterKeyUnusable',
      reason: 'another key',
    })
    expect(readdirSync(back)).toEqual([])
  })
})

describe('the commands backup and restore', () => {
  it('print what they did, as sentences and as JSON', async () => {
    const [to, back] = [newFolder(), newFolder()]
    const backedUp = await runCommand(['backup', to, '--data-dir', config().dataDir])
    expect(backedUp).toMatchObject({ code: 0, err: '' })
    expect(backedUp.out).toContain('The master key is not in it.')
    const restored = await runCommand([
      'restore',
      to,
      '--data-dir',
      back,
      '--master-key-file',
      config().masterKeyFile,
      '--json',
    ])
    expect(restored).toMatchObject({ code: 0, err: '' })
    expect(JSON.parse(restored.out)).toMatchObject({ format: 1, verified: { contents: expect.any(Number) } })
  })

  it.each([
    [['restore', 'nowhere'], 2, '--data-dir: must name the new folder'],
    [
      ['backup', 'somewhere', '--eventstore-url', 'esdb://127.0.0.1:2113?tls=false'],
      1,
      'of the embedded engine only',
    ],
  ] as const)('%j is refused with a sentence', async (parameters, code, sentence) => {
    const ended = await runCommand(parameters, '', 'node', { DATA_DIR: newFolder() })
    expect(ended.code).toBe(code)
    expect(ended.err).toContain(sentence)
  })
})
