import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import bcrypt from 'bcrypt'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { basic, clientOf } from '../../support/client.ts'
import { runHere } from '../../support/command-here.ts'
import { describeUnless } from '../../support/describe-unless.ts'
import { temporaryFolder } from '../../support/folder.ts'
import {
  clearText,
  hash,
  oddOriginal,
  password,
  report,
  scan,
  sha256Of,
  sha512Of,
} from '../../support/original.ts'
import {
  documentRow,
  noPostgresql,
  originalTables,
  type Postgresql,
  pageRow,
  rowIn,
  startPostgresql,
} from '../../support/postgresql.ts'
import { type Ended, runCommand, startCommand, startHubProcess, untilReady } from '../../support/process.ts'

/** Many commands, each a process of its own, on a machine that may do other things. */
vi.setConfig({ testTimeout: 240_000 })
afterAll(() => vi.resetConfig())

const folder = temporaryFolder()
afterAll(() => folder.remove())
let paths = 0
const newPath = () => {
  paths += 1
  return join(folder.path, String(paths))
}

/** Waits until the log holds so many events. */
const untilEvents = async (dataDir: string, least: number): Promise<void> => {
  const count = (): number => {
    try {
      const db = new DatabaseSync(join(dataDir, 'events.db'), { readOnly: true, timeout: 2_000 })
      const row = db.prepare('SELECT count(*) AS events FROM events').get()
      db.close()
      return Number(row?.events)
    } catch {
      return 0
    }
  }
  while (count() < least) await pause(5)
}

interface Summary {
  readonly taken: readonly {
    readonly table: string
    readonly added: number
    readonly changed: number
    readonly leftAlone: number
    readonly present: number
    readonly notTaken: number
  }[]
  readonly notTaken: readonly unknown[]
  readonly words: readonly { readonly table: string; readonly reason: string; readonly rows: number }[]
  readonly otherwise: readonly unknown[]
  readonly compared: readonly unknown[]
  readonly differences: readonly unknown[]
  readonly files: readonly string[]
}

describe('migrate', () => {
  it('refuses what is no address of a database, without repeating it', async () => {
    for (const from of [`mysql://u:${clearText}@h/d`, `not an address ${clearText}`, '']) {
      const { code, err } = await runHere(['migrate', '--from', from, '--data-dir', newPath()])
      expect(code).toBe(2)
      expect(err).toBe('--from: must be postgresql://[USER@]HOST[:PORT]/DATABASE; see --help\n')
    }
  })

  it('says that nothing listens, and leaves no hub behind', async () => {
    const dataDir = newPath()
    const { code, out, err } = await runCommand([
      'migrate',
      '--from',
      'postgresql://u:secret@127.0.0.1:1/d',
      '--data-dir',
      dataDir,
    ])
    expect([code, out]).toEqual([1, ''])
    expect(err).toBe('The database that --from names cannot be read: nothing listens there.\n')
    expect(() => statSync(dataDir)).toThrow('ENOENT')
  })

  it('refuses a map that no field can take', async () => {
    const map = newPath()
    writeFileSync(
      map,
      JSON.stringify({ dwelling: { castle: 'palace' }, no_field: {}, roles: { doctor: 'king' } }),
    )
    const { code, err } = await runHere([
      'migrate',
      '--from',
      'postgresql://h/d',
      '--map',
      map,
      '--data-dir',
      newPath(),
    ])
    expect([code, err]).toEqual([
      2,
      '--map: dwelling cannot be "palace"\n--map: no table has a field no_field with words of its own\n--map: roles cannot be "king"\n',
    ])
  })
})

