import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkHub } from '../../checking.ts'
import { overwrite } from '../support/damage.ts'
import { right } from '../support/either.ts'
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

let hub: TestHub
let original = ''
beforeAll(async () => {
  hub = await startTestHub()
  const hospital = await enrolledNode(hub.url, hub.root, 'hospital', ['messages:send', 'messages:read'])
  await hospital.post('/messages', { to: ['hospital'], type: 'order', body: { test: 'CBC' } })
  await hub.person('ESPGNU777ORG', ['end_user'])
  for (const n of [1, 2, 3]) await hub.root.put(`/institutions/h${n}`, { name: `Hospital ${n}` })
  for (const name of ['Hospital A', 'Hospital B']) await hub.root.patch('/institutions/h2', { name })
  for (const person of [rootAccount, 'ESPGNU777ORG']) {
    await hub.root.post(`/pols/${person}/p1`, { summary: 'Visit' })
    await hub.root.post(`/personal-documents/of-${person.toLowerCase()}`, { person })
  }
  const body = new Uint8Array([1, 2, 3])
  await hub.root.send('PUT', `/personal-documents/of-${rootAccount.toLowerCase()}/content`, { body })
  // Each write waits for the read side: the copy is of a hub at rest.
  original = newFolder()
  const { dataDir } = hub.core.config
  for (const name of ['events.db', 'auth.db', 'relay.db', 'read.db']) {
    const db = new DatabaseSync(join(dataDir, name))
    db.exec(`VACUUM INTO '${join(folder.path, name)}'`)
    db.close()
  }
  cpSync(dataDir, original, { recursive: true })
  for (const name of readdirSync(original)) if (name.includes('.db')) rmSync(join(original, name))
  for (const name of ['events.db', 'auth.db', 'relay.db', 'read.db'])
    cpSync(join(folder.path, name), join(original, name))
})
afterAll(async () => {
  await hub.close()
  folder.remove()
})

const copied = (): string => {
  const to = newFolder()
  cpSync(original, to, { recursive: true })
  return to
}

const findingsIn = async (dataDir: string): Promise<readonly string[]> => {
  const findings: string[] = []
  const found = (finding: string) => findings.push(finding)
  await right(
    checkHub(testConfig(dataDir), { found, report: () => undefined, sample: 50 }, async () => undefined),
  )
  return findings
}

const within = (dataDir: string, file: string, sql: string): void => {
  const db = new DatabaseSync(join(dataDir, file))
  db.exec(sql)
  db.close()
}

/** The one content that is kept. */
const contentIn = (dataDir: string): string => {
  const paths = readdirSync(join(dataDir, 'content', 'people'), { recursive: true, encoding: 'utf8' })
  const path = paths.map(name => join(dataDir, 'content', 'people', name)).find(one => statSync(one).isFile())
  return path ?? ''
}

const flipLastBit = (path: string): void => {
  const bytes = readFileSync(path)
  bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1
  writeFileSync(path, bytes)
}

/** The table that a read model is served from. */
const tableOf = (dataDir: string, model: string): string => {
  const db = new DatabaseSync(join(dataDir, 'read.db'), { readOnly: true })
  const [name = ''] = db
    .prepare(
      `SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '${model}\\_%' ESCAPE '\\' ORDER BY name`,
    )
    .all()
    .map(row => String(row.name))
  db.close()
  return name
}