describeUnless(noPostgresql(), 'migrate from a database of the original', () => {
  let postgresql: Postgresql
  beforeAll(async () => {
    postgresql = await startPostgresql()
    await postgresql.make('odd', oddOriginal)
  })
  afterAll(() => postgresql.remove())

  const migrate = (dataDir: string, more: readonly string[] = [], database = 'odd'): Promise<Ended> =>
    runCommand([
      ...['migrate', '--from', postgresql.socketUrlOf(database), '--data-dir', dataDir],
      ...['--max-content', '2900000', ...more],
    ])

  const summed = async (dataDir: string, more: readonly string[] = [], database = 'odd') => {
    const ended = await migrate(dataDir, ['--json', ...more], database)
    expect(ended.err).toBe('')
    return { code: ended.code, summary: JSON.parse(ended.out) as Summary }
  }

  const linesIn = (files: readonly string[], name: string): readonly Record<string, unknown>[] => {
    const file = files.find(path => path.endsWith(name))
    return file === undefined
      ? []
      : readFileSync(file, 'utf8')
          .trim()
          .split('\n')
          .map(line => JSON.parse(line) as Record<string, unknown>)
  }

  const numbersOf = ({ taken }: Summary) =>
    Object.fromEntries(
      taken.map(({ table, added, present, notTaken }) => [table, [added, present, notTaken]]),
    )

  const first = {
    people: [10, 0, 5],
    institutions: [1, 0, 2],
    dus: [1, 0, 2],
    pols: [5, 0, 5],
    personal_docs: [4, 0, 3],
  }

  it('brings over what fits, lists what does not, and compares both sides', async () => {
    const dataDir = newPath()
    const dry = await summed(dataDir, ['--dry-run'])
    expect([dry.code, dry.summary.compared]).toEqual([1, []])
    expect(numbersOf(dry.summary)).toEqual(first)

    const { code, summary } = await summed(dataDir)
    expect(code).toBe(1)
    expect(numbersOf(summary)).toEqual(first)
    // The dry run had said it all.
    for (const part of ['notTaken', 'words', 'otherwise'] as const)
      expect(dry.summary[part]).toEqual(summary[part])
    for (const name of ['not-taken.ndjson', 'taken-otherwise.ndjson'])
      expect(linesIn(dry.summary.files, name)).toEqual(linesIn(summary.files, name))
    const same = (equal: number) => ({ equal, changedSince: 0, different: 0, onlyInHub: 0 })
    expect(summary.compared).toEqual([
      { table: 'people', ...same(10) },
      { table: 'institutions', ...same(1) },
      { table: 'dus', ...same(1) },
      { table: 'pols', ...same(5) },
      { table: 'personal_docs', ...same(4) },
    ])
    expect(summary.differences).toEqual([])
    expect(summary.words).toEqual([
      { table: 'dus', reason: 'dwelling: "castle"', rows: 2 },
      { table: 'people', reason: 'roles: "doctor"', rows: 1 },
      { table: 'institutions', reason: 'institution_type: "university_hospital"', rows: 1 },
    ])

    // A second run adds nothing.
    const again = await summed(dataDir)
    expect(numbersOf(again.summary)).toEqual({
      people: [0, 10, 5],
      institutions: [0, 1, 2],
      dus: [0, 1, 2],
      pols: [0, 5, 5],
      personal_docs: [0, 4, 3],
    })

    await servedIn(dataDir)
  })

  const servedIn = async (dataDir: string): Promise<void> => {
    const hub = await startHubProcess(dataDir)
    await untilReady(hub)
    try {
      const root = clientOf(hub.url, basic('ARGBUE111FAV', 'freedom'))
      // Passwords go on working, whatever bcrypt called them.
      for (const account of ['ESPGNU777ORG', 'ITAPYT999HON', 'ESPOLD111OLD'])
        expect((await clientOf(hub.url, basic(account, password)).get('/login')).status).toBe(200)
      for (const secret of [clearText, password])
        expect((await clientOf(hub.url, basic('ESPCLE333ART', secret)).get('/login')).status).toBe(401)

      const item = async (path: string) => (await root.get(path)).json
      expect(await item('/people/ESPGNU777ORG')).toEqual({
        ...{ id: 'ESPGNU777ORG', name: 'Ana', lastname: 'Betz', dob: null, gender: 'f' },
        ...{ active: true, roles: ['end_user'] },
      })
      expect(await item('/people/ITAPYT999HON')).toMatchObject({
        active: true,
        roles: ['end_user', 'health_professional'],
      })
      expect(await item('/people/ESPOLD111OLD')).toMatchObject({ name: 'the one' })
      expect(await item('/people/ESPSOL222OLY')).toMatchObject({ id: 'ESPSOL222OLY', name: 'alone' })
      expect(await item('/people/ESPOTH999ERR')).toMatchObject({ id: 'ESPOTH999ERR', name: 'Other' })
      expect(await item('/institutions/gral')).toEqual({
        ...{ id: 'gral', name: 'General', beds: 120, teaching: true, heliport: false },
        ...{ institution_type: 'hospital', extra_info: null },
      })
      expect(await item('/domiciliary-units/GC-001')).toEqual({
        ...{ id: 'GC-001', latitude: 28.1, longitude: -15.4, address: 'Calle Mayor 12' },
        ...{ water: true, gas: false, housing: expect.anything(), desc: null },
      })
      expect(await item('/pols/ESPGNU777ORG/p-hmis')).toMatchObject({
        measurements: "{'bp': {'systolic': 120, 'diastolic': 80}, 'hr': 70}",
        relevance: null,
        privacy: false,
      })
      expect(await item('/pols/ESPGNU777ORG/p-book')).toEqual({
        id: 'p-book',
        book: 'ESPGNU777ORG',
        summary: 'whose?',
      })
      expect((await root.get('/pols/ITAPYT999HON/p-book')).status).toBe(404)
      expect((await root.get('/pols/ESPOLD111OLD')).json).toEqual([])
      expect(await item('/pols/ESPSOL222OLY/p-alone')).toMatchObject({ book: 'ESPSOL222OLY' })
      expect(await item('/personal-documents/d-scan')).toMatchObject({
        ...{ person: 'ESPGNU777ORG', page: 'p-hmis', type: 'scan', active: true },
        content: { size: scan.length, type: 'image/png', sha256: sha256Of(scan) },
      })
      const documents = (await item('/personal-documents?person=ESPGNU777ORG')) as readonly object[]
      expect(documents.map(one => 'fedacct' in one || 'pol' in one)).not.toContain(true)
      expect(await item('/personal-documents/d-report')).toMatchObject({
        person: 'ESPGNU777ORG',
        content: { size: report.length, type: 'application/pdf' },
      })
      expect(await item('/personal-documents/d-unchecked')).toMatchObject({
        person: 'ESPSOL222OLY',
        content: { size: 0, type: 'application/octet-stream' },
      })
      expect(await item('/personal-documents/d-empty')).not.toHaveProperty('content')
      // What is wrong with a content does not cost the record of the document.
      for (const id of ['d-wrong', 'd-large'])
        expect(await item(`/personal-documents/${id}`)).not.toHaveProperty('content')
      const content = await fetch(`${hub.url}/personal-documents/d-scan/content`, {
        headers: { Authorization: basic('ARGBUE111FAV', 'freedom') },
      })
      expect(Buffer.from(await content.arrayBuffer()).equals(scan)).toBe(true)
    } finally {
      await hub.kill('SIGTERM')
    }
  }

  it('lists what was not taken so that it can be corrected and imported', async () => {
    const dataDir = newPath()
    const { summary } = await summed(dataDir)
    const lines = linesIn(summary.files, 'not-taken.ndjson')
    expect(lines.map(({ note }) => note)).toContainEqual({
      ...{ table: 'pols', key: 'p-item', reason: 'An item has at most 900 KiB.' },
    })
    expect(lines.find(({ id }) => id === 'ESPNUM000BER')).toMatchObject({
      data: { name: 'Num', chip: '12345678901234567890' },
    })
    // Whose they are, somebody must say first.
    for (const [key, wanted] of [
      ['espold111old', { id: '?espold111old' }],
      ['p-lower', { id: '?espold111old/p-lower' }],
      ['d-lower', { id: 'd-lower', data: { person: '?espold111old' } }],
    ] as const)
      expect(lines.find(({ note }) => (note as { key: string }).key === key)).toMatchObject(wanted)
    const [listed = ''] = summary.files.filter(file => file.endsWith('not-taken.ndjson'))
    expect(statSync(listed).mode & 0o777).toBe(0o600)
    expect(readFileSync(listed, 'utf8')).not.toContain(clearText)

    const corrected = newPath()
    const text = readFileSync(listed, 'utf8')
      .replace('"doctor"', '"health_professional"')
      .replaceAll('"castle"', '"single_house"')
      .replace('"id":"with space"', '"id":"with-space"')
      .split('\n')
      .filter(line => /ESPROL888ESS|ESPNUM000BER|GC-003|with-space/.test(line))
    writeFileSync(corrected, text.join('\n'))
    expect(await runCommand(['import', corrected, '--data-dir', dataDir])).toEqual({
      code: 0,
      out: '5 added, 0 already there, 0 refused.\n',
      err: '',
    })
    const uncorrected = await runCommand(['import', listed, '--data-dir', dataDir])
    expect(uncorrected.out).toBe('0 added, 4 already there, 13 refused.\n')
  })

  it('takes words by a map', async () => {
    const map = newPath()
    writeFileSync(
      map,
      JSON.stringify({
        roles: { doctor: 'health_professional' },
        institution_type: { university_hospital: 'hospital' },
        dwelling: { castle: null },
      }),
    )
    const { summary } = await summed(newPath(), ['--map', map])
    expect(numbersOf(summary)).toEqual({
      ...{
        people: [11, 0, 4],
        institutions: [2, 0, 1],
        dus: [2, 0, 1],
        pols: [6, 0, 4],
        personal_docs: [4, 0, 3],
      },
    })
    expect(summary.words).toEqual([])
  })

  it('says it all to a person, and reports each contradiction with both sides', async () => {
    const report = newPath()
    const { code, out } = await migrate(newPath(), ['--report', report, '--dry-run'])
    expect(code).toBe(1)
    expect(out).toMatch(
      /^table +rows +would be added +changed +already there +left alone +not taken\npeople +15 +10 +0 +0 +0 +5\n/,
    )
    expect(out).toContain('\n  1 institutions: institution_type: "university_hospital"\n')
    expect(linesIn([join(report, 'taken-otherwise.ndjson')], 'taken-otherwise.ndjson')).toContainEqual({
      ...{ table: 'pols', key: 'p-book', reason: 'data.book contradicts the key column, which counts' },
      ...{ field: 'book', data: 'ITAPYT999HON', column: 'ESPGNU777ORG' },
    })
    const second = await migrate(newPath(), ['--report', report])
    expect([second.code, second.err]).toEqual([
      2,
      `--report: ${report} holds the lists of another run: name another folder\n`,
    ])
  })

  it('compares with what became of items in the hub', async () => {
    const dataDir = newPath()
    await summed(dataDir)
    const hub = await startHubProcess(dataDir)
    await untilReady(hub)
    const root = clientOf(hub.url, basic('ARGBUE111FAV', 'freedom'))
    await root.patch('/pols/ESPGNU777ORG/p-hmis', { summary: 'read' })
    await root.delete('/pols/ESPGNU777ORG/p-my')
    await root.post('/pols/ESPGNU777ORG/new', { summary: 'written here' })
    // While the hub runs: it has it all when the command returns.
    await postgresql.make('odd', [pageRow('p-later', 'ESPGNU777ORG', { summary: 'came later' })])
    const { summary } = await summed(dataDir)
    expect(numbersOf(summary).pols).toEqual([1, 4, 5])
    expect((await root.get('/pols/ESPGNU777ORG/p-later')).status).toBe(200)
    expect(summary.compared[3]).toEqual({
      ...{ table: 'pols', equal: 4, changedSince: 1, different: 0, onlyInHub: 1 },
    })
    expect(linesIn(summary.files, 'differences.ndjson')).toEqual([
      { table: 'pols', key: 'ESPGNU777ORG:new', is: 'only in the hub' },
    ])
    await hub.kill('SIGTERM')
    await postgresql.make('odd', ["DELETE FROM pols WHERE id = 'p-later'"])
  })

  it('follows what the original changed, and leaves alone what the hub did', async () => {
    const dataDir = newPath()
    const other = bcrypt.hashSync('another one', 4)
    await postgresql.make('moving', [
      ...originalTables,
      rowIn('people', 'ESPGNU777ORG', { name: 'Ana', password: hash, roles: ['end_user'], active: true }),
      rowIn('people', 'ESPHUB111HUB', { name: 'Hub' }),
      pageRow('p1', 'ESPGNU777ORG', { summary: 'one' }),
      pageRow('p2', 'ESPGNU777ORG', { summary: 'two' }),
      documentRow('d1', 'ESPGNU777ORG', 'p1', report, { extension: 'pdf', hash: sha512Of(report) }),
      rowIn('institutions', 'gral', { institution_type: 'castle' }),
    ])
    await summed(dataDir, [], 'moving')
    const corrected = newPath()
    writeFileSync(
      corrected,
      JSON.stringify({ resource: 'institutions', id: 'gral', data: { institution_type: 'clinic' } }),
    )
    await runCommand(['import', corrected, '--data-dir', dataDir])
    await runCommand(['person', 'roles', 'ESPHUB111HUB', 'root', '--data-dir', dataDir])

    const change = (table: string, id: string, data: unknown) =>
      [`UPDATE ${table} SET data = $2 WHERE id = $1`, id, JSON.stringify(data)] as const
    await postgresql.make('moving', [
      change('people', 'ESPGNU777ORG', {
        ...{ name: 'Ana María', password: other, roles: ['health_professional'], active: true },
      }),
      change('people', 'ESPHUB111HUB', { name: 'Hub of the original' }),
      change('pols', 'p1', { summary: 'one, amended' }),
      [
        'UPDATE personal_docs SET document = $1, data = $2',
        scan,
        JSON.stringify({ extension: 'png', hash: sha512Of(scan) }),
      ],
    ])
    const expected = { people: [0, 1, 0, 0, 1], pols: [0, 1, 1, 0, 0], personal_docs: [0, 1, 0, 0, 0] }
    const allNumbers = ({ taken }: Summary) =>
      Object.fromEntries(
        taken.map(row => [row.table, [row.added, row.changed, row.present, row.leftAlone, row.notTaken]]),
      )
    const dry = await summed(dataDir, ['--dry-run'], 'moving')
    expect(allNumbers(dry.summary)).toMatchObject(expected)
    const { summary } = await summed(dataDir, [], 'moving')
    expect(allNumbers(summary)).toEqual({ ...expected, institutions: [0, 0, 0, 1, 0], dus: [0, 0, 0, 0, 0] })
    expect(summary.differences).toEqual([])
    expect(summary.compared).toMatchObject([{ equal: 1 }, { equal: 0 }, {}, { equal: 2 }, { equal: 1 }])

    // Back to what it was at first: not to be taken for a repeat.
    await postgresql.make('moving', [change('pols', 'p1', { summary: 'one' })])
    expect(allNumbers((await summed(dataDir, [], 'moving')).summary).pols).toEqual([0, 1, 1, 0, 0])

    const hub = await startHubProcess(dataDir)
    await untilReady(hub)
    try {
      const ana = clientOf(hub.url, basic('ESPGNU777ORG', 'another one'))
      expect((await ana.get('/people/ESPGNU777ORG')).json).toMatchObject({
        name: 'Ana María',
        roles: ['health_professional'],
      })
      expect((await clientOf(hub.url, basic('ESPGNU777ORG', password)).get('/login')).status).toBe(401)
      expect((await ana.get('/people/ESPHUB111HUB')).json).toMatchObject({ name: 'Hub', roles: ['root'] })
      expect((await ana.get('/pols/ESPGNU777ORG/p1')).json).toMatchObject({ summary: 'one' })
      expect((await ana.get('/personal-documents/d1')).json).toMatchObject({
        content: { size: scan.length, type: 'image/png' },
      })
    } finally {
      await hub.kill('SIGTERM')
    }
  })

  it('by SIGINT, ends where it is, and loses and doubles nothing when it is run again', async () => {
    const many = 3_000
    const dataDir = newPath()
    await postgresql.make('many', [
      ...originalTables,
      `INSERT INTO people SELECT 'ESPAAA' || n || 'ORG', '{"name": "Ana"}' FROM generate_series(1, ${many}) AS n`,
    ])
    const parameters = ['migrate', '--from', postgresql.socketUrlOf('many'), '--data-dir', dataDir, '--json']
    const running = startCommand(parameters)
    await untilEvents(dataDir, 100)
    running.kill('SIGINT')
    const { code, out, err } = await running.ended
    expect([code, err]).toEqual([1, 'Interrupted. Run it again: what is in is not added twice.\n'])
    const { added = 0 } = (JSON.parse(out) as Summary).taken[0] ?? {}
    expect(added).toBeLessThan(many)
    const { summary } = await summed(dataDir, [], 'many')
    expect(numbersOf(summary).people).toEqual([many - added, added, 0])
    expect(summary.compared[0]).toMatchObject({ equal: many, different: 0, onlyInHub: 0 })
  })

  it('writes nothing in a dry run', async () => {
    const dataDir = newPath()
    await summed(dataDir, ['--dry-run'])
    const { out } = await runCommand(['replay', '--data-dir', dataDir])
    expect(
      out
        .trim()
        .split('\n')
        .filter(line => line.includes('"resource"')),
    ).toEqual([])
    expect(readdirSync(dataDir)).not.toContain('content')
  })

  it('reads a database that has none but people, and refuses one that has none of it', async () => {
    await postgresql.make('small', [originalTables[0] ?? '', rowIn('people', 'ESPGNU777ORG', {})])
    const { code, summary } = await summed(newPath(), [], 'small')
    expect([code, numbersOf(summary)]).toEqual([0, { people: [1, 0, 0] }])
    await postgresql.make('other', ['CREATE TABLE people (id varchar)'])
    expect(await migrate(newPath(), [], 'other')).toEqual({
      code: 1,
      out: '',
      err: 'The database that --from names is not the original’s: it lacks the columns people.data.\n',
    })
    await postgresql.make('empty', [])
    expect((await migrate(newPath(), [], 'empty')).err).toContain('it has no table people')
  })

  it('takes the password from the address, the environment, a password file or a service file, and never says it', async () => {
    await postgresql.make('small', [])
    const given = async (from: string, environment: Readonly<Record<string, string>> = {}) => {
      const ended = await runCommand(
        ['migrate', '--from', from, '--data-dir', newPath()],
        '',
        'node',
        environment,
      )
      expect(ended.out + ended.err).not.toContain(postgresql.password)
      expect(ended.out + ended.err).not.toContain(encodeURIComponent(postgresql.password))
      return ended
    }
    expect((await given(postgresql.urlOf('small'))).code).toBe(0)
    const bare = postgresql.urlOf('small', '')
    expect((await given(bare, { PGPASSWORD: postgresql.password })).code).toBe(0)
    const passwords = newPath()
    const escaped = postgresql.password.replaceAll(':', '\\:')
    writeFileSync(passwords, `127.0.0.1:*:small:gnuhealth:${escaped}\n`, { mode: 0o600 })
    expect((await given(bare, { PGPASSFILE: passwords })).code).toBe(0)
    const services = newPath()
    writeFileSync(
      services,
      `[old]\nhost=127.0.0.1\n# where it is\nport=${postgresql.port}\ndbname=small\nuser=gnuhealth\npassword=${postgresql.password}\n[other]\nhost=h\n`,
    )
    expect((await given('postgresql://?service=old', { PGSERVICEFILE: services })).code).toBe(0)
    expect((await given('postgresql://?service=none', { PGSERVICEFILE: services })).err).toContain(
      'the service file does not hold the service that is named',
    )
    for (const [from, reason] of [
      [bare, 'it wants a password: set PGPASSWORD'],
      [postgresql.urlOf('small', `${postgresql.password}!`), 'it does not take this user with this password'],
      [postgresql.urlOf('nowhere'), 'it has no database of this name'],
      [`${postgresql.urlOf('small')}?sslmode=require`, 'it does not speak TLS'],
    ] as const) {
      const { code, err } = await given(from, { PGPASSFILE: newPath() })
      expect([code, err]).toEqual([1, `The database that --from names cannot be read: ${reason}.\n`])
    }
  })

  it.skipIf(spawnSync('openssl', ['version']).status !== 0)('speaks TLS as libpq does', async () => {
    const certificates = newPath()
    execFileSync('mkdir', [certificates])
    const [cert, key] = [join(certificates, 'cert.pem'), join(certificates, 'key.pem')]
    execFileSync(
      'openssl',
      `req -x509 -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout ${key} -out ${cert}`.split(
        ' ',
      ),
      { stdio: 'ignore' },
    )
    const server = await startPostgresql({ cert, key })
    try {
      await server.make('small', [originalTables[0] ?? '', 'CREATE TABLE dus (id varchar, data jsonb)'])
      // Only a connection with TLS sees a row.
      await server.make('small', [
        "CREATE VIEW institutions AS SELECT 'tls'::varchar AS id, '{}'::jsonb AS data FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl",
      ])
      const rowsWith = async (parameters: string) => {
        const from = `${server.urlOf('small')}${parameters}`
        const { code, out, err } = await runCommand([
          'migrate',
          '--from',
          from,
          '--data-dir',
          newPath(),
          '--json',
        ])
        return code === 0 ? numbersOf(JSON.parse(out) as Summary).institutions : err
      }
      expect(await rowsWith('')).toEqual([1, 0, 0])
      expect(await rowsWith('?sslmode=disable')).toEqual([0, 0, 0])
      expect(await rowsWith(`?sslmode=verify-full&sslrootcert=${cert}`)).toEqual([1, 0, 0])
      expect(await rowsWith('?sslmode=verify-full')).toContain('its certificate is not trusted')
    } finally {
      await server.remove()
    }
  })
})