describe('a look at all that a hub keeps', () => {
  it('finds nothing where all is whole', async () => {
    expect(await findingsIn(copied())).toEqual([])
  })

  const broken: readonly (readonly [string, (dataDir: string) => void, RegExp])[] = [
    [
      'a column of an event that is another one',
      dir =>
        within(
          dir,
          'events.db',
          `UPDATE events SET metadata = replace(metadata, '2', '3') WHERE stream = 'institution-h1'`,
        ),
      /^the event at position \d+ \(institution\) is damaged$/,
    ],
    [
      'an event that is gone from the middle of its stream',
      dir => within(dir, 'events.db', `DELETE FROM events WHERE stream = 'institution-h2' AND revision = 1`),
      /^the event at position \d+ \(institution\) has a gap in its stream$/,
    ],
    [
      'a content that is gone',
      dir => rmSync(contentIn(dir)),
      /^the content that the event at position \d+ \(.*\) names is damaged or not there$/,
    ],
    [
      'a content with a flipped bit',
      dir => flipLastBit(contentIn(dir)),
      /^the content that the event at position \d+ \(.*\) names is damaged or not there$/,
    ],
    [
      'a password that is gone',
      dir => within(dir, 'auth.db', `DELETE FROM credentials WHERE account = '${rootAccount}'`),
      /^the password of a person that the log names is not in the store of credentials$/,
    ],
    [
      'a secret of a node that is gone',
      dir => within(dir, 'auth.db', `DELETE FROM credentials WHERE account LIKE 'node:%'`),
      /^a secret of a node that the log names is not in the store of credentials$/,
    ],
    [
      'the credentials of another log',
      dir => within(dir, 'auth.db', `UPDATE claims SET value = 'another' WHERE name = 'log'`),
      /^the credentials are those of another log$/,
    ],
    [
      'the body of a message that is gone',
      dir => within(dir, 'relay.db', 'DELETE FROM pieces; DELETE FROM bodies'),
      /^the body of a message that somebody waits for is not there$/,
    ],
    [
      'the body of a message that is another one',
      dir => within(dir, 'relay.db', `UPDATE pieces SET bytes = x'00'`),
      /^the body of a message that somebody waits for is damaged$/,
    ],
    [
      'a read model that says something else',
      dir =>
        within(
          dir,
          'read.db',
          `UPDATE "${tableOf(dir, 'institutions')}" SET text = replace(text, 'Hospital 3', 'Hospital 4')`,
        ),
      /^the read model institutions differs from the log in a document of position \d+ \(text\)$/,
    ],
    [
      'a read model without a document',
      dir => within(dir, 'read.db', `DELETE FROM "${tableOf(dir, 'pols')}" WHERE key LIKE '${rootAccount}%'`),
      /^the read model pols differs from the log in a document of position \d+ \(missing\)$/,
    ],
    ['a file that SQLite cannot read', dir => overwrite(join(dir, 'auth.db'), 8_192), /^auth\.db: /],
  ]

  it.each(broken)('finds %s', async (_, damage, finding) => {
    const dataDir = copied()
    damage(dataDir)
    const findings = await findingsIn(dataDir)
    expect(findings).toContainEqual(expect.stringMatching(finding))
    expect(findings.join('\n')).not.toMatch(/ARGBUE|ESPGNU|Hospital/)
  })

  it('finds the key of a person that is gone, at every event about them, and goes on', async () => {
    const dataDir = copied()
    within(dataDir, 'auth.db', `DELETE FROM subject_keys WHERE account = 'ESPGNU777ORG'`)
    within(dataDir, 'events.db', `UPDATE events SET type = 'InstitutionSeen' WHERE stream = 'institution-h3'`)
    const findings = await findingsIn(dataDir)
    expect(
      findings.filter(found => found.endsWith('the key of its person is not in the store of keys')).length,
    ).toBe(3)
    expect(findings.filter(found => found.includes('(institution)')).length).toBe(1)
  })
})

describe('the command check', () => {
  it('builds every read model anew while the hub runs, and ends with what it has looked at', async () => {
    const { dataDir } = hub.core.config
    const ended = await runCommand(['check', '--data-dir', dataDir])
    expect(ended).toMatchObject({ code: 0, err: '' })
    expect(ended.out).toMatch(
      /^All is whole: \d+ events up to \w+-0-\d+, 1 contents, 3 credentials, 1 bodies of messages\.\n$/,
    )
    expect((await hub.root.get('/institutions/h2')).json).toMatchObject({ name: 'Hospital B' })
  })

  it('lists each finding and ends with 1, and says which read model differs', async () => {
    const dataDir = copied()
    within(
      dataDir,
      'read.db',
      `UPDATE "${tableOf(dataDir, 'institutions')}" SET text = replace(text, 'Hospital 3', 'Hospital 4')`,
    )
    rmSync(contentIn(dataDir))
    const ended = await runCommand(['check', '--json', '--data-dir', dataDir])
    expect(ended).toMatchObject({ code: 1, err: '' })
    expect(JSON.parse(ended.out).findings).toEqual([
      expect.stringMatching(/^the content that/),
      'the read model institutions differs from the log: `rebuild institutions` says in which document',
    ])
  })

  it('takes a wrong sample for a wrong option', async () => {
    expect(await runCommand(['check', '--sample', 'some'])).toMatchObject({ code: 2, out: '' })
  })
})
